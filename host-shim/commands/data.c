/* coding-agents data: what an agent keeps on this machine, as archives. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/commands/command.h"
#include "lib/base/cleanup.h"
#include "lib/host/data_store.h"
#include "lib/host/install_paths.h"
#include "lib/host/landlock.h"
#include "lib/host/printable.h"

/* An archive that is not what it must be. */
#define EXIT_REFUSED 1

struct request {
    const struct command_line *line;
    const char *file;
    struct data_store store;
    struct data_session session;
};

static int fail(const struct request *request, struct error *err)
{
    if (err->number != EBADMSG)
        return command_fail(request->line, err, EXIT_HOST_INTERNAL);
    error_prefix(err, "'%s' is refused", request->file);
    (void)command_fail(request->line, err, EXIT_HOST_INTERNAL);
    return EXIT_REFUSED;
}

/* Takes DOCUMENT, or prints TEXT for people when that was asked for. */
static int print(const struct request *request, json_t *document, const char *text)
{
    struct error err = ERROR_INITIALIZER;
    int result = document != NULL ? 0 : -ENOMEM;
    if (result == 0 && command_has(request->line, "json"))
        result = printable_json_dump(document, stdout);
    else if (result == 0 && puts(text) == EOF)
        result = -EIO;
    json_decref(document);
    if (result == 0 && fflush(stdout) != EOF)
        return 0;
    error_set(&err, EIO, "print what was done");
    return command_fail(request->line, &err, EXIT_HOST_INTERNAL);
}

/* What came out of a container is read next: nothing but the data of agents is within reach then,
 * and nobody to talk to. */
static int confine(const struct request *request, struct error *err)
{
    if (request->store.session == NULL)
        return 0;
    return landlock_confine_filtered(request->store.root, LANDLOCK_TREE, "seccomp/data.bpf",
                                     "coding-agents data", err);
}

/* What an export did: files in it, files that are not, and what was left to merge before. */
struct exported {
    size_t files;
    size_t left_out;
    struct data_left left;
};

/* A session begins with what those before it left. */
static int merge_left(struct request *request, struct data_left *left, struct error *err)
{
    const struct data_session *session = request->store.session;
    if (session == NULL)
        return 0;
    request->store.session = NULL;
    int result = data_spool_merge_left(&request->store, &session->places, left, err);
    request->store.session = session;
    return result;
}

static int write_archive(struct request *request, int fd, struct exported *exported,
                         struct error *err)
{
    int result = confine(request, err);
    if (result == 0)
        result = merge_left(request, &exported->left, err);
    if (result == 0)
        result = data_store_export(&request->store, fd, &exported->files, &exported->left_out, err);
    if (result == 0 && fsync(fd) < 0)
        result = error_set(err, errno, "write '%s'", request->file);
    return result;
}

/* Half an archive is none. Its directory may be out of reach by now: then it is empty at least. */
static void discard(const struct request *request, int fd)
{
    if (unlink(request->file) < 0)
        (void)!ftruncate(fd, 0);
}

static json_t *exported_json(const struct exported *exported)
{
    const struct data_left *left = &exported->left;
    json_t *document = json_pack(
        "{s:i, s:I, s:I, s:I, s:I, s:I}", "version", 1, "files", (json_int_t)exported->files,
        "left_out", (json_int_t)exported->left_out, "merged", (json_int_t)left->merged, "refused",
        (json_int_t)left->refused, "kept", (json_int_t)left->kept);
    if (document != NULL && left->list != NULL &&
        json_object_set(document, "sessions", left->list) < 0) {
        json_decref(document);
        return NULL;
    }
    return document;
}

static int export_data(struct request *request)
{
    struct error err = ERROR_INITIALIZER;
    char text[128];
    struct exported exported = {.files = 0};
    cleanup_fd int fd = open(request->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_set(&err, errno, "make '%s'", request->file);
        return command_fail(request->line, &err, EXIT_HOST_INTERNAL);
    }
    int result = write_archive(request, fd, &exported, &err);
    json_t *document = result < 0 ? NULL : exported_json(&exported);
    json_decref(exported.left.list);
    if (result < 0) {
        discard(request, fd);
        return fail(request, &err);
    }
    snprintf(text, sizeof(text), "%zu files, %zu left out", exported.files, exported.left_out);
    return print(request, document, text);
}

/* -1 after the reason was printed. */
static int open_archive(const struct request *request)
{
    struct error err = ERROR_INITIALIZER;
    struct stat status;
    int fd = open(request->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        error_set(&err, errno, "open '%s'", request->file);
    else if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    else
        error_set(&err, EINVAL, "'%s' is not a regular file", request->file);
    if (fd >= 0)
        close(fd);
    (void)command_fail(request->line, &err, EXIT_USAGE);
    return -1;
}

static int import_data(struct request *request)
{
    struct error err = ERROR_INITIALIZER;
    struct data_report report;
    char text[256];
    cleanup_fd int fd = open_archive(request);
    if (fd < 0)
        return EXIT_USAGE;
    if (confine(request, &err) < 0 || data_store_merge(&request->store, fd, &report, &err) < 0)
        return fail(request, &err);
    snprintf(text, sizeof(text),
             "%zu added, %zu replaced, %zu extended, %zu unchanged, %zu left as they are",
             report.added, report.replaced, report.extended, report.unchanged, report.left);
    json_t *document = data_report_json(&report);
    if (document != NULL && json_object_set_new(document, "version", json_integer(1)) < 0) {
        json_decref(document);
        document = NULL;
    }
    return print(request, document, text);
}

static int verify_data(struct request *request)
{
    struct error err = ERROR_INITIALIZER;
    struct pack_manifest *manifest = NULL;
    char text[256];
    cleanup_fd int fd = open_archive(request);
    if (fd < 0)
        return EXIT_USAGE;
    if (confine(request, &err) < 0 || data_store_check(&request->store, fd, &manifest, &err) < 0)
        return fail(request, &err);
    const struct pack_label *label = &manifest->label;
    snprintf(text, sizeof(text), "whole: %zu files, %llu bytes, %s%s", manifest->count,
             (unsigned long long)manifest->total,
             label->direction == PACK_EXPORT ? "out of session " : "of this account's data",
             label->session);
    json_t *document = json_pack(
        "{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "version", 1, "direction",
        label->direction == PACK_EXPORT ? "export" : "import", "agent", label->agent, "session",
        label->session, "counter", (json_int_t)label->counter, "files", (json_int_t)manifest->count,
        "bytes", (json_int_t)manifest->total, "manifest_sha256", manifest->sha256);
    pack_manifest_free(manifest);
    return print(request, document, text);
}

/* clang-format off */
static const struct { const char *name; int (*run)(struct request *request); } actions[] = {
    {"export", export_data},
    {"import", import_data},
    {"verify", verify_data},
};
/* clang-format on */

static int take_session(struct request *request, const char *agent, struct error *err)
{
    char table[PATH_MAX];
    const char *id = command_value(request->line, "session");
    if (id == NULL)
        return 0;
    if (!manifest_is_session_id(id))
        return error_set(err, EINVAL, "'%.40s' is not the id of a session", id);
    snprintf(request->session.id, sizeof(request->session.id), "%s", id);
    int result = install_path_share("policies/agent-data.tab", table, err);
    if (result == 0)
        result = pack_places_load(table, agent, &request->session.places, err);
    if (result == 0 && request->session.places.count == 0)
        result = error_set(err, EINVAL, "sessions of '%.40s' keep nothing", agent);
    return result;
}

static int run(struct request *request, int (*action)(struct request *request))
{
    struct error err = ERROR_INITIALIZER;
    const char *agent = request->line->arguments[1];
    int result = take_session(request, agent, &err);
    if (result == 0)
        result = data_store_open(&request->store, agent, &err);
    if (result < 0) {
        (void)command_fail(request->line, &err, EXIT_HOST_INTERNAL);
        return result == -EINVAL ? EXIT_USAGE : EXIT_HOST_INTERNAL;
    }
    if (request->session.places.count > 0)
        request->store.session = &request->session;
    return action(request);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("data", argc, argv, &line);
    struct request request = {
        .line = &line, .file = line.arguments[2], .store = {.root = -1, .tree = -1, .lock = -1}};
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
        if (strcmp(actions[i].name, line.arguments[0]) != 0)
            continue;
        int code = run(&request, actions[i].run);
        data_store_close(&request.store);
        return code;
    }
    error_set(&err, EINVAL, "'%s' is none of export, import and verify", line.arguments[0]);
    return command_fail(&line, &err, EXIT_USAGE);
}

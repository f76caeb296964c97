/* Lists the files that configure an agent, and what became different since they were accepted. */
#include "host-shim/commands/trust_config_show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/git.h"
#include "lib/host/printable.h"
#include "lib/wire/agent_config.h"
#include "lib/wire/limits.h"
#include "lib/wire/record.h"
#include "lib/wire/session.h"

/* Of both sides, with a mark before each line. */
#define DIFF_BYTES_MAX ((size_t)8 * LIMIT_AGENT_CONFIG_BYTES)

/* Of each side that has a file, its copy is below a directory of this name. */
static const char *const sides[] = {"accepted", "now"};

static int write_file(const char *side, const struct agent_config_file *file, struct error *err)
{
    char path[PATH_MAX];
    char directory[PATH_MAX];
    int status = path_format(path, "%s/%s", side, file->path);
    if (status == 0)
        status = path_format(directory, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (status < 0)
        return error_set(err, -status, "copy '%.400s'", file->path);
    status = path_make_directories(directory, 0700, err);
    return status < 0 ? status
                      : fd_write_file(AT_FDCWD, path, file->data, file->size,
                                      file->is_executable ? 0700 : 0600, err);
}

static int write_side(const char *place, size_t side, const char *text, size_t size,
                      struct error *err)
{
    char path[PATH_MAX];
    size_t at = 0;
    struct agent_config_file file;
    int status = path_format(path, "%s/%s", place, sides[side]);
    if (status < 0)
        return error_set(err, -status, "copy to '%s'", place);
    status = path_make_directories(path, 0700, err);
    while (status == 0 && agent_config_next(text, size, &at, &file))
        status = write_file(path, &file, err);
    return status;
}

/* Tabs do no harm, and there are many. */
static void print_safely(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && text[end] != '\t' && text[end] != '\n')
            end++;
        cleanup_free char *safe = printable_text(text + at, end - at);
        fputs(safe == NULL ? "(no memory)" : safe, stdout);
        if (end < size)
            putchar(text[end]);
        at = end + 1;
    }
}

/* git compares, told to run nothing and to take no file for one that people cannot read. */
static int print_diff(const char *place, struct error *err)
{
    const char *const arguments[] = {
        "diff",        "--no-index",   "--no-ext-diff", "--no-textconv", "--no-color", "--text",
        "--no-prefix", "--no-renames", sides[0],        sides[1],        NULL};
    struct git_identity identity;
    struct process_result result = {.output = NULL};
    int status = git_identity_of(place, &identity, err);
    if (status == 0)
        status = git_run(place, &identity, arguments, DIFF_BYTES_MAX, &result, err);
    if (status < 0)
        return status;
    int code = process_exit_code(result.wait_status);
    if (code == 0 || code == 1)
        print_safely(result.output, result.output_size);
    else
        status = error_set(err, EINVAL, "git could not compare them: %.300s", result.error_output);
    process_result_free(&result);
    return status;
}

static int show_diff(const struct repository_config *config, struct error *err)
{
    char place[PATH_MAX];
    char root[PATH_MAX];
    int status = session_runtime_root(root, err);
    if (status == 0 && path_format(place, "%s/trust-XXXXXX", root) < 0)
        status = error_set(err, ENAMETOOLONG, "name a place below '%s'", root);
    if (status < 0)
        return status;
    if (mkdtemp(place) == NULL)
        return error_set(err, errno, "make a directory below '%s'", root);
    status = write_side(place, 0, config->accepted, config->accepted_size, err);
    if (status == 0)
        status = write_side(place, 1, config->text, config->size, err);
    if (status == 0)
        status = print_diff(place, err);
    (void)path_remove_tree(AT_FDCWD, place, NULL);
    return status;
}

int trust_config_show(const struct repository_config *config, struct error *err)
{
    size_t at = 0;
    struct agent_config_file file;
    while (agent_config_next(config->text, config->size, &at, &file)) {
        char digest[MANIFEST_DIGEST_SIZE];
        manifest_digest(file.data, file.size, digest);
        printf("%s  %8zu  ", digest, file.size);
        printable_print(stdout, file.path);
        fputs(file.is_executable ? " (executable)\n" : "\n", stdout);
    }
    if (config->trust == REPOSITORY_CONFIG_TRUSTED)
        return 0;
    putchar('\n');
    fflush(stdout);
    return show_diff(config, err);
}

static json_t *describe_file(const struct agent_config_file *file)
{
    char digest[MANIFEST_DIGEST_SIZE];
    manifest_digest(file->data, file->size, digest);
    json_t *object = json_pack("{s:I, s:s, s:b}", "size", (json_int_t)file->size, "sha256", digest,
                               "is_executable", (int)file->is_executable);
    if (object != NULL && record_set_text(object, "path", file->path) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

int trust_config_show_json(const struct repository_config *config, const char *agent,
                           const char *top, struct error *err)
{
    char accepted[MANIFEST_DIGEST_SIZE] = "";
    size_t at = 0;
    struct agent_config_file file;
    json_t *files = json_array();
    bool failed = files == NULL;
    while (!failed && agent_config_next(config->text, config->size, &at, &file))
        failed = json_array_append_new(files, describe_file(&file)) < 0;
    if (config->trust == REPOSITORY_CONFIG_TRUSTED)
        memcpy(accepted, config->digest, sizeof(accepted));
    else if (config->accepted != NULL)
        manifest_digest(config->accepted, config->accepted_size, accepted);
    json_t *document = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o}", "version", 1, "agent", agent,
                                 "state", repository_config_trust_name(config->trust), "sha256",
                                 config->digest, "accepted_sha256", accepted, "files", files);
    failed = failed || document == NULL || record_set_text(document, "repository", top) < 0;
    int status = failed ? error_set(err, ENOMEM, "describe the files") : 0;
    if (!failed && printable_json_dump(document, stdout) < 0)
        status = error_set(err, EIO, "print the document");
    json_decref(document);
    return status;
}

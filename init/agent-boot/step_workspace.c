/* The workspace step: the listed files and the git directories, copied into the volume, owned by
 * agentuser. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/copy.h"
#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/git_directory.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/report.h"
#include "init/agent-boot/source.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/agent_config.h"
#include "lib/wire/limits.h"

struct progress_context {
    uint64_t last_ns;
};

static int show_progress(const struct copy_result *done, void *argument)
{
    struct progress_context *progress = argument;
    if (boot_is_interrupted())
        return boot_interruption(NULL);
    uint64_t now = clock_monotonic_ns();
    if (now - progress->last_ns < CLOCK_NANOSECONDS_PER_SECOND)
        return 0;
    progress->last_ns = now;
    report_progress("workspace", "%" PRIu64 " files, %" PRIu64 " MiB copied", done->files,
                    done->bytes >> 20);
    return 0;
}

/* A git directory is rebuilt, never copied as a file of the work tree. */
static bool names_git_directory(const char *path)
{
    for (;;) {
        size_t length = strcspn(path, "/");
        if (length == 4 && strncasecmp(path, ".git", 4) == 0)
            return true;
        if (path[length] == '\0')
            return false;
        path += length + 1;
    }
}

static int plan_listed(struct copy_plan *plan, struct copy_directory *top, const char *list,
                       size_t size, struct error *err)
{
    if (size > 0 && list[size - 1] != '\0')
        return error_set(err, EPROTO, "the file list ends in the middle of a path");
    for (const char *path = list; path < list + size; path += strlen(path) + 1) {
        if (!path_is_plain_relative(path) || names_git_directory(path))
            return error_set(err, EPROTO, "the file list names '%.200s', which may not be copied",
                             path);
        int result = copy_plan_add_file(plan, top, path);
        if (result < 0)
            return error_set(err, -result, "plan the copy of '%.200s'", path);
    }
    return 0;
}

static int plan_work_tree(const struct boot_context *context, struct copy_plan *plan, int source,
                          int target, struct error *err)
{
    cleanup_free char *list = NULL;
    size_t size = 0;
    int result =
        fd_read_file(AT_FDCWD, MANIFEST_FILE_LIST, LIMIT_FILE_LIST_BYTES, &list, &size, err);
    if (result < 0)
        return result;
    char digest[MANIFEST_DIGEST_SIZE];
    manifest_digest(list, size, digest);
    if (strcmp(digest, context->manifest->file_list_sha256) != 0)
        return error_set(err, EPROTO, "the file list is not the one the manifest names");
    /* The workspace itself is what the mounts step made it: shared where it must be. */
    struct copy_root root = {
        .source = source,
        .target = target,
        .link = -1,
        .flags = COPY_KEEP_ROOT,
    };
    struct copy_directory *top;
    result = copy_plan_add_root(plan, &root, &top);
    if (result < 0)
        return error_set(err, -result, "plan the copy");
    return plan_listed(plan, top, list, size, err);
}

static int run_plan(struct boot_context *context, struct copy_plan *plan, struct error *err)
{
    struct copy_result result = {.files = 0};
    struct progress_context progress = {.last_ns = clock_monotonic_ns()};
    int outcome = copy_run(plan, show_progress, &progress, &result, err);
    if (outcome < 0)
        return boot_is_interrupted() ? boot_interruption(err) : outcome;
    char left_out[BOOT_DETAIL_SIZE / 2] = "";
    if (result.special > 0)
        snprintf(left_out, sizeof(left_out), ", %" PRIu64 " special files left out",
                 result.special);
    if (result.attributes > 0)
        boot_add_weaker(context,
                        "%" PRIu64 " user attributes or ACLs do not fit the volume's file system",
                        result.attributes);
    boot_set_detail(context, "%" PRIu64 " files, %" PRIu64 " KiB%s", result.files,
                    result.bytes / 1024, left_out);
    return 0;
}

/*
 * What the user accepted is what the agent will trust. Read as the copy's owner, like whatever is
 * there: root has no right to override modes.
 */
static int verify_trusted(const struct boot_context *context, int target, struct error *err)
{
    const struct manifest *manifest = context->manifest;
    const struct copy_identity writer = source_writer(context);
    const struct copy_identity self = {.uid = 0};
    char digest[MANIFEST_DIGEST_SIZE] = "";
    cleanup_free char *text = NULL;
    size_t count = 0;
    size_t size = 0;
    while (manifest->trusted_files[count] != NULL)
        count++;
    if (count == 0)
        return 0;
    int result = copy_identity_assume(&writer);
    if (result == 0)
        result = agent_config_read(target, manifest->trusted_files, count, &text, &size, NULL);
    int back = copy_identity_assume(&self);
    if (back < 0)
        return error_set(err, -back, "become root again");
    if (result == 0)
        manifest_digest(text, size, digest);
    if (result == 0 && strcmp(digest, manifest->trusted_sha256) == 0)
        return 0;
    return error_set(err, EPROTO,
                     "the repository's configuration for '%s' changed while it was copied, and is "
                     "not what was accepted: see coding-agents trust-config %s",
                     manifest->agent, manifest->agent);
}

static int copy_source(struct boot_context *context, struct error *err)
{
    struct copy_plan plan = {
        .reader = source_reader(context),
        .writer = source_writer(context),
        .is_shared = !context->is_idmapped,
    };
    struct git_directory_set git_set = GIT_DIRECTORY_SET_INITIALIZER;
    cleanup_fd int target = open(PLACE_VOLUME_WORKSPACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int source = source_open(context, MANIFEST_SOURCE_DIRECTORY, err);
    int result = source;
    if (source >= 0 && target < 0)
        result = error_set(err, errno, "open '%s'", PLACE_VOLUME_WORKSPACE);
    if (result >= 0)
        result = plan_work_tree(context, &plan, source, target, err);
    if (result >= 0)
        result = git_directory_plan(context, &plan, target, &git_set, err);
    if (result >= 0)
        result = run_plan(context, &plan, err);
    if (result >= 0)
        result = verify_trusted(context, target, err);
    git_directory_set_close(&git_set);
    copy_plan_free(&plan);
    return result;
}

/*
 * An earlier start ended in the middle of the copy: what it left is no work, and is made again.
 * Removed as its owner, and where that one sees it: root has no right to override modes here.
 */
static int clear_unfinished(const struct boot_context *context, struct error *err)
{
    const struct copy_identity writer = source_writer(context);
    const struct copy_identity self = {.uid = 0};
    int result = copy_identity_assume(&writer);
    if (result < 0)
        error_set(err, -result, "act as %s", context->agentuser.name);
    if (result == 0)
        result = path_remove_contents(PLACE_WORKSPACE, err);
    if (result == 0)
        result = path_remove_contents(BOOT_LOCAL_REPOSITORY, err);
    int back = copy_identity_assume(&self);
    return result == 0 && back < 0 ? error_set(err, -back, "become root again") : result;
}

static int copy_afresh(struct boot_context *context, struct error *err)
{
    int result = clear_unfinished(context, err);
    return result < 0 ? result : copy_source(context, err);
}

int workspace_copy(struct boot_context *context, struct error *err)
{
    if (context->manifest == NULL) {
        boot_set_detail(context, "no session");
        return BOOT_SKIPPED;
    }
    umask(context->is_idmapped ? 022 : 002);
    int result = 0;
    context->is_restart = access(PLACE_COPIED_MARK, F_OK) == 0;
    if (context->is_restart)
        boot_set_detail(context, "kept from an earlier start");
    else if (context->manifest->source_kind == MANIFEST_SOURCE_REPOSITORY)
        result = copy_afresh(context, err);
    return result < 0 ? result : source_detach(err);
}

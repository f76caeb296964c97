/* Starts git with everything switched off that a work tree could make it execute or wait for. */
#include "init/agent-commit/work_tree.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

/* Room for the status of a million files. */
#define OUTPUT_LIMIT (256u * 1024 * 1024)
#define ARGUMENTS_MAX 64

/* clang-format off */
static const char *const head[] = {
    "git",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    /* An edit that keeps size and time counts: here every file may be read, unlike in the session. */
    "-c", "core.checkStat=default",
    "-c", "core.trustctime=true",
    "-c", "core.pager=cat",
    "-c", "core.editor=true",
    "-c", "commit.gpgSign=false",
    "-c", "push.gpgSign=false",
    "-c", "push.recurseSubmodules=no",
    "-c", "status.relativePaths=false",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
};
/* clang-format on */

static int open_input(const void *input, size_t size)
{
    cleanup_fd int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fd_write_all(fd, input, size);
    if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
        result = -errno;
    return result < 0 ? result : steal_fd(&fd);
}

int work_tree_git(const char *const *arguments, const void *input, size_t input_size,
                  struct process_result *result, struct error *err)
{
    const char *argv[ARRAY_LENGTH(head) + ARGUMENTS_MAX + 1];
    size_t count = 0;
    for (; count < ARRAY_LENGTH(head); count++)
        argv[count] = head[count];
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
        argv[count++] = arguments[i];
    argv[count] = NULL;
    cleanup_fd int input_fd = input == NULL ? -1 : open_input(input, input_size);
    if (input != NULL && input_fd < 0)
        return error_set(err, -input_fd, "prepare the input of git");
    struct process_spec spec = {
        .argv = argv,
        .standard_input = input_fd,
        .standard_output = -1,
        .standard_error = STDERR_FILENO,
        .output_limit = OUTPUT_LIMIT,
    };
    return process_run(&spec, result, err);
}

int work_tree_git_checked(const char *const *arguments, const void *input, size_t input_size,
                          struct error *err)
{
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git(arguments, input, input_size, &result, err);
    if (outcome == 0 && !process_is_success(result.wait_status))
        outcome = error_set(err, EPROTO, "`git %s` failed with code %d", arguments[0],
                            process_exit_code(result.wait_status));
    process_result_free(&result);
    return outcome;
}

/* No ref ends in ".lock": git-check-ref-format(1). */
static bool is_lock(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(".lock") && strcmp(name + length - strlen(".lock"), ".lock") == 0;
}

static bool holds_no_locks(const FTSENT *entry)
{
    static const char *const directories[] = {"objects", "lfs", "modules", "hooks"};
    for (size_t i = 0; entry->fts_level == 1 && i < ARRAY_LENGTH(directories); i++) {
        if (strcmp(entry->fts_name, directories[i]) == 0)
            return true;
    }
    return false;
}

void work_tree_remove_locks(const char *directory)
{
    char *const roots[] = {(char *)(uintptr_t)directory, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    if (tree == NULL)
        return;
    FTSENT *entry;
    while ((entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_D && holds_no_locks(entry))
            fts_set(tree, entry, FTS_SKIP);
        else if (entry->fts_info != FTS_D && is_lock(entry->fts_name) &&
                 unlink(entry->fts_accpath) == 0)
            dprintf(STDERR_FILENO, "agent-commit: removed a stale lock of git\n");
    }
    fts_close(tree);
}

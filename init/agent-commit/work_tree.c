/* Starts git with everything switched off that a work tree could make it execute or wait for. */
#include "init/agent-commit/work_tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

/* Room for the status of a million files. */
#define OUTPUT_LIMIT (256u * 1024 * 1024)
#define ARGUMENTS_MAX 64

/* clang-format off */
static const char *const head[] = {
    "git",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
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

void work_tree_remove_locks(const char *branch)
{
    static const char *const locks[] = {".git/index.lock", ".git/HEAD.lock", ".git/config.lock"};
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++) {
        if (unlink(locks[i]) == 0)
            dprintf(STDERR_FILENO, "agent-commit: removed the stale '%s'\n", locks[i]);
    }
    char path[PATH_MAX];
    if (path_format(path, ".git/refs/heads/%s.lock", branch) == 0)
        (void)unlink(path);
}

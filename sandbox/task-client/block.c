/* Writes strings into a memfd and seals it. */
#include "sandbox/task-client/block.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

/* memfd_create(2), Linux 6.3; where vm.memfd_noexec is 2, nothing else is allowed. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int make_file(void)
{
    const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("command", flags | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("command", flags);
    return fd < 0 ? -errno : fd;
}

/*
 * Strings that lie behind each other go in one write: execve(2) lays those of a program so, and a
 * command line can have a hundred thousand.
 */
static int write_list(int fd, char *const *list, uint32_t *count)
{
    uint32_t number = 0;

    while (list[number] != NULL) {
        const char *start = list[number];
        const char *end = start;

        do
            end += strlen(end) + 1;
        while (++number < TASK_STRINGS_MAX && list[number] == end);
        if (number >= TASK_STRINGS_MAX)
            return -E2BIG;
        int result = fd_write_all(fd, start, (size_t)(end - start));
        if (result < 0)
            return result;
    }
    *count = number;
    return 0;
}

/* A directory that was removed has no path; the descriptor that travels with the block still leads
 * there. */
static int write_directory(int fd)
{
    char path[PATH_MAX];

    if (getcwd(path, sizeof(path)) == NULL)
        path[0] = '\0';
    return fd_write_all(fd, path, strlen(path) + 1);
}

static int fill(int fd, const struct task_command *command, struct task_run *run)
{
    int result = write_list(fd, command->arguments, &run->argument_count);
    off_t size;

    if (result == 0)
        result = write_list(fd, command->environment, &run->environment_count);
    if (result == 0)
        result = write_directory(fd);
    if (result < 0)
        return result;
    size = lseek(fd, 0, SEEK_CUR);
    if (size < 0)
        return -errno;
    if (size > TASK_BLOCK_MAX)
        return -E2BIG;
    run->block_size = (uint32_t)size;
    return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}

int task_block_make(const struct task_command *command, struct task_run *run, struct error *err)
{
    cleanup_fd int fd = make_file();
    int result = fd < 0 ? fd : fill(fd, command, run);

    return result < 0 ? error_set(err, -result, "pack the command") : steal_fd(&fd);
}

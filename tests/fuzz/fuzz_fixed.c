/*
 * Fuzzes the path of a program that is run without a question, if nobody but root could lead it
 * elsewhere. The root file system of this machine stands for a sandbox's; all of it is read-only
 * here. What is said to lead to a file does.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/base/cleanup.h"
#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/fixed.h"
#include "tests/fuzz/fuzz.h"

#define PROGRAM "/bin/sh"

/* In place of the C library's. */
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
int fstatvfs(int fd, struct statvfs *status)
{
    (void)fd;
    *status = (struct statvfs){.f_flag = ST_RDONLY};
    return 0;
}

/* The kernel follows the path as well, but for "/" and "/." behind the file: nothing runs by such a
 * name. */
static void cut_end(char *path)
{
    size_t length = strlen(path);

    while (path[length - 1] == '/' || (path[length - 1] == '.' && path[length - 2] == '/'))
        length--;
    path[length] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stat found;
    struct stat wanted;
    struct task_file file;
    cleanup_fd int fd = open(PROGRAM, O_PATH | O_CLOEXEC);
    cleanup_free char *path = malloc(size + 1);

    if (path == NULL || fd < 0)
        return 0;
    memcpy(path, data, size);
    path[size] = '\0';
    fuzz_require(task_file_identify(fd, &file) == 0 && fstat(fd, &wanted) == 0);
    if (!fixed_is_path(path, &file))
        return 0;
    fuzz_require(path[0] == '/' && strstr(path, "/../") == NULL);
    cut_end(path);
    fuzz_require(stat(path, &found) == 0 && found.st_ino == wanted.st_ino &&
                 found.st_dev == wanted.st_dev && found.st_uid == 0);
    return 0;
}

/* Reads /proc/PID and the memory behind it: proc(5), process_vm_readv(2). */
#include "lib/base/other_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"

/* Any page of any architecture is a multiple of it. */
#define PAGE 4096u
#define PATH_SIZE 48
#define STATUS_MAX 8192

int other_process_read(pid_t pid, uint64_t address, void *data, size_t size)
{
    struct iovec mine = {.iov_base = data, .iov_len = size};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t count = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);
    if (count < 0)
        return -errno;
    return (size_t)count == size ? 0 : -EFAULT;
}

int other_process_write(pid_t pid, uint64_t address, const void *data, size_t size)
{
    struct iovec mine = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t count = process_vm_writev(pid, &mine, 1, &theirs, 1, 0);
    if (count < 0)
        return -errno;
    return (size_t)count == size ? 0 : -EFAULT;
}

/* Page by page: what follows the string's own page may not be there. */
int other_process_read_string(pid_t pid, uint64_t address, char *text, size_t room)
{
    size_t size = 0;
    while (size < room) {
        size_t part = PAGE - (size_t)((address + size) % PAGE);
        if (part > room - size)
            part = room - size;
        int result = other_process_read(pid, address + size, text + size, part);
        if (result < 0)
            return result;
        if (memchr(text + size, '\0', part) != NULL)
            return 0;
        size += part;
    }
    return -ENAMETOOLONG;
}

/* "/proc/PID/NAME" */
static void format(char text[PATH_SIZE], pid_t pid, const char *name)
{
    snprintf(text, PATH_SIZE, "/proc/%d/%s", pid, name);
}

static int read_status_uid(pid_t pid, uid_t *uid)
{
    size_t size;
    cleanup_free char *status = NULL;
    cleanup_fd int fd = other_process_open(pid, "status", O_RDONLY);
    int result = fd < 0 ? fd : fd_read_all(fd, STATUS_MAX, &status, &size);
    const char *line = result < 0 ? NULL : strstr(status, "\nUid:\t");
    const char *effective = line == NULL ? NULL : strchr(line + strlen("\nUid:\t"), '\t');
    if (effective == NULL)
        return result < 0 ? result : -EPROTO;
    *uid = (uid_t)strtoul(effective, NULL, 10);
    return 0;
}

int other_process_uid(pid_t pid, uid_t *uid)
{
    char path[PATH_SIZE];
    struct stat entry;
    format(path, pid, "");
    if (stat(path, &entry) < 0)
        return -errno;
    *uid = entry.st_uid;
    return entry.st_uid != 0 ? 0 : read_status_uid(pid, uid);
}

int other_process_program(pid_t pid, struct stat *file)
{
    char path[PATH_SIZE];
    format(path, pid, "exe");
    return stat(path, file) < 0 ? -errno : 0;
}

int other_process_open(pid_t pid, const char *name, int flags)
{
    char path[PATH_SIZE];
    format(path, pid, name);
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int other_process_link(pid_t pid, const char *name, char target[PATH_MAX])
{
    char path[PATH_SIZE];
    format(path, pid, name);
    ssize_t length = readlink(path, target, PATH_MAX);
    if (length < 0)
        return -errno;
    if (length == PATH_MAX)
        return -ENAMETOOLONG;
    target[length] = '\0';
    return 0;
}

bool other_process_has_thread(pid_t pid, pid_t thread)
{
    char path[PATH_SIZE];
    char name[PATH_SIZE / 2];
    snprintf(name, sizeof(name), "task/%d", thread);
    format(path, pid, name);
    return access(path, F_OK) == 0;
}

/* Identifies and reads the file of a program: fstat(2). */
#include "lib/wire/task_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define DIGEST_BUFFER 65536

static int64_t nanoseconds(const struct timespec *time)
{
    return time->tv_sec * (int64_t)CLOCK_NANOSECONDS_PER_SECOND + time->tv_nsec;
}

int task_file_identify(int fd, struct task_file *file)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    *file = (struct task_file){
        .device = status.st_dev,
        .inode = status.st_ino,
        .size = (uint64_t)status.st_size,
        .modified_ns = nanoseconds(&status.st_mtim),
        .changed_ns = nanoseconds(&status.st_ctim),
    };
    return 0;
}

int task_file_reopen(int fd)
{
    char descriptor[32];
    int file;

    snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", fd);
    file = open(descriptor, O_RDONLY | O_CLOEXEC);
    return file < 0 ? -errno : file;
}

int task_file_digest(int fd, uint64_t limit, uint8_t digest[TASK_DIGEST_SIZE])
{
    crypto_hash_sha256_state state;
    uint8_t buffer[DIGEST_BUFFER];
    uint64_t total = 0;
    ssize_t count;
    cleanup_fd int file = task_file_reopen(fd);

    if (file < 0)
        return file;
    crypto_hash_sha256_init(&state);
    while ((count = read(file, buffer, sizeof(buffer))) != 0) {
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count > 0)
            crypto_hash_sha256_update(&state, buffer, (uint64_t)count);
        if (count > 0 && (total += (uint64_t)count) > limit)
            return -EFBIG;
    }
    crypto_hash_sha256_final(&state, digest);
    return 0;
}

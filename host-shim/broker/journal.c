/*
 * What survives the broker, in the session's state directory: `epoch`, a number that grows each
 * time one starts, and `burnt`, the tokens that are spent, a row of hex digits each.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define EPOCH_BYTES_MAX 32
/* Two digits a byte, and a newline. */
#define ROW_BYTES (2 * CAPABILITY_TOKEN_BYTES + 1)

static int raise_epoch(struct broker *broker, int directory, struct error *err)
{
    cleanup_free char *text = NULL;
    char next[EPOCH_BYTES_MAX];
    size_t size = 0;
    char *end = NULL;
    int result = fd_read_file(directory, "epoch", EPOCH_BYTES_MAX, &text, &size, err);
    if (result < 0 && result != -ENOENT)
        return result;
    uint64_t last = result == 0 ? strtoull(text, &end, 10) : 0;
    if (result == 0 && (size == 0 || *end != '\n' || last == UINT64_MAX))
        return error_set(err, EPROTO, "the broker's epoch in '%s' is no number",
                         broker->state_directory);
    broker->epoch = last + 1;
    snprintf(next, sizeof(next), "%" PRIu64 "\n", broker->epoch);
    return fd_write_file(directory, "epoch", next, strlen(next), 0600, err);
}

/* A machine that lost its power may have kept a part of the last row, for which nothing was
 * granted: what is written next begins a row. */
static int drop_torn_row(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    off_t torn = status.st_size % ROW_BYTES;
    return torn > 0 && ftruncate(fd, status.st_size - torn) < 0 ? -errno : 0;
}

/* The directory's own name is on the disk before a name in it is. */
static int open_directory(const struct broker *broker, const char *path, struct error *err)
{
    cleanup_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int parent = open(broker->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || parent < 0 || fsync(parent) < 0)
        return error_set(err, errno, "open '%s'", path);
    return steal_fd(&directory);
}

int journal_open(struct broker *broker, struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/broker", broker->state_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    int result = path_make_directories(path, 0700, err);
    if (result < 0)
        return result;
    cleanup_fd int directory = open_directory(broker, path, err);
    if (directory < 0)
        return directory;
    result = raise_epoch(broker, directory, err);
    if (result < 0)
        return result;
    broker->journal =
        openat(directory, "burnt", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (broker->journal < 0 || fsync(directory) < 0)
        return error_set(err, errno, "open '%s/burnt'", path);
    result = drop_torn_row(broker->journal);
    return result < 0 ? error_set(err, -result, "mend '%s/burnt'", path) : 0;
}

int journal_burn(struct broker *broker, const uint8_t token[CAPABILITY_TOKEN_BYTES])
{
    char row[ROW_BYTES + 1];
    sodium_bin2hex(row, sizeof(row), token, CAPABILITY_TOKEN_BYTES);
    row[ROW_BYTES - 1] = '\n';
    int result = fd_write_all(broker->journal, row, ROW_BYTES);
    if (result == 0 && fdatasync(broker->journal) < 0)
        result = -errno;
    /* What is there now is not known, so nothing comes behind it. */
    if (result < 0)
        cleanup_close(&broker->journal);
    return result;
}

/* Reads the table of digests: SHA256 SIZE MODIFIED PATH, a row each. */
#include "sandbox/agent-task-sandbox/recorded.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/table_file.h"
#include "sandbox/agent-task-sandbox/fixed.h"
#include "sandbox/agent-task-sandbox/target.h"

enum { FIELD_DIGEST, FIELD_SIZE, FIELD_MODIFIED, FIELD_PATH, FIELD_COUNT };

static bool read_number(const char *text, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool read_digest(const char *text, uint8_t digest[TASK_DIGEST_SIZE])
{
    size_t size = 0;

    return strlen(text) == 2 * (size_t)TASK_DIGEST_SIZE &&
           sodium_hex2bin(digest, TASK_DIGEST_SIZE, text, strlen(text), NULL, &size, NULL) == 0 &&
           size == TASK_DIGEST_SIZE;
}

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    uint8_t digest[TASK_DIGEST_SIZE];
    uint64_t size;
    uint64_t modified;
    struct task_file file;

    if (!read_digest(row->fields[FIELD_DIGEST], digest) ||
        !read_number(row->fields[FIELD_SIZE], &size) ||
        !read_number(row->fields[FIELD_MODIFIED], &modified))
        return error_set(err, EINVAL, "it must be a digest, a size, a time and a path");
    cleanup_fd int fd = open(row->fields[FIELD_PATH], O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fixed_is_file(fd) && target_identify(fd, &file) == 0 && file.size == size &&
        file.modified_ns / (int64_t)CLOCK_NANOSECONDS_PER_SECOND == (int64_t)modified)
        digests_keep(context, &file, digest);
    return 0;
}

int recorded_load(const char *path, struct digests *digests, struct error *err)
{
    int result = table_file_read(path, FIELD_COUNT, FIELD_COUNT, take_row, digests, err);

    return result == -ENOENT ? 0 : result;
}

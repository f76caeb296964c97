/* Reads the table of an image's programs, and holds programs to it. */
#include "lib/wire/recorded_program.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/table_file.h"
#include "lib/wire/task_file.h"

/* Of programs there are none that come near it. */
#define SIZE_MAX_BYTES ((uint64_t)4 * 1024 * 1024 * 1024)
#define HEX_SIZE (2 * TASK_DIGEST_SIZE + 1)
#define REMEDY                                                 \
    "if its change is meant, the image's Dockerfile must RUN " \
    "/usr/libexec/coding-agents/record-programs after it"

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

struct reading {
    recorded_program_reader *reader;
    void *context;
};

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    const struct reading *reading = context;
    struct recorded_program program = {.path = row->fields[FIELD_PATH]};
    uint64_t modified;

    if (!read_digest(row->fields[FIELD_DIGEST], program.digest) ||
        !read_number(row->fields[FIELD_SIZE], &program.size) ||
        !read_number(row->fields[FIELD_MODIFIED], &modified) || modified > INT64_MAX)
        return error_set(err, EINVAL, "it must be a digest, a size, a time and a path");
    program.modified_s = (int64_t)modified;
    return reading->reader(&program, reading->context, err);
}

int recorded_programs_read(const char *path, recorded_program_reader *reader, void *context,
                           struct error *err)
{
    struct reading reading = {.reader = reader, .context = context};
    int result = table_file_read(path, FIELD_COUNT, FIELD_COUNT, take_row, &reading, err);

    return result == -ENOENT ? 0 : result;
}

bool recorded_program_fits(const struct recorded_program *program, const struct task_file *file)
{
    return file->size == program->size &&
           file->modified_ns / (int64_t)CLOCK_NANOSECONDS_PER_SECOND == program->modified_s;
}

struct search {
    const char *path;
    struct recorded_program found; /* its path is not kept */
    bool is_found;
};

static int match(const struct recorded_program *program, void *context, struct error *err)
{
    struct search *search = context;

    (void)err;
    if (strcmp(program->path, search->path) != 0)
        return 0;
    search->found = *program;
    search->is_found = true;
    return 0;
}

static int refuse(const char *path, const char *why, struct error *err)
{
    return error_set(err, EINVAL, "the program '%s' %s: " REMEDY, path, why);
}

/* Reads all of it: its size or its time is not what was recorded. */
static int compare(const struct search *search, int fd, struct error *err)
{
    uint8_t digest[TASK_DIGEST_SIZE];
    char is[HEX_SIZE];
    char recorded[HEX_SIZE];
    int result = task_file_digest(fd, SIZE_MAX_BYTES, digest);

    if (result < 0)
        return error_set(err, -result, "read '%s'", search->path);
    if (memcmp(digest, search->found.digest, sizeof(digest)) == 0)
        return 0;
    sodium_bin2hex(is, sizeof(is), digest, sizeof(digest));
    sodium_bin2hex(recorded, sizeof(recorded), search->found.digest, sizeof(digest));
    return error_set(
        err, EINVAL,
        "the program '%s' has the SHA-256 %.16s..., and its image recorded %.16s...: " REMEDY,
        search->path, is, recorded);
}

int recorded_program_verify(const char *table, const char *path, struct task_file *file,
                            struct error *err)
{
    struct search search = {.path = path};
    struct task_file found = {.inode = 0};
    struct stat status;
    cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
    int result;

    *file = (struct task_file){.inode = 0};
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(err, errno, "look at '%s'", path);
    if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return refuse(path, "is not root's alone", err);
    result = recorded_programs_read(table, match, &search, err);
    if (result == 0)
        result = task_file_identify(fd, &found);
    if (result < 0)
        return result;
    if (!search.is_found)
        return refuse(path, "is not on record in " RECORDED_PROGRAMS, err);
    if (!recorded_program_fits(&search.found, &found))
        result = compare(&search, fd, err);
    if (result == 0)
        *file = found;
    return result;
}

static int verify(const char *table, const struct task_direct *rule, const char *path,
                  struct task_file *file, struct error *err)
{
    int result = recorded_program_verify(table, path, file, err);

    if (result == -ENOENT || result == 0)
        return 0;
    return error_prefix(err, "the direct rule '%s'", rule->rule);
}

int direct_rule_verify(const char *table, struct task_direct *rule, struct error *err)
{
    int result = verify(table, rule, rule->from, &rule->from_file, err);

    return result < 0 ? result : verify(table, rule, rule->program, &rule->program_file, err);
}

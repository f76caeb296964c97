/* Makes one text of the files that configure an agent, and takes it apart again. */
#include "lib/wire/agent_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/limits.h"

struct text {
    char *data; /* owned */
    size_t size;
    size_t capacity;
};

static int append(struct text *text, const void *bytes, size_t size)
{
    if (size > LIMIT_AGENT_CONFIG_BYTES - text->size)
        return -EFBIG;
    if (text->size + size > text->capacity) {
        size_t capacity = (text->size + size) * 2;
        char *larger = realloc(text->data, capacity);
        if (larger == NULL)
            return -ENOMEM;
        text->data = larger;
        text->capacity = capacity;
    }
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    return 0;
}

/* A pipe is not waited for, and not read. */
static int read_file(int top, const char *path, struct text *text)
{
    struct stat info;
    char size_text[32];
    cleanup_free char *data = NULL;
    size_t size = 0;
    cleanup_fd int fd = path_open_beneath(top, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    if (fstat(fd, &info) < 0)
        return -errno;
    if (!S_ISREG(info.st_mode))
        return -EINVAL;
    int status = fd_read_all(fd, LIMIT_AGENT_CONFIG_BYTES, &data, &size);
    if (status < 0)
        return status;
    snprintf(size_text, sizeof(size_text), "%zu", size);
    status = append(text, path, strlen(path) + 1);
    if (status == 0)
        status = append(text, (info.st_mode & S_IXUSR) != 0 ? "x" : "-", 2);
    if (status == 0)
        status = append(text, size_text, strlen(size_text) + 1);
    return status == 0 ? append(text, data, size) : status;
}

static int refuse(const char *path, int status, struct error *err)
{
    if (status == -ELOOP)
        return error_set(err, EINVAL,
                         "'%.400s' is a symbolic link, or lies behind one, and only files count",
                         path);
    if (status == -EINVAL)
        return error_set(err, EINVAL, "'%.400s' is no plain file", path);
    if (status == -EFBIG)
        return error_set(err, EINVAL, "with '%.400s' they are larger than %u bytes", path,
                         LIMIT_AGENT_CONFIG_BYTES);
    return error_set(err, -status, "read '%.400s'", path);
}

int agent_config_read(int top, char *const *paths, size_t count, char **text, size_t *size,
                      struct error *err)
{
    struct text made = {.data = NULL};
    int status = 0;
    if (count > LIMIT_AGENT_CONFIG_FILES)
        return error_set(err, EINVAL, "they are %zu files, and %d is the most", count,
                         LIMIT_AGENT_CONFIG_FILES);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = read_file(top, paths[i], &made);
        if (status < 0)
            status = refuse(paths[i], status, err);
    }
    if (status < 0) {
        free(made.data);
        return status;
    }
    *text = made.data;
    *size = made.size;
    return 0;
}

/* The string at *AT, or NULL when no NUL ends it. */
static const char *take_string(const char *text, size_t size, size_t *at)
{
    const char *start = text + *at;
    const char *end = *at < size ? memchr(start, '\0', size - *at) : NULL;
    if (end == NULL)
        return NULL;
    *at = (size_t)(end - text) + 1;
    return start;
}

bool agent_config_next(const char *text, size_t size, size_t *at, struct agent_config_file *file)
{
    size_t next = *at;
    const char *path = take_string(text, size, &next);
    const char *mode = path == NULL ? NULL : take_string(text, size, &next);
    const char *length = mode == NULL ? NULL : take_string(text, size, &next);
    if (length == NULL || length[0] == '\0' || strspn(length, "0123456789") != strlen(length))
        return false;
    size_t bytes = strtoul(length, NULL, 10);
    if (bytes > size - next || !path_is_plain_relative(path))
        return false;
    *file = (struct agent_config_file){
        .path = path, .is_executable = mode[0] == 'x', .data = text + next, .size = bytes};
    *at = next + bytes;
    return true;
}

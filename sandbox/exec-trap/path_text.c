/* Tells the paths that mean something else to every process from ordinary ones. */
#include "sandbox/exec-trap/path_text.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* Skips separators and "." components. */
static const char *skip(const char *path)
{
    for (;;) {
        if (*path == '/')
            path++;
        else if (path[0] == '.' && path[1] == '/')
            path += 2;
        else
            return path[0] == '.' && path[1] == '\0' ? path + 1 : path;
    }
}

/* Takes component NAME off *PATH when that is what comes next. */
static bool take(const char **path, const char *name)
{
    const char *start = skip(*path);
    size_t length = strlen(name);
    if (strncmp(start, name, length) != 0 || (start[length] != '/' && start[length] != '\0'))
        return false;
    *path = start + length;
    return true;
}

/* A descriptor's number as the kernel writes it: no sign, no leading zero. */
static bool take_number(const char **path, int *number)
{
    const char *digit = skip(*path);
    const char *start = digit;
    int value = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (value > (INT_MAX - 9) / 10)
            return false;
        value = value * 10 + (*digit - '0');
    }
    if (digit == start || (*start == '0' && digit - start > 1) || (*digit != '/' && *digit != '\0'))
        return false;
    *path = digit;
    *number = value;
    return true;
}

static const struct {
    const char *name;
    int number;
} streams[] = {{"stdin", 0}, {"stdout", 1}, {"stderr", 2}};

static bool take_stream(const char **path, int *number)
{
    for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
        if (take(path, streams[i].name)) {
            *number = streams[i].number;
            return true;
        }
    }
    return false;
}

/* *PATH is of use only when there was one. */
static bool take_descriptor(const char **path, int *number)
{
    if (!take(path, "dev"))
        return false;
    return take(path, "fd") ? take_number(path, number) : take_stream(path, number);
}

/* What follows /proc/self or /proc/thread-self. */
static bool parse_process(const char *path, struct path_text *text)
{
    static const struct {
        const char *name;
        enum path_base base;
    } links[] = {{"exe", PATH_BASE_PROGRAM}, {"cwd", PATH_BASE_WORKING}, {"root", PATH_BASE_ROOT}};
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        const char *rest = path;
        if (take(&rest, links[i].name)) {
            *text = (struct path_text){.base = links[i].base, .rest = skip(rest)};
            return true;
        }
    }
    const char *rest = path;
    int number = 0;
    if (!take(&rest, "fd") || !take_number(&rest, &number))
        return false;
    *text =
        (struct path_text){.base = PATH_BASE_DESCRIPTOR, .descriptor = number, .rest = skip(rest)};
    return true;
}

void path_text_parse(const char *path, struct path_text *text)
{
    if (path[0] != '/') {
        *text = (struct path_text){.base = PATH_BASE_DIRECTORY, .rest = path};
        return;
    }
    const char *rest = path;
    int number = 0;
    if (take(&rest, "proc") && (take(&rest, "self") || take(&rest, "thread-self")) &&
        parse_process(rest, text))
        return;
    rest = path;
    if (take_descriptor(&rest, &number))
        *text = (struct path_text){
            .base = PATH_BASE_DESCRIPTOR, .descriptor = number, .rest = skip(rest)};
    else
        *text = (struct path_text){.base = PATH_BASE_ROOT, .rest = path + 1};
}

void path_text_base(const struct path_text *text, int dirfd, char base[PATH_BASE_SIZE])
{
    if (text->base == PATH_BASE_PROGRAM)
        snprintf(base, PATH_BASE_SIZE, "exe");
    else if (text->base == PATH_BASE_DESCRIPTOR)
        snprintf(base, PATH_BASE_SIZE, "fd/%d", text->descriptor);
    else if (text->base == PATH_BASE_WORKING || dirfd == AT_FDCWD)
        snprintf(base, PATH_BASE_SIZE, "cwd");
    else
        snprintf(base, PATH_BASE_SIZE, "fd/%d", dirfd);
}

/* The lines of a log that may be hostile, damaged, or being written. */
#ifndef COMMANDS_AUDIT_LINES_H
#define COMMANDS_AUDIT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"

struct audit_lines {
    int fd;       /* owned */
    char *buffer; /* owned */
    size_t used;
    size_t start; /* of what was not handed out yet */
};

/* Opens the file at PATH. LINES is released by audit_lines_close, whatever comes of it. 0 or
 * -errno. */
int audit_lines_open(struct audit_lines *lines, const char *path, struct error *err);
void audit_lines_close(struct audit_lines *lines);

/*
 * The next line with its newline, in *TEXT (borrowed) until the next call: its size. What is longer
 * than a line of a log may be comes in pieces without one. 0 when no whole line is there now, and
 * another call may find one later; or -errno.
 */
ssize_t audit_lines_next(struct audit_lines *lines, const char **text);

/* Bytes behind the last newline, once audit_lines_next has said 0. */
size_t audit_lines_rest(const struct audit_lines *lines);

/* True while a keeper, or who collects, holds the log. */
bool audit_lines_are_written(const struct audit_lines *lines);

#endif

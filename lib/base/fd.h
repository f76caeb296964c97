/* File descriptors: whole reads and writes, flags, directories of their own. EINTR is handled here.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

/* Writes all SIZE bytes. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t size);

/* Writes the string. Errors are dropped on purpose: for messages to a person. */
void fd_write_text(int fd, const char *text);

/*
 * Reads to the end into a fresh NUL-terminated buffer. At most LIMIT bytes; more is -EFBIG.
 * *DATA is owned by the caller. *SIZE excludes the terminator. 0 or -errno.
 */
int fd_read_all(int fd, size_t limit, char **data, size_t *size);

/* fd_read_all of the file at PATH relative to DIRFD (or AT_FDCWD); refuses what is not a regular
 * file. */
int fd_read_file(int dirfd, const char *path, size_t limit, char **data, size_t *size,
                 struct error *err);

/* Makes PATH, which must not be there, with DATA: MODE, fsync; gone again after a failure. 0 or
 * -errno. */
int fd_write_new(int dirfd, const char *path, const void *data, size_t size, mode_t mode,
                 struct error *err);

/*
 * Replaces PATH with DATA: temporary file beside it, MODE, fsync, rename. 0 or -errno.
 */
int fd_write_file(int dirfd, const char *path, const void *data, size_t size, mode_t mode,
                  struct error *err);

/* Sets or clears FD_CLOEXEC / O_NONBLOCK. 0 or -errno. */
int fd_set_close_on_exec(int fd, bool enabled);
int fd_set_nonblocking(int fd, bool enabled);

/* Makes every descriptor from FIRST up close on exec, except those in KEEP (sorted ascending). 0 or
 * -errno. */
int fd_close_on_exec_from(int first, const int *keep, size_t keep_count);

/* Opens /dev/null on whichever of 0, 1, 2 is closed, so that no other file gets these numbers. 0 or
 * -errno. */
int fd_ensure_standard(void);

#endif

/* Paths: bounded joining, and opening below a directory that the path cannot leave. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"

/* Formats into TEXT of PATH_MAX bytes. 0, or -ENAMETOOLONG when it does not fit. */
int path_format(char text[PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS and O_CLOEXEC: no
 * component of PATH is followed out of DIRFD. The fd (owned by the caller) or -errno: -ELOOP for a
 * symlink, -EXDEV for an escape. openat2(2), Linux 5.6.
 */
int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/*
 * Opens the directory below DIRFD that PATH, plain and relative, is in, and makes what is missing
 * of it (0700); none of it may be a link. The fd (owned by the caller) or -errno.
 */
int path_open_parent(int dirfd, const char *path);

/* Makes PATH and its missing parents, MODE for those it makes. 0 or -errno; an existing directory
 * is fine. */
int path_make_directories(const char *path, mode_t mode, struct error *err);

/*
 * Removes the tree at PATH relative to DIRFD, never following a link; directories of the caller's
 * are made writable for it. A missing one is fine. 0 or -errno.
 */
int path_remove_tree(int dirfd, const char *path, struct error *err);

/* Removes everything below the directory PATH, likewise, and keeps the directory. A missing one is
 * fine. 0 or -errno. */
int path_remove_contents(const char *path, struct error *err);
/* The same for the open DIRECTORY, borrowed. */
int path_empty(int directory, struct error *err);

/* The directory of the running program with links resolved (/proc/self/exe), into TEXT. 0 or
 * -errno. */
int path_of_program(char text[PATH_MAX], struct error *err);

/* True for a relative path without empty, "." or ".." components: what a list of files may name. */
bool path_is_plain_relative(const char *path);

#endif

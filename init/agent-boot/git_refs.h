/* The commits that the refs of a git directory name, read without git. */
#ifndef BOOT_GIT_REFS_H
#define BOOT_GIT_REFS_H

#include "lib/base/error.h"

/*
 * Writes the object id of each ref below DIRECTORY, loose and packed, to FD, one a line, in no
 * order and perhaps twice: gitrepository-layout(5). Symbolic refs name others and are passed over.
 * For a directory that nobody else writes to. 0 or -errno.
 */
int git_refs_write(const char *directory, int fd, struct error *err);

#endif

/* Finding and executing a program with the exit codes of a shell. */
#ifndef CONFINE_PROGRAM_H
#define CONFINE_PROGRAM_H

#include <stdbool.h>

#include "lib/base/error.h"

#define PROGRAM_NOT_FOUND 127
#define PROGRAM_NOT_EXECUTABLE 126
/* Where execvp(3) looks without a PATH. */
#define PROGRAM_DEFAULT_PATH "/bin:/usr/bin"
/* What runs a script that names no interpreter. */
#define PROGRAM_SHELL "/bin/sh"

/* The exit code a shell gives for an exec that failed with NUMBER: 127 for a missing file, else
 * 126. */
int program_exit_code(int number);

/* Whether the file at PATH will do: 0 or -errno. */
typedef int program_attempt(const char *path, void *context);

/*
 * Tries NAME itself when it has a '/', else in each directory of PATH (borrowed), until an ATTEMPT
 * is 0. Else -ENOENT, or -EACCES when there was that: a file that is there tells more than its
 * absence elsewhere. The errno of the one attempt for a NAME with a '/'.
 */
int program_search(const char *name, const char *path, program_attempt *attempt, void *context);

/*
 * Looks for NAME as execvp(3) would, in the directories of PATH (borrowed) when it has no '/'. 0
 * when the calling process may execute it; else -ENOENT or -EACCES with ERR set. With IS_RELAYED
 * another user is going to, where a mount that is noexec here is not: anybody's execute bit will
 * do.
 */
int program_find(const char *name, const char *path, bool is_relayed, struct error *err);

#endif

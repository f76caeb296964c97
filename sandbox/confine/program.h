/* Finding and executing a program with the exit codes of a shell. */
#ifndef CONFINE_PROGRAM_H
#define CONFINE_PROGRAM_H

#include "lib/base/error.h"

#define PROGRAM_NOT_FOUND 127
#define PROGRAM_NOT_EXECUTABLE 126

/* The exit code a shell gives for an exec that failed with NUMBER: 127 for a missing file, else
 * 126. */
int program_exit_code(int number);

/*
 * Looks for NAME as execvp(3) would, in the directories of PATH (borrowed) when it has no '/'. 0
 * when the calling process may execute it; else -ENOENT or -EACCES with ERR set.
 */
int program_find(const char *name, const char *path, struct error *err);

#endif

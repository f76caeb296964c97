/* git in the session's work tree: the few commands an automatic commit needs, without hooks or
 * prompts. */
#ifndef COMMIT_WORK_TREE_H
#define COMMIT_WORK_TREE_H

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/process.h"

/*
 * Runs `git ARGUMENTS...` (NULL-terminated, borrowed) in the current directory. INPUT (INPUT_SIZE
 * bytes, borrowed; NULL: none) is its standard input; standard error is ours. RESULT is owned by
 * the caller. 0 whatever git's status; -errno when it could not run.
 */
int work_tree_git(const char *const *arguments, const void *input, size_t input_size,
                  struct process_result *result, struct error *err);

/* The same, where a status other than 0 is -EPROTO, and the output is dropped. */
int work_tree_git_checked(const char *const *arguments, const void *input, size_t input_size,
                          struct error *err);

/*
 * Removes every lock that killed processes left in the git directory at DIRECTORY, objects apart;
 * nobody else lives when this runs.
 */
void work_tree_remove_locks(const char *directory);

#endif

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

/* Removes locks that killed processes left; nobody else lives when this runs. BRANCH as in
 * refs/heads. */
void work_tree_remove_locks(const char *branch);

#endif

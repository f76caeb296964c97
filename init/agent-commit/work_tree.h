/* git in the session's work tree: the few commands an automatic commit needs, without hooks or
 * prompts. */
#ifndef COMMIT_WORK_TREE_H
#define COMMIT_WORK_TREE_H

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/process.h"

#define WORK_TREE_GIT_DIRECTORY ".git"
/* An object id in hex with the terminator: SHA-256 is the longest. */
#define COMMIT_ID_SIZE 65

/* How git is told where it works, the next when the one before does not do. */
enum work_tree_way {
    WORK_TREE_AS_LEFT,     /* the git directory as the session left it */
    WORK_TREE_FRESH_INDEX, /* it, but with an index of ours and no configuration of the user's */
    WORK_TREE_VOLUME,      /* the volume's repository, likewise: what was pushed last */
};

/* Every later git uses WAY; REPOSITORY (borrowed) is the volume's. Sets our environment. 0 or
 * -errno. */
int work_tree_use(enum work_tree_way way, const char *repository, struct error *err);

/* "KEY=VALUE": configuration that WORK_TREE_VOLUME has not of itself. 0 or -errno. */
int work_tree_add_setting(const char *setting, struct error *err);

/*
 * Runs `git ARGUMENTS...` (NULL-terminated, borrowed) in the current directory. INPUT (INPUT_SIZE
 * bytes, borrowed; NULL: none) is its standard input; what it says on standard error is repeated on
 * ours. RESULT is owned by the caller. 0 whatever git's status; -errno when it could not run.
 */
int work_tree_git(const char *const *arguments, const void *input, size_t input_size,
                  struct process_result *result, struct error *err);

/* Says in ERR that `git ARGUMENTS` failed, with the last it said. -EPROTO. */
int work_tree_refusal(const char *const *arguments, const struct process_result *result,
                      struct error *err);

/* work_tree_git, where a git that was killed is -EPROTO: what it did not say is no answer. */
int work_tree_git_answer(const char *const *arguments, const void *input, size_t input_size,
                         struct process_result *result, struct error *err);

/* work_tree_git, where a status other than 0 is -EPROTO, and the output is dropped. */
int work_tree_git_checked(const char *const *arguments, const void *input, size_t input_size,
                          struct error *err);

/* The first line that git prints, into ANSWER of SIZE bytes. 1; 0 when git fails or prints none;
 * -errno, when it was killed too. */
int work_tree_ask(const char *const *arguments, char *answer, size_t size, struct error *err);

/*
 * Removes every lock that killed processes left in the git directory at DIRECTORY, objects apart;
 * nobody else lives when this runs.
 */
void work_tree_remove_locks(const char *directory);

#endif

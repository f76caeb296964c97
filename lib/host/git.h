/* Host git, always as the owner of the repository, without prompts, hooks or repository-chosen
 * programs. */
#ifndef HOST_GIT_H
#define HOST_GIT_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/process.h"

/* A SHA-256 object id in hex with the terminator. */
#define GIT_OBJECT_SIZE 65

/*
 * Who git runs as: the caller, or, when the caller is root and the repository is another user's,
 * that user (its config could name programs to run). Filled by git_identity_of.
 */
struct git_identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[64];
    size_t group_count;
};

/* The identity for the repository whose top directory is PATH. 0 or -errno. */
int git_identity_of(const char *path, struct git_identity *identity, struct error *err);

/*
 * Runs `git -C DIRECTORY ARGUMENTS...` (NULL-terminated, borrowed) as IDENTITY with core.fsmonitor,
 * core.hooksPath, core.alternateRefsCommand and the pager neutralised, GIT_TERMINAL_PROMPT=0,
 * nobody who asks for passwords, and GIT_OPTIONAL_LOCKS=0. OUTPUT_LIMIT in bytes. 0 with RESULT
 * (owned) whatever git's status; -errno when it could not run.
 */
int git_run(const char *directory, const struct git_identity *identity,
            const char *const *arguments, size_t output_limit, struct process_result *result,
            struct error *err);

/* One run of git for git_run_call: DIRECTORY, IDENTITY and ARGUMENTS as for git_run. */
struct git_call {
    const char *directory;
    const struct git_identity *identity;
    const char *const *arguments;
    int input;           /* borrowed fd; -1: /dev/null */
    uint64_t timeout_ms; /* 0: none */
    size_t output_limit;
};
/* git_run with what it reads, and a time after which it is killed (-ETIMEDOUT). */
int git_run_call(const struct git_call *call, struct process_result *result, struct error *err);

/* git_run that must succeed; else -EIO with git's last line of stderr. */
int git_run_checked(const char *directory, const struct git_identity *identity,
                    const char *const *arguments, size_t output_limit,
                    struct process_result *result, struct error *err);

/* One line of output without its newline, owned by the caller. */
int git_read_line(const char *directory, const struct git_identity *identity,
                  const char *const *arguments, char **line, struct error *err);

/* Clones URL into DIRECTORY as the caller, with git's own words on stderr, no hooks and no
 * transport helpers that a URL could name. 0 or -errno. */
int git_clone(const char *url, const char *directory, struct error *err);

/* The commit that refs/heads/BRANCH points to, "" when there is none. 0 or -errno. */
int git_branch_commit(const char *repository, const struct git_identity *identity,
                      const char *branch, char commit[GIT_OBJECT_SIZE], struct error *err);

/* Sets *WORKTREE (owned, NULL when none) to the work tree that has BRANCH checked out. 0 or -errno.
 */
int git_find_checkout(const char *repository, const struct git_identity *identity,
                      const char *branch, char **worktree, struct error *err);

#endif

/* Looks up branches of a repository: their commits, and where they are checked out. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/git.h"

int git_branch_commit(const char *repository, const struct git_identity *identity,
                      const char *branch, char commit[GIT_OBJECT_SIZE], struct error *err)
{
    cleanup_free char *name = NULL;
    if (asprintf(&name, "refs/heads/%s^{commit}", branch) < 0)
        return error_set(err, ENOMEM, "look up branch %s", branch);
    const char *const arguments[] = {"rev-parse", "--verify", "--quiet", name, NULL};
    struct process_result result = {.output = NULL};
    int outcome = git_run(repository, identity, arguments, 0, &result, err);
    if (outcome < 0)
        return outcome;
    bool exists = process_is_success(result.wait_status);
    int length = exists ? (int)strcspn(result.output, "\n") : 0;
    snprintf(commit, GIT_OBJECT_SIZE, "%.*s", length, exists ? result.output : "");
    process_result_free(&result);
    return 0;
}

int git_find_checkout(const char *repository, const struct git_identity *identity,
                      const char *branch, char **worktree, struct error *err)
{
    static const char *const arguments[] = {"worktree", "list", "--porcelain", "-z", NULL};
    cleanup_free char *wanted = NULL;
    struct process_result result = {.output = NULL};
    if (asprintf(&wanted, "branch refs/heads/%s", branch) < 0)
        return error_set(err, ENOMEM, "look up branch %s", branch);
    int outcome = git_run_checked(repository, identity, arguments, 0, &result, err);
    if (outcome < 0)
        return outcome;
    const char *current = NULL;
    char *found = NULL;
    for (const char *at = result.output; at < result.output + result.output_size;
         at += strlen(at) + 1) {
        if (strncmp(at, "worktree ", 9) == 0)
            current = at + 9;
        else if (strcmp(at, wanted) == 0 && current != NULL && found == NULL)
            found = strdup(current);
    }
    process_result_free(&result);
    *worktree = found;
    return 0;
}

/* Decides whether a session's host branch may go, and deletes it without a race. */
#include "host-shim/commands/branch_removal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/host/git.h"

static bool git_succeeds(const struct session_state *state, const struct git_identity *identity,
                         const char *const *arguments)
{
    struct process_result result = {.output = NULL};
    bool is_success = git_run(state->repository, identity, arguments, 0, &result, NULL) == 0 &&
                      process_is_success(result.wait_status);
    process_result_free(&result);
    return is_success;
}

/* A branch that was there before the session has an older first entry. */
static bool was_made_for(const struct session_state *state, const struct git_identity *identity,
                         const char *ref)
{
    const char *const arguments[] = {"log", "--walk-reflogs", "--format=%gs", ref, "--", NULL};
    struct process_result result = {.output = NULL};
    char expected[64];
    snprintf(expected, sizeof(expected), "coding-agents: session %s", state->session);
    if (git_run_checked(state->repository, identity, arguments, 0, &result, NULL) < 0)
        return false;
    size_t end = result.output_size;
    while (end > 0 && result.output[end - 1] == '\n')
        result.output[--end] = '\0';
    const char *line = strrchr(result.output, '\n');
    bool is_ours = strcmp(line == NULL ? result.output : line + 1, expected) == 0;
    process_result_free(&result);
    return is_ours;
}

bool branch_removal_run(const struct session_state *state)
{
    struct git_identity identity;
    char tip[GIT_OBJECT_SIZE];
    cleanup_free char *worktree = NULL;
    cleanup_free char *ref = NULL;
    const char *branch = state->host_branch;
    if (state->repository[0] == '\0' || branch[0] == '\0' || state->base_commit[0] == '\0' ||
        git_identity_of(state->repository, &identity, NULL) < 0 ||
        git_branch_commit(state->repository, &identity, branch, tip, NULL) < 0 ||
        git_find_checkout(state->repository, &identity, branch, &worktree, NULL) < 0 ||
        asprintf(&ref, "refs/heads/%s", branch) < 0)
        return false;
    const char *const contained[] = {"merge-base", "--is-ancestor", tip, state->base_commit, NULL};
    const char *const deletion[] = {"update-ref", "-d", ref, tip, NULL};
    return tip[0] != '\0' && worktree == NULL && was_made_for(state, &identity, ref) &&
           git_succeeds(state, &identity, contained) && git_succeeds(state, &identity, deletion);
}

/* Commits what is staged, as a merge only when the merge is done. */
#include "init/agent-commit/commit.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-commit/report.h"
#include "init/agent-commit/signed.h"
#include "init/agent-commit/work_tree.h"
#include "lib/base/cleanup.h"

/* 1 when something is staged, 0 when not, -errno. `git diff --quiet` tells by its exit code. */
static int has_staged(struct error *err)
{
    static const char *const head[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    static const char *const any[] = {"ls-files", "--cached", NULL};
    static const char *const diff[] = {
        "diff", "--cached", "--quiet", "--no-ext-diff", "--ignore-submodules=none", NULL,
    };
    char answer[PATH_MAX];
    int has_head = work_tree_ask(head, answer, sizeof(answer), err);
    if (has_head <= 0)
        return has_head < 0 ? has_head : work_tree_ask(any, answer, sizeof(answer), err);
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git_answer(diff, NULL, 0, &result, err);
    if (outcome == 0)
        outcome = !process_is_success(result.wait_status);
    process_result_free(&result);
    return outcome;
}

/* What git keeps while a merge, a cherry-pick or a revert waits for its conclusion. */
struct pending {
    bool is_merge;
    bool is_any;
    bool has_message;
};

/* Looks for it, or FORGETS it; each answer is a path on a line of its own. */
static int find_pending(struct pending *pending, bool forgets, struct error *err)
{
    static const char *const arguments[] = {
        "rev-parse",  "--git-path",       "MERGE_MSG",  "--git-path",  "MERGE_HEAD",
        "--git-path", "CHERRY_PICK_HEAD", "--git-path", "REVERT_HEAD", NULL,
    };
    *pending = (struct pending){.is_any = false};
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git_answer(arguments, NULL, 0, &result, err);
    char *line = outcome == 0 ? result.output : NULL;
    for (int i = 0; line != NULL && *line != '\0'; i++) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        struct stat status;
        bool is_there = lstat(line, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
        pending->has_message = pending->has_message || (i == 0 && is_there);
        pending->is_merge = pending->is_merge || (i == 1 && is_there);
        pending->is_any = pending->is_any || (i > 0 && is_there);
        if (forgets && i > 0 && is_there && unlink(line) < 0)
            outcome = error_set(err, errno, "forget the merge that was left");
        line = next;
    }
    process_result_free(&result);
    return outcome;
}

static int run_commit(const char *message, struct error *err)
{
    static const char *const with_message[] = {"--file=-", "--cleanup=verbatim", NULL};
    static const char *const with_own[] = {"--no-edit", "--cleanup=strip", NULL};
    return signed_commit(message == NULL ? with_own : with_message, message, err);
}

int commit_index(const char *message, const char *plain, const struct changes *changes,
                 struct error *err)
{
    static const char *const head[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    struct pending pending;
    bool has_conflict = changes->unresolved.count > 0 || changes->is_index_fresh;
    int result = find_pending(&pending, has_conflict, err);
    if (result < 0)
        return result;
    commit_report_paths("unresolved", &changes->unresolved);
    bool concludes = pending.is_any && !has_conflict;
    int staged = has_staged(err);
    /* A merge may bring nothing but its second parent. */
    if (staged < 0 || (staged == 0 && !(concludes && pending.is_merge)))
        return staged;
    if (message == NULL)
        message = concludes && pending.has_message ? NULL : plain;
    result = run_commit(message, err);
    if (result < 0)
        return result;
    char text[32];
    char id[COMMIT_ID_SIZE];
    snprintf(text, sizeof(text), "%zu", changes->staged);
    commit_report("files", text);
    result = work_tree_ask(head, id, sizeof(id), err);
    if (result > 0)
        commit_report("commit", id);
    return result < 0 ? result : 0;
}

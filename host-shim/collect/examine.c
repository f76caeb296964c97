/* Looks at what was collected: commits, changed files, and which of them would run code on the
 * host. */
#include "host-shim/collect/collection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/host/install_paths.h"

/* Git knows the empty tree of each object format without having it. */
#define EMPTY_TREE_SHA1 "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
#define EMPTY_TREE_SHA256 "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
/* Subject lines are cut by git itself; a commit message may be as large as the session likes. */
#define SUBJECT_FORMAT "--format=%h %<(100,trunc)%s"
#define SUBJECTS_BYTES (64 * 1024)

void collection_release(struct collection *collection)
{
    for (size_t i = 0; i < collection->subject_count; i++)
        free(collection->subjects[i]);
    free(collection->subjects);
    findings_free(&collection->findings);
    changes_free(&collection->changes);
    auto_exec_free(&collection->table);
    session_state_free(collection->state);
}

static int run_git(const struct collection *collection, const char *const *arguments, size_t limit,
                   struct process_result *result, struct error *err)
{
    return git_run_checked(collection->state->repository, &collection->identity, arguments, limit,
                           result, err);
}

/* "BASE..TIP", or "TIP" when the repository was empty. Owned. */
static char *commit_range(const struct collection *collection)
{
    char *range = NULL;
    const char *base = collection->state->base_commit;
    if (asprintf(&range, "%s%s%s", base, base[0] == '\0' ? "" : "..", collection->answer.tip) < 0)
        return NULL;
    return range;
}

static int count_commits(struct collection *collection, const char *range, struct error *err)
{
    const char *const arguments[] = {"rev-list", "--count", range, "--", NULL};
    struct process_result result = {.output = NULL};
    int outcome = run_git(collection, arguments, 0, &result, err);
    if (outcome < 0)
        return error_prefix(err, "count the commits");
    collection->commit_count = strtoull(result.output, NULL, 10);
    process_result_free(&result);
    return 0;
}

static int split_subjects(struct collection *collection, const struct process_result *result)
{
    collection->subjects = calloc(COLLECTION_SUBJECTS_MAX, sizeof(*collection->subjects));
    if (collection->subjects == NULL)
        return -ENOMEM;
    const char *end = result->output + result->output_size;
    for (const char *at = result->output;
         at < end && collection->subject_count < COLLECTION_SUBJECTS_MAX; at += strlen(at) + 1) {
        char *subject = strdup(at);
        if (subject == NULL)
            return -ENOMEM;
        size_t length = strlen(subject);
        while (length > 0 && subject[length - 1] == ' ')
            subject[--length] = '\0';
        collection->subjects[collection->subject_count++] = subject;
    }
    return 0;
}

static int read_subjects(struct collection *collection, const char *range, struct error *err)
{
    char count[16];
    snprintf(count, sizeof(count), "-n%d", COLLECTION_SUBJECTS_MAX);
    const char *const arguments[] = {
        "log",
        "-z",
        "--no-color",
        "--no-patch",
        "--no-show-signature",
        "--no-notes",
        "--no-mailmap",
        "--no-decorate",
        "--encoding=UTF-8",
        SUBJECT_FORMAT,
        count,
        range,
        "--",
        NULL,
    };
    struct process_result result = {.output = NULL};
    int outcome = run_git(collection, arguments, SUBJECTS_BYTES, &result, err);
    if (outcome < 0)
        return error_prefix(err, "read the commits");
    outcome = split_subjects(collection, &result);
    process_result_free(&result);
    return outcome < 0 ? error_set(err, -outcome, "read the commits") : 0;
}

static const char *diff_base(const struct collection *collection)
{
    const char *base = collection->state->base_commit;
    if (base[0] != '\0')
        return base;
    return strlen(collection->answer.tip) == 40 ? EMPTY_TREE_SHA1 : EMPTY_TREE_SHA256;
}

static int load_table(struct collection *collection, struct error *err)
{
    char path[PATH_MAX];
    int result = install_path_share("policies/auto-exec.tab", path, err);
    return result < 0 ? result : auto_exec_load(path, &collection->table, err);
}

int collection_examine(struct collection *collection, struct error *err)
{
    cleanup_free char *range = commit_range(collection);
    if (range == NULL)
        return error_set(err, ENOMEM, "look at the commits");
    const char *repository = collection->state->repository;
    int result = load_table(collection, err);
    if (result == 0)
        result = count_commits(collection, range, err);
    if (result == 0)
        result = read_subjects(collection, range, err);
    if (result == 0)
        result = changes_read(repository, &collection->identity, diff_base(collection),
                              collection->answer.tip, &collection->changes, err);
    if (result < 0)
        return result;
    result = findings_collect(repository, &collection->identity, &collection->changes,
                              &collection->table, &collection->findings);
    return result < 0 ? error_set(err, -result, "look for files that run code") : 0;
}

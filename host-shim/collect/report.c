/* Tells what a collection brought, for people and for scripts. */
#include "host-shim/collect/collection.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/wire/record.h"

#define REPORT_VERSION 1
/* Findings shown to a person; --json has them all. */
#define FINDINGS_SHOWN 50

static const char *const outcome_names[] = {
    [FETCH_UPDATED] = "updated",   [FETCH_UNCHANGED] = "unchanged", [FETCH_NOTHING] = "nothing",
    [FETCH_REJECTED] = "rejected", [FETCH_BROKEN] = "broken",
};

static void print_commits(const struct collection *collection)
{
    printf("commits:  %llu\n", collection->commit_count);
    for (size_t i = 0; i < collection->subject_count; i++) {
        fputs("  ", stdout);
        printable_print(stdout, collection->subjects[i]);
        putchar('\n');
    }
    if (collection->commit_count > collection->subject_count)
        printf("  ... and %llu more\n", collection->commit_count - collection->subject_count);
}

static void print_findings(const struct findings *findings)
{
    if (findings->count == 0) {
        puts("auto-exec: no changed file is known to run code on the host by itself");
        return;
    }
    printf("auto-exec: look at these before you check out, open or build the branch (%zu):\n",
           findings->count);
    for (size_t i = 0; i < findings->count && i < FINDINGS_SHOWN; i++) {
        fputs("  ", stdout);
        printable_print(stdout, findings->items[i].path);
        printf("  (%s)\n", findings->items[i].why);
    }
    if (findings->count > FINDINGS_SHOWN)
        printf("  ... and %zu more (--json shows all)\n", findings->count - FINDINGS_SHOWN);
}

void collection_print(const struct collection *collection)
{
    if (collection->has_recovered)
        puts("recovered: the session had ended without its shutdown; its last changes are "
             "committed");
    if (collection->answer.outcome == FETCH_NOTHING) {
        printf("session %s has pushed nothing: there is no work to fetch\n",
               collection->state->session);
        return;
    }
    printf("branch:   %s%s\n", collection->host_branch,
           collection->answer.outcome == FETCH_UNCHANGED ? " (had it all already)" : "");
    fputs("in:       ", stdout);
    printable_print(stdout, collection->state->repository);
    putchar('\n');
    printf("commit:   %s\n", collection->answer.tip);
    print_commits(collection);
    printf("files:    %zu changed, %llu lines added, %llu removed", collection->changes.count,
           collection->changes.added_lines, collection->changes.removed_lines);
    if (collection->changes.binary_files > 0)
        printf(", %zu binary", collection->changes.binary_files);
    putchar('\n');
    print_findings(&collection->findings);
}

static json_t *files_json(const struct changes *changes)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "changed", (json_int_t)changes->count, "lines_added",
                     (json_int_t)changes->added_lines, "lines_removed",
                     (json_int_t)changes->removed_lines, "binary",
                     (json_int_t)changes->binary_files);
}

static json_t *findings_json(const struct findings *findings)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < findings->count; i++) {
        json_t *item = json_pack("{s:s}", "why", findings->items[i].why);
        if (item == NULL || record_set_text(item, "path", findings->items[i].path) < 0 ||
            json_array_append_new(list, item) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *commits_json(const struct collection *collection)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < collection->subject_count; i++) {
        json_t *item = json_object();
        if (item == NULL || record_set_text(item, "subject", collection->subjects[i]) < 0 ||
            json_array_append_new(list, item) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:I,s:o}", "count", (json_int_t)collection->commit_count, "newest", list);
}

int collection_print_json(const struct collection *collection)
{
    const struct session_state *state = collection->state;
    json_t *report = json_pack(
        "{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:I,s:o,s:o,s:o}", "version", REPORT_VERSION,
        "session", state->session, "outcome", outcome_names[collection->answer.outcome], "branch",
        state->branch, "host_branch", collection->host_branch, "base", state->base_commit,
        "previous", collection->answer.previous, "commit", collection->answer.tip, "recovered",
        collection->has_recovered, "recovery_error", collection->recovery_error, "received_bytes",
        (json_int_t)collection->answer.received, "commits", commits_json(collection), "files",
        files_json(&collection->changes), "auto_exec", findings_json(&collection->findings));
    if (report == NULL || record_set_text(report, "repository", state->repository) < 0) {
        json_decref(report);
        return -ENOMEM;
    }
    int result = printable_json_dump(report, stdout);
    json_decref(report);
    return result;
}

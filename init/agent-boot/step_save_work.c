/* The git step's way down: commit and push to the volume, by git running as agentuser without a
 * network. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/report.h"
#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/base/string_list.h"
#include "lib/wire/record.h"

#define SANDBOX BOOT_LIBEXEC "/agent-task-sandbox"
#define COMMIT BOOT_LIBEXEC "/agent-commit"
/* One line per withheld file at most, of which only so many are told. */
#define REPORT_LIMIT (256 * 1024)
/* More names than agent-commit tells: what is beyond them was not written by it. */
#define NAMES_MAX 101

/* What agent-commit reports in "KEY VALUE" lines. It runs git with the agent's own configuration,
 * so every value is a claim: printable or cut to what is, an object id or nothing. What the host
 * collects is the truth. */
struct work_report {
    char commit[MANIFEST_DIGEST_SIZE + 1];
    char pushed[MANIFEST_DIGEST_SIZE + 1];
    char head[BOOT_DETAIL_SIZE];      /* what HEAD was on when not the session's branch */
    char rebuilt[BOOT_DETAIL_SIZE];   /* why the commit could not be made in the git directory */
    char reindexed[BOOT_DETAIL_SIZE]; /* why it could not be made with the index that was there */
    char failed[ERROR_MESSAGE_SIZE / 2];
    char unsigned_for[ERROR_MESSAGE_SIZE / 2]; /* why the commit is not signed */
    unsigned long long files;
    /* Owned arrays of strings. */
    json_t *withheld;
    json_t *unreached;  /* refs with commits that HEAD does not contain */
    json_t *opened;     /* paths that were unreadable */
    json_t *unresolved; /* paths with a conflict, committed as they stand */
};

struct report_key {
    const char *name;
    size_t offset;
    size_t size; /* of a text; 0: a list of names */
    bool is_id;
};

#define TEXT(field) \
    .offset = offsetof(struct work_report, field), .size = sizeof(((struct work_report *)0)->field)

/* clang-format off */
static const struct report_key report_keys[] = {
    {.name = "commit",     TEXT(commit), .is_id = true},
    {.name = "pushed",     TEXT(pushed), .is_id = true},
    {.name = "head",       TEXT(head)},
    {.name = "rebuilt",    TEXT(rebuilt)},
    {.name = "reindexed",  TEXT(reindexed)},
    {.name = "failed",     TEXT(failed)},
    {.name = "unsigned",   TEXT(unsigned_for)},
    {.name = "withheld",   .offset = offsetof(struct work_report, withheld)},
    {.name = "unreached",  .offset = offsetof(struct work_report, unreached)},
    {.name = "opened",     .offset = offsetof(struct work_report, opened)},
    {.name = "unresolved", .offset = offsetof(struct work_report, unresolved)},
};
/* clang-format on */

static void copy_object_id(char *target, size_t size, const char *value)
{
    size_t length = strlen(value);
    if (length < size && strspn(value, "0123456789abcdef") == length)
        snprintf(target, size, "%s", value);
}

static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

static bool has_name(const json_t *names, const char *name)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), name) == 0)
            return true;
    }
    return false;
}

static void take_value(struct work_report *report, const struct report_key *key, const char *value)
{
    void *field = (char *)report + key->offset;
    if (key->is_id)
        copy_object_id(field, key->size, value);
    else if (key->size > 0)
        snprintf(field, key->size, "%s", value);
    else if (json_array_size(*(json_t **)field) < NAMES_MAX && !has_name(*(json_t **)field, value))
        json_array_append_new(*(json_t **)field, json_string(value));
}

static void read_line(struct work_report *report, char *line)
{
    char *value = strchr(line, ' ');
    if (value == NULL)
        return;
    *value++ = '\0';
    make_printable(value);
    if (strcmp(line, "files") == 0)
        report->files = strtoull(value, NULL, 10) & INT32_MAX;
    for (size_t i = 0; i < ARRAY_LENGTH(report_keys); i++) {
        if (strcmp(line, report_keys[i].name) == 0)
            take_value(report, &report_keys[i], value);
    }
}

static void read_report(struct work_report *report, char *text)
{
    for (char *line = text; line != NULL && *line != '\0';) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        read_line(report, line);
        line = next;
    }
}

static void tell_names(const char *what, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names) && i < NAMES_MAX; i++)
        report_progress("git", "%s: %s", what, json_string_value(json_array_get(names, i)));
}

/* What became of the work that is not in an event. */
static void tell_oddities(const struct manifest *manifest, const struct work_report *report)
{
    tell_names("was not readable, is now", report->opened);
    tell_names("has a conflict, committed as it stands and without concluding a merge",
               report->unresolved);
    if (report->unsigned_for[0] != '\0')
        report_progress("git", "the commit is not signed: %s", report->unsigned_for);
    if (report->reindexed[0] != '\0')
        report_progress("git", "%s; committed with a fresh index", report->reindexed);
    if (report->rebuilt[0] != '\0')
        report_progress("git",
                        "%s; the files are committed on top of what was pushed to '%s' last, and "
                        "the git directory stays in the volume",
                        report->rebuilt, manifest->branch);
    if (report->head[0] != '\0')
        report_progress("git", "HEAD was left on '%s'; what it has is pushed as '%s'", report->head,
                        manifest->branch);
}

static void tell_committed(struct boot_context *context, const struct work_report *report)
{
    json_t *fields = json_pack("{s:s, s:s, s:I, s:O}", "commit", report->commit, "branch",
                               context->manifest->branch, "files", (json_int_t)report->files,
                               "withheld", report->withheld);
    if (fields != NULL && report->unsigned_for[0] != '\0')
        (void)record_set_text(fields, "unsigned", report->unsigned_for);
    report_event(context, AUDIT_WORK_COMMITTED, fields);
}

static void tell(struct boot_context *context, struct work_report *report)
{
    const struct manifest *manifest = context->manifest;
    tell_oddities(manifest, report);
    tell_names("left out, kept in the volume", report->withheld);
    tell_names("has commits that are not on the branch, kept in the volume", report->unreached);
    if (json_array_size(report->withheld) + json_array_size(report->unreached) > 0)
        report_event(
            context, AUDIT_WORK_LEFT,
            json_pack("{s:O, s:O}", "withheld", report->withheld, "unreached", report->unreached));
    if (report->commit[0] != '\0')
        tell_committed(context, report);
    if (report->pushed[0] != '\0')
        report_event(context, AUDIT_WORK_PUSHED,
                     json_pack("{s:s, s:s}", "branch", manifest->branch, "commit", report->pushed));
    if (report->commit[0] != '\0')
        boot_set_detail(context, "committed %llu files as %.12s%s", report->files, report->commit,
                        report->pushed[0] != '\0' ? ", pushed to local" : "");
    else
        boot_set_detail(context, "nothing to commit%s",
                        report->pushed[0] != '\0' ? ", pushed to local" : "");
}

/* Of the user's settings those that decide what a file's content is in a commit. */
static void add_settings(struct string_list *list, const struct manifest *manifest)
{
    static const char prefix[] = "core.";
    for (size_t i = 0; i < manifest->git_directory_count; i++) {
        const struct manifest_git_directory *directory = &manifest->git_directories[i];
        for (size_t k = 0; directory->worktree[0] == '\0' && k < directory->config_count; k++) {
            if (strncmp(directory->config[k].key, prefix, sizeof(prefix) - 1) != 0)
                continue;
            string_list_add(list, "--setting");
            string_list_format(list, "%s=%s", directory->config[k].key, directory->config[k].value);
        }
    }
}

static int list_arguments(const struct boot_context *context, struct string_list *list,
                          struct error *err)
{
    const struct manifest *manifest = context->manifest;
    const char *const fixed[] = {
        SANDBOX,
        "--network",
        "none",
        "--directory",
        "/workspace",
        "--",
        COMMIT,
        "--branch",
        manifest->branch,
        "--base",
        manifest->base_commit,
        "--message",
        manifest->commit_message,
        "--author-name",
        manifest->user_name,
        "--author-email",
        manifest->user_email,
        manifest->commit_secrets ? "--commit-secrets" : "--withhold-secrets",
        manifest->push_enabled || context->mode == BOOT_MODE_RECOVER ? "--push" : "--no-push",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
        string_list_add(list, fixed[i]);
    add_settings(list, manifest);
    if (manifest->sign_commits) {
        string_list_add(list, "--sign");
        string_list_format(list, "%s=%s",
                           manifest->signing == MANIFEST_SIGNING_SSH ? "ssh" : "openpgp",
                           manifest->signing_key);
    }
    return list->has_failed ? error_set(err, ENOMEM, "prepare the commit") : 0;
}

static int run_commit(const struct boot_context *context, struct process_result *result,
                      struct error *err)
{
    cleanup_string_list struct string_list arguments = {0};
    int outcome = list_arguments(context, &arguments, err);
    if (outcome < 0)
        return outcome;
    /* A volume of an earlier version has none; then every ref counts as the session's. */
    cleanup_fd int refs = open(PLACE_COPIED_REFS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct process_spec spec = {
        .argv = (const char *const *)arguments.items,
        .directory = "/",
        .standard_input = refs,
        .standard_output = -1,
        .standard_error = STDERR_FILENO,
        .output_limit = REPORT_LIMIT,
        .timeout_ms = boot_remaining_ms(context),
    };
    outcome = process_run(&spec, result, err);
    return outcome < 0 ? error_prefix(err, "the work is in the volume, uncommitted") : 0;
}

static int judge(const struct process_result *result, const struct work_report *report,
                 struct error *err)
{
    if (process_is_success(result->wait_status))
        return 0;
    return error_set(err, EPROTO, "the work is in the volume; committing ended with code %d%s%s",
                     process_exit_code(result->wait_status), report->failed[0] == '\0' ? "" : ": ",
                     report->failed);
}

int git_save_work(struct boot_context *context, struct error *err)
{
    const struct manifest *manifest = context->manifest;
    const char *reason = context->is_unwinding                           ? "nothing ran"
                         : manifest == NULL                              ? "no session"
                         : manifest->source_kind == MANIFEST_SOURCE_NONE ? "no repository"
                         : !manifest->commit_enabled ? "commits are off in the manifest"
                                                     : NULL;
    if (reason != NULL) {
        boot_set_detail(context, "%s", reason);
        return BOOT_SKIPPED;
    }
    /* A copy that never became whole has been seen by no agent. */
    if (access(PLACE_COPIED_MARK, F_OK) < 0 && errno == ENOENT) {
        boot_set_detail(context, "nothing to save");
        return BOOT_SKIPPED;
    }
    /* Half a copy would be committed as the removal of its other half. */
    if (access(PLACE_COPIED_MARK, F_OK) < 0)
        return error_set(err, errno, "the repository's copy was never finished, so nothing ran");
    struct process_result result = {.wait_status = 0};
    int outcome = run_commit(context, &result, err);
    if (outcome == 0) {
        struct work_report report = {
            .withheld = json_array(),
            .unreached = json_array(),
            .opened = json_array(),
            .unresolved = json_array(),
        };
        read_report(&report, result.output);
        outcome = judge(&result, &report, err);
        if (outcome == 0)
            tell(context, &report);
        json_decref(report.withheld);
        json_decref(report.unreached);
        json_decref(report.opened);
        json_decref(report.unresolved);
    }
    process_result_free(&result);
    return outcome;
}

/* The git step's way down: commit and push to the volume, by git running as agentuser without a
 * network. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/report.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/process.h"

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
    char head[BOOT_DETAIL_SIZE]; /* what HEAD was on when not the session's branch */
    unsigned long long files;
    json_t *withheld;  /* owned array of strings */
    json_t *unreached; /* owned array of strings: refs with commits that HEAD does not contain */
};

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

static void read_line(struct work_report *report, char *line)
{
    char *value = strchr(line, ' ');
    if (value == NULL)
        return;
    *value++ = '\0';
    make_printable(value);
    if (strcmp(line, "commit") == 0)
        copy_object_id(report->commit, sizeof(report->commit), value);
    else if (strcmp(line, "pushed") == 0)
        copy_object_id(report->pushed, sizeof(report->pushed), value);
    else if (strcmp(line, "head") == 0)
        snprintf(report->head, sizeof(report->head), "%s", value);
    else if (strcmp(line, "unreached") == 0 && json_array_size(report->unreached) < NAMES_MAX)
        json_array_append_new(report->unreached, json_string(value));
    else if (strcmp(line, "files") == 0)
        report->files = strtoull(value, NULL, 10) & INT32_MAX;
    else if (strcmp(line, "withheld") == 0 && json_array_size(report->withheld) < NAMES_MAX)
        json_array_append_new(report->withheld, json_string(value));
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

static void tell(struct boot_context *context, struct work_report *report)
{
    const struct manifest *manifest = context->manifest;
    tell_names("left out, kept in the volume", report->withheld);
    tell_names("has commits that are not on the branch, kept in the volume", report->unreached);
    if (report->head[0] != '\0')
        report_progress("git", "HEAD was left on '%s'; what it has is pushed as '%s'", report->head,
                        manifest->branch);
    if (json_array_size(report->withheld) + json_array_size(report->unreached) > 0)
        report_event(
            context, AUDIT_WORK_LEFT,
            json_pack("{s:O, s:O}", "withheld", report->withheld, "unreached", report->unreached));
    if (report->commit[0] != '\0')
        report_event(context, AUDIT_WORK_COMMITTED,
                     json_pack("{s:s, s:s, s:I, s:O}", "commit", report->commit, "branch",
                               manifest->branch, "files", (json_int_t)report->files, "withheld",
                               report->withheld));
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

static uint64_t remaining_ms(const struct boot_context *context)
{
    uint64_t now = clock_monotonic_ns();
    if (now >= context->step_deadline_ns)
        return 1;
    return (context->step_deadline_ns - now) / CLOCK_NANOSECONDS_PER_MILLISECOND + 1;
}

static int run_commit(const struct boot_context *context, struct process_result *result,
                      struct error *err)
{
    const struct manifest *manifest = context->manifest;
    const char *argv[] = {
        SANDBOX,
        "--network",
        "none",
        "--directory",
        "/workspace",
        "--",
        COMMIT,
        "--branch",
        manifest->branch,
        "--message",
        manifest->commit_message,
        manifest->commit_secrets ? "--commit-secrets" : "--withhold-secrets",
        manifest->push_enabled || context->mode == BOOT_MODE_RECOVER ? "--push" : "--no-push",
        NULL,
    };
    struct process_spec spec = {
        .argv = argv,
        .directory = "/",
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = STDERR_FILENO,
        .output_limit = REPORT_LIMIT,
        .timeout_ms = remaining_ms(context),
    };
    int outcome = process_run(&spec, result, err);
    if (outcome < 0)
        return error_prefix(err, "the work is in the volume, uncommitted");
    if (!process_is_success(result->wait_status))
        return error_set(err, EPROTO, "the work is in the volume; committing ended with code %d",
                         process_exit_code(result->wait_status));
    return 0;
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
        struct work_report report = {.withheld = json_array(), .unreached = json_array()};
        read_report(&report, result.output);
        tell(context, &report);
        json_decref(report.withheld);
        json_decref(report.unreached);
    }
    process_result_free(&result);
    return outcome;
}

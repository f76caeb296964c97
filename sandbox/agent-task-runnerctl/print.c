/* Two views of each answer. */
#include "sandbox/agent-task-runnerctl/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

/* clang-format off */
static const char *const state_names[] = {
    [TASK_STATE_WARM]      = "warm",
    [TASK_STATE_STARTING]  = "starting",
    [TASK_STATE_RUNNING]   = "running",
    [TASK_STATE_LINGERING] = "lingering",
    [TASK_STATE_ASKING]    = "asking",
};
/* clang-format on */

static const char *state_name(uint32_t state)
{
    return state < ARRAY_LENGTH(state_names) && state_names[state] != NULL ? state_names[state]
                                                                           : "unknown";
}

static void print_json(json_t *document)
{
    json_dumpf(document, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(document);
}

void print_begin(struct print *print)
{
    print->rows = print->is_json ? json_array() : NULL;
    if (!print->is_json)
        printf("%-8s %-10s %-7s %-7s %s\n", "ID", "STATE", "CALLER", "INIT", "COMMAND");
}

json_t *print_text(const char *data, size_t size)
{
    json_t *string = json_stringn(data, size);
    cleanup_free char *copy = string != NULL ? NULL : malloc(size);

    if (copy == NULL)
        return string;
    memcpy(copy, data, size);
    for (size_t i = 0; i < size; i++)
        if ((copy[i] & 0x80) != 0)
            copy[i] = '?';
    return json_stringn(copy, size);
}

static json_t *text_of(const char *text)
{
    return print_text(text, strlen(text));
}

static json_t *arguments_of(const struct task_row *row)
{
    json_t *list = json_array();
    size_t at = 0;

    for (uint32_t i = 0; i < row->argument_count && at < row->arguments_size; i++) {
        json_array_append_new(list, text_of(row->arguments + at));
        at += strlen(row->arguments + at) + 1;
    }
    return list;
}

static json_t *row_to_json(const struct task_row *row)
{
    char started[CLOCK_TIMESTAMP_SIZE];

    clock_format(row->started_realtime_ns, started);
    return json_pack("{s:s, s:s, s:i, s:i, s:I, s:b, s:o, s:o, s:s, s:o, s:I}", "id", row->id,
                     "state", state_name(row->state), "init_pid", row->init_pid, "caller_pid",
                     row->caller_pid, "caller_uid", (json_int_t)row->caller_uid, "detached",
                     row->is_detached != 0, "profile", text_of(row->profile), "rule",
                     text_of(row->rule), "started", started, "arguments", arguments_of(row),
                     "argument_count", (json_int_t)row->argument_count);
}

/* The words with blanks between them, all that the row has: what an agent looks for often stands
 * behind a long preamble of its own. Control characters would be orders to a terminal. */
static void print_arguments(const struct task_row *row)
{
    size_t end = row->arguments_size;

    while (end > 0 && row->arguments[end - 1] == '\0')
        end--;
    for (size_t i = 0; i < end; i++) {
        unsigned char byte = (unsigned char)row->arguments[i];

        putchar(byte == '\0' ? ' ' : byte < ' ' || byte == 0x7f ? '?' : byte);
    }
    fputs(row->arguments_size == sizeof(row->arguments) ? "...\n" : "\n", stdout);
}

void print_row(void *context, const union task_message_of_runner *message)
{
    struct print *print = context;
    const struct task_row *row = &message->row;

    if (print->is_json) {
        json_array_append_new(print->rows, row_to_json(row));
        return;
    }
    printf("%-8s %-10s %-7d %-7d ", row->id, state_name(row->state), row->caller_pid,
           row->init_pid);
    print_arguments(row);
}

void print_end(struct print *print, bool is_whole)
{
    if (print->rows == NULL)
        return;
    if (is_whole)
        print_json(json_pack("{s:i, s:O}", "version", TASK_PROTOCOL_VERSION, "tasks", print->rows));
    json_decref(print->rows);
    print->rows = NULL;
}

static void print_status_json(const struct task_status_row *status, uint64_t uptime_ms)
{
    print_json(
        json_pack("{s:i, s:i, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                  "version", TASK_PROTOCOL_VERSION, "pid", status->runner_pid, "policy_generation",
                  (json_int_t)status->generation, "observing", status->is_observing != 0,
                  "trapping", status->has_listener != 0, "uptime_ms", (json_int_t)uptime_ms, "warm",
                  (json_int_t)status->warm, "running", (json_int_t)status->running, "lingering",
                  (json_int_t)status->lingering, "waiting", (json_int_t)status->waiting, "executed",
                  (json_int_t)status->executed, "denied", (json_int_t)status->denied, "direct",
                  (json_int_t)status->direct, "refused", (json_int_t)status->refused));
}

void print_status(void *context, const union task_message_of_runner *message)
{
    const struct print *print = context;
    const struct task_status_row *status = &message->status;
    uint64_t uptime_ms;

    if (message->header.type != TASK_STATUS_ROW)
        return;
    uptime_ms =
        (clock_monotonic_ns() - status->started_monotonic_ns) / CLOCK_NANOSECONDS_PER_MILLISECOND;
    if (print->is_json) {
        print_status_json(status, uptime_ms);
        return;
    }
    printf("task runner %d, up %llu.%03llu s, policy generation %u%s, %s\n", status->runner_pid,
           (unsigned long long)(uptime_ms / 1000), (unsigned long long)(uptime_ms % 1000),
           status->generation, status->is_observing != 0 ? " (observing only)" : "",
           status->has_listener != 0 ? "an agent is trapped" : "no agent is trapped");
    printf("sandboxes: %u warm, %u running, %u lingering; %u callers wait\n", status->warm,
           status->running, status->lingering, status->waiting);
    printf("commands: %llu executed, %llu denied, %llu direct, %llu refused\n",
           (unsigned long long)status->executed, (unsigned long long)status->denied,
           (unsigned long long)status->direct, (unsigned long long)status->refused);
}

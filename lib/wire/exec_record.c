/* Turns exec events of the task runner into audit events, after every byte of them was checked. */
#include "lib/wire/exec_record.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/channel_frame.h"
#include "lib/wire/limits.h"
#include "lib/wire/record.h"
#include "lib/wire/record_text.h"
#include "lib/wire/task_asked.h"

_Static_assert(sizeof(struct channel_header) + sizeof(struct exec_event) + TASK_ARGUMENTS_SHOWN <=
                   LIMIT_CHANNEL_FRAME_BYTES,
               "an exec event fits into a frame");
_Static_assert(LIMIT_EXEC_ARGUMENTS >= TASK_ARGUMENTS_SHOWN, "a list of empty arguments fits");

#define NANOSECONDS_PER_MICROSECOND 1000
/* The largest errno that the kernel gives (MAX_ERRNO). */
#define ERRNO_MAX 4095

/* clang-format off */
const char *const exec_record_verdicts[EXEC_RECORD_VERDICTS] = {
    [TASK_ACTION_SANDBOX] = "sandbox",
    [TASK_ACTION_DENY]    = "deny",
    [TASK_ACTION_FAIL]    = "fail",
    [TASK_ACTION_DIRECT]  = "direct",
    [TASK_ACTION_ASK]     = "ask",
};

const char *const exec_record_tiers[EXEC_RECORD_TIERS] = {
    [TASK_TIER_NONE]            = "none",
    [TASK_TIER_READ]            = "read",
    [TASK_TIER_WORKSPACE_WRITE] = "workspace-write",
    [TASK_TIER_NETWORK]         = "network",
    [TASK_TIER_DESTRUCTIVE]     = "destructive",
    [TASK_TIER_PRIVILEGED]      = "privileged",
};

/* Which keys an event has. */
enum part {
    PART_CALLER   = 1 << 0, /* uid, pid, started, reason */
    PART_PROGRAM  = 1 << 1,
    PART_VERDICT  = 1 << 2, /* verdict, rule, tier */
    PART_ARGV     = 1 << 3,
    PART_START    = 1 << 4, /* what only a top-level exec has */
    PART_END      = 1 << 5,
    PART_LOST     = 1 << 6,
    PART_ERROR    = 1 << 7,
    PART_WAIT     = 1 << 8, /* how long an answer is waited for, and about what */
};

static const struct exec_kind {
    enum audit_event event;
    unsigned int parts;
    bool needs_id;
    unsigned int actions; /* bits of enum task_action */
} kinds[] = {
    [EXEC_EVENT_START]   = {AUDIT_EXEC_START, PART_CALLER | PART_PROGRAM | PART_VERDICT | PART_ARGV | PART_START, false,
                            1 << TASK_ACTION_SANDBOX | 1 << TASK_ACTION_DENY | 1 << TASK_ACTION_FAIL | 1 << TASK_ACTION_DIRECT},
    [EXEC_EVENT_END]     = {AUDIT_EXEC_END, PART_END, true, 0},
    [EXEC_EVENT_NESTED]  = {AUDIT_EXEC_NESTED, PART_CALLER | PART_PROGRAM | PART_VERDICT | PART_ARGV | PART_LOST, true,
                            1 << TASK_ACTION_SANDBOX | 1 << TASK_ACTION_DENY},
    [EXEC_EVENT_REFUSED] = {AUDIT_EXEC_REFUSED, PART_CALLER | PART_PROGRAM | PART_ERROR, false, 0},
    [EXEC_EVENT_ASK]     = {AUDIT_EXEC_ASK, PART_CALLER | PART_PROGRAM | PART_VERDICT | PART_ARGV | PART_START | PART_WAIT, true,
                            1 << TASK_ACTION_ASK},
};

static const struct {
    const char *name;
    size_t offset;
    size_t size;
} texts[] = {
    {"id",        offsetof(struct exec_event, id),        TASK_ID_SIZE},
    {"rule",      offsetof(struct exec_event, rule),      TASK_RULE_SIZE},
    {"profile",   offsetof(struct exec_event, profile),   TASK_PROFILE_SIZE},
    {"program",   offsetof(struct exec_event, program),   PATH_MAX},
    {"directory", offsetof(struct exec_event, directory), PATH_MAX},
    {"text",      offsetof(struct exec_event, text),      TASK_TEXT_SIZE},
};
/* clang-format on */

/* An event and its arguments: argument_count strings, of which the last may be cut. */
struct exec {
    struct exec_event event;
    char arguments[TASK_ARGUMENTS_SHOWN + 1];
    bool is_cut;
};

static int check_texts(const struct exec_event *event, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (memchr((const char *)event + texts[i].offset, '\0', texts[i].size) == NULL)
            return error_set(err, EPROTO, "the exec event's %s has no end", texts[i].name);
    if (event->id[strspn(event->id, "abcdefghijklmnopqrstuvwxyz0123456789")] != '\0')
        return error_set(err, EPROTO, "the exec event has an id that is none");
    return 0;
}

static int check_numbers(const struct exec_event *event, const struct exec_kind *kind,
                         struct error *err)
{
    if (kind->needs_id && event->id[0] == '\0')
        return error_set(err, EPROTO, "the exec event has no id");
    if ((kind->parts & PART_VERDICT) != 0 &&
        (event->action >= EXEC_RECORD_VERDICTS || (kind->actions & 1u << event->action) == 0))
        return error_set(err, EPROTO, "the exec event has the action %u, which is not its kind's",
                         event->action);
    if ((kind->parts & PART_VERDICT) != 0 && event->tier >= EXEC_RECORD_TIERS)
        return error_set(err, EPROTO, "the exec event has the unknown tier %u", event->tier);
    if ((kind->parts & PART_END) != 0 &&
        (event->wait_status > UINT16_MAX ||
         (!WIFEXITED((int)event->wait_status) && !WIFSIGNALED((int)event->wait_status))))
        return error_set(err, EPROTO, "the exec event has a wait status that is no end");
    if ((kind->parts & PART_WAIT) != 0 && !task_asked_is_sound(&event->asked))
        return error_set(err, EPROTO, "the exec event asks about malformed words");
    if (event->pid < 0 || event->error > ERRNO_MAX || event->realtime_ns > INT64_MAX ||
        event->monotonic_ns > INT64_MAX || event->duration_ns > INT64_MAX)
        return error_set(err, EPROTO, "the exec event has a number out of range");
    return 0;
}

/* Strings in SIZE bytes; one without an end at the end counts. */
static size_t count_strings(const char *bytes, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size; at += strnlen(bytes + at, size - at) + 1)
        count++;
    return count;
}

static int check_arguments(struct exec *exec, const char *bytes, size_t size, struct error *err)
{
    const struct exec_event *event = &exec->event;
    if (event->arguments_size != size || size > TASK_ARGUMENTS_SHOWN)
        return error_set(err, EPROTO, "the exec event is not as long as it says");
    memcpy(exec->arguments, bytes, size);
    exec->arguments[size] = '\0';
    size_t count = count_strings(bytes, size);
    bool has_end = size == 0 || bytes[size - 1] == '\0';
    exec->is_cut = count < event->argument_count || !has_end || size < event->arguments_total;
    if (count > event->argument_count)
        return error_set(err, EPROTO, "the exec event has more arguments than it says");
    return 0;
}

static int parse(const void *payload, size_t size, struct exec *exec, struct error *err)
{
    struct exec_event *event = &exec->event;
    if (size < sizeof(*event))
        return error_set(err, EPROTO, "the exec event is too short");
    memcpy(event, payload, sizeof(*event));
    if (event->version != EXEC_EVENT_VERSION)
        return error_set(err, EPROTO, "the exec event has version %u", event->version);
    if (event->kind >= ARRAY_LENGTH(kinds) || kinds[event->kind].parts == 0)
        return error_set(err, EPROTO, "the exec event has the unknown kind %u", event->kind);
    int result = check_texts(event, err);
    if (result == 0)
        result = check_numbers(event, &kinds[event->kind], err);
    if (result < 0)
        return result;
    return check_arguments(exec, (const char *)payload + sizeof(*event), size - sizeof(*event),
                           err);
}

static int set(json_t *fields, const char *key, json_t *value)
{
    return json_object_set_new(fields, key, value) == 0 ? 0 : -ENOMEM;
}

static int set_number(json_t *fields, const char *key, uint64_t number)
{
    return set(fields, key, json_integer((json_int_t)number));
}

/* Nothing when it is all zeros: not known. */
static int set_digest(json_t *fields, const char *key, const uint8_t digest[TASK_DIGEST_SIZE])
{
    char text[AUDIT_DIGEST_SIZE];
    if (sodium_is_zero(digest, TASK_DIGEST_SIZE))
        return 0;
    sodium_bin2hex(text, sizeof(text), digest, TASK_DIGEST_SIZE);
    return set(fields, key, json_string(text));
}

/* The strings in SIZE BYTES as MAKE makes them; NULL when it cannot make one. */
static json_t *list_strings(const char *bytes, size_t size, json_t *(*make)(const char *text))
{
    json_t *list = json_array();
    for (size_t at = 0; list != NULL && at < size; at += strlen(bytes + at) + 1) {
        if (json_array_append_new(list, make(bytes + at)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

/* One string that is not UTF-8 puts all of them into base64. */
static int set_strings(json_t *fields, const char *key, const char *bytes, size_t size)
{
    char twin[RECORD_KEY_SIZE];
    record_twin_key(key, twin);
    json_t *list = list_strings(bytes, size, json_string);
    return list != NULL ? set(fields, key, list)
                        : set(fields, twin, list_strings(bytes, size, record_encode));
}

static int set_arguments(json_t *fields, const struct exec *exec)
{
    int result = set_strings(fields, "argv", exec->arguments, exec->event.arguments_size);
    if (result == 0)
        result = set_number(fields, "argument_count", exec->event.argument_count);
    if (result == 0)
        result = set(fields, "argv_is_cut", json_boolean(exec->is_cut));
    return result;
}

static int set_caller(json_t *fields, const struct exec_event *event)
{
    char started[CLOCK_TIMESTAMP_SIZE];
    clock_format(event->realtime_ns, started);
    int result = set_number(fields, "uid", event->uid);
    if (result == 0)
        result = set_number(fields, "pid", (uint64_t)event->pid);
    if (result == 0)
        result = set(fields, "started", json_string(started));
    if (result == 0 && (event->text[0] != '\0' || event->kind == EXEC_EVENT_REFUSED))
        result = record_set_text(fields, "reason", event->text);
    return result;
}

static int set_verdict(json_t *fields, const struct exec_event *event)
{
    int result = set(fields, "verdict", json_string(exec_record_verdicts[event->action]));
    if (result == 0)
        result = set(fields, "tier", json_string(exec_record_tiers[event->tier]));
    return result < 0 ? result : record_set_text(fields, "rule", event->rule);
}

static int set_start(json_t *fields, const struct exec_event *event)
{
    int result = set_digest(fields, "program_sha256", event->program_digest);
    if (result == 0)
        result = set_digest(fields, "argv_sha256", event->arguments_digest);
    if (result == 0)
        result = set_number(fields, "argv_bytes", event->arguments_total);
    if (result == 0)
        result = record_set_text(fields, "cwd", event->directory);
    if (result == 0)
        result = record_set_text(fields, "profile", event->profile);
    if (result == 0)
        result = set(fields, "is_observed", json_boolean(event->is_observed != 0));
    return result < 0 ? result : set_number(fields, "started_monotonic_ns", event->monotonic_ns);
}

static int set_end(json_t *fields, const struct exec_event *event)
{
    int status = (int)event->wait_status;
    unsigned int signal = WIFSIGNALED(status) ? (unsigned int)WTERMSIG(status) : 0;
    unsigned int code = signal != 0 ? 128 + signal : (unsigned int)WEXITSTATUS(status);
    int result = set_number(fields, "exit_code", code);
    if (result == 0)
        result = set_number(fields, "signal", signal);
    return result < 0 ? result
                      : set_number(fields, "duration_us",
                                   event->duration_ns / NANOSECONDS_PER_MICROSECOND);
}

static int set_wait(json_t *fields, const struct exec_event *event)
{
    const struct task_asked *asked = &event->asked;
    int result = set_number(fields, "seconds", event->duration_ns / CLOCK_NANOSECONDS_PER_SECOND);
    if (result == 0 && asked->size > 0)
        result = set_strings(fields, "asks_about", asked->words, asked->size);
    if (result == 0 && (asked->flags & TASK_ASKED_MORE) != 0)
        result = set(fields, "asks_more", json_true());
    return result;
}

static int set_fields(json_t *fields, const struct exec *exec)
{
    const struct exec_event *event = &exec->event;
    unsigned int parts = kinds[event->kind].parts;
    int result = record_set_text(fields, "id", event->id);
    if (result == 0 && (parts & PART_CALLER) != 0)
        result = set_caller(fields, event);
    if (result == 0 && (parts & PART_PROGRAM) != 0)
        result = record_set_text(fields, "program", event->program);
    if (result == 0 && (parts & PART_VERDICT) != 0)
        result = set_verdict(fields, event);
    if (result == 0 && (parts & PART_ARGV) != 0)
        result = set_arguments(fields, exec);
    if (result == 0 && (parts & PART_START) != 0)
        result = set_start(fields, event);
    if (result == 0 && (parts & PART_END) != 0)
        result = set_end(fields, event);
    if (result == 0 && (parts & PART_LOST) != 0)
        result = set_number(fields, "lost", event->lost);
    if (result == 0 && (parts & PART_WAIT) != 0)
        result = set_wait(fields, event);
    if (result == 0 && (parts & PART_ERROR) != 0)
        result = set_number(fields, "error", event->error);
    return result;
}

int exec_record_make(const void *payload, size_t size, enum audit_event *event, json_t **fields,
                     struct error *err)
{
    struct exec exec;
    int result = parse(payload, size, &exec, err);
    if (result < 0)
        return result;
    json_t *made = json_object();
    if (made == NULL || set_fields(made, &exec) < 0) {
        json_decref(made);
        return error_set(err, ENOMEM, "record an exec event");
    }
    *event = kinds[exec.event.kind].event;
    *fields = made;
    return 0;
}

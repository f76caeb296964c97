/* Reads the events of a session, and the first lines of its container, for what they prove. */
#include "lib/host/session_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/wire/audit.h"
#include "lib/wire/session.h"

#define LOG_MS 60000

/* One event of the audit log. Borrowed. */
struct logged_event {
    const char *name;
    const char *time;
    const json_t *fields;
};

/* Looks at one event. True ends the reading. */
typedef bool look_at_event(const struct logged_event *event, void *context);

/* Exec events prove nothing of the work, and there may be a million of them. */
static bool is_exec(const char *line)
{
    static const char name[] = "\"event\":\"exec-";
    const size_t offset = strlen("{\"digest\":\"\",") + AUDIT_DIGEST_SIZE - 1;
    return strlen(line) > offset && strncmp(line + offset, name, sizeof(name) - 1) == 0;
}

static bool look_at_line(const char *line, look_at_event *look, void *context)
{
    if (is_exec(line))
        return false;
    json_t *record = json_loads(line, 0, NULL);
    const char *time = json_string_value(json_object_get(record, "time"));
    const struct logged_event event = {
        .name = json_string_value(json_object_get(record, "event")),
        .time = time == NULL ? "" : time,
        .fields = json_object_get(record, "fields"),
    };
    bool is_done = event.name != NULL && look(&event, context);
    json_decref(record);
    return is_done;
}

/* True when LOOK ended the reading of SESSION's log. */
static bool read_log(const char *session, look_at_event *look, void *context)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    if (session_state_directory(session, directory, NULL) < 0 ||
        path_format(path, "%s/events.jsonl", directory) < 0)
        return false;
    cleanup_file FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    size_t capacity = 0;
    bool is_done = false;
    while (file != NULL && !is_done && getline(&line, &capacity, file) > 0)
        is_done = look_at_line(line, look, context);
    return is_done;
}

static bool is_event(const struct logged_event *event, enum audit_event wanted)
{
    return strcmp(event->name, audit_event_name(wanted)) == 0;
}

static bool has_text(const struct logged_event *event, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(event->fields, key));
    return value != NULL && strcmp(value, text) == 0;
}

struct saved_work {
    uint64_t since_ns;
    bool has_booted; /* a run is on record */
    bool is_saved;   /* and its shutdown saved what there was */
};

/* A container that was started again has several runs: the last one counts. */
static bool look_for_save(const struct logged_event *event, void *context)
{
    struct saved_work *work = context;
    uint64_t time = 0;
    if (is_event(event, AUDIT_BOOT_REPORT)) {
        work->has_booted = true;
        work->is_saved = false;
    } else if (is_event(event, AUDIT_SHUTDOWN_STEP) && has_text(event, "step", "git")) {
        work->is_saved =
            work->has_booted &&
            (has_text(event, "outcome", "down") || has_text(event, "outcome", "skipped")) &&
            clock_parse(event->time, &time) == 0 && time >= work->since_ns;
    }
    return false;
}

bool session_log_is_saved(const char *session, uint64_t since_ns)
{
    struct saved_work work = {.since_ns = since_ns};
    (void)read_log(session, look_for_save, &work);
    return work.is_saved;
}

/* The keeper writes the end of a container that it has seen to its end: what is not in its log by
 * then was not said. */
static bool is_whole_end(const struct logged_event *event)
{
    return is_event(event, AUDIT_SESSION_END) &&
           json_integer_value(json_object_get(event->fields, "exit_code")) >= 0;
}

/* True at the first sign of a run. */
static bool look_for_run(const struct logged_event *event, void *context)
{
    bool *has_no_run = context;
    *has_no_run = *has_no_run || is_event(event, AUDIT_BOOT_REFUSED) || is_whole_end(event);
    return is_event(event, AUDIT_BOOT_REPORT) || is_event(event, AUDIT_WORK_COMMITTED) ||
           is_event(event, AUDIT_WORK_PUSHED) ||
           (is_event(event, AUDIT_SHUTDOWN_STEP) && has_text(event, "step", "git") &&
            has_text(event, "outcome", "down"));
}

bool session_log_never_ran(const char *session)
{
    bool has_no_run = false;
    return !read_log(session, look_for_run, &has_no_run) && has_no_run;
}

struct left_work {
    json_t *withheld;
    json_t *unreached;
};

static void add_new(json_t *names, const json_t *found)
{
    size_t i;
    json_t *name;
    json_array_foreach(found, i, name)
    {
        bool is_known = false;
        for (size_t k = 0; k < json_array_size(names); k++)
            is_known = is_known || json_equal(json_array_get(names, k), name);
        if (json_is_string(name) && !is_known)
            json_array_append(names, name);
    }
}

/* A later run's shutdown looks at everything again. */
static bool look_for_left(const struct logged_event *event, void *context)
{
    struct left_work *left = context;
    if (is_event(event, AUDIT_BOOT_REPORT)) {
        json_array_clear(left->withheld);
        json_array_clear(left->unreached);
    } else if (is_event(event, AUDIT_WORK_LEFT)) {
        add_new(left->withheld, json_object_get(event->fields, "withheld"));
        add_new(left->unreached, json_object_get(event->fields, "unreached"));
    }
    return false;
}

void session_log_left(const char *session, json_t *withheld, json_t *unreached)
{
    struct left_work left = {.withheld = withheld, .unreached = unreached};
    (void)read_log(session, look_for_left, &left);
}

/* True when a refusal stands in TEXT before the line of the step behind it. */
static bool begins_with_refusal(const char *text)
{
    static const char *const refusals[] = {"agent-boot: kernel: ", "agent-boot: manifest: "};
    for (const char *line = text; *line != '\0';) {
        for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
            if (strncmp(line, refusals[i], strlen(refusals[i])) == 0)
                return true;
        }
        if (strncmp(line, "  mounts ", 9) == 0)
            return false;
        line += strcspn(line, "\n");
        line += *line == '\n' ? 1 : 0;
    }
    return false;
}

bool session_log_was_refused_unheard(const char *container, int code)
{
    if (code != EXIT_BOOT_KERNEL && code != EXIT_BOOT_MANIFEST)
        return false;
    struct process_result result = {.output = NULL};
    bool is_refused =
        engine_run((const char *const[]){"logs", container, NULL}, LOG_MS, &result, NULL) == 0 &&
        strncmp(result.error_output, "coding-agents ", 14) == 0 &&
        begins_with_refusal(result.error_output);
    process_result_free(&result);
    return is_refused;
}

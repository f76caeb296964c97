/* Prints events of an audit log, one a line, and goes on with what is added. */
#include "host-shim/commands/audit_view.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/audit_lines.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/printable.h"

#define POLL_MS 200

/* The last events that were read, a ring: what is shown of the lines that are there already. */
struct ring {
    json_t **events; /* owned, and each */
    size_t room;
    size_t next;
    size_t count;
};

struct reading {
    const struct audit_view *view;
    struct audit_lines lines;
    struct audit_chain chain;
    struct error *damage;
    uint64_t number; /* of the line that was read last */
    struct ring ring;
};

/* True for a NAME of SIZE bytes in LIST. */
static bool has_name(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return true;
    }
    return false;
}

int audit_view_events(const char *names, uint64_t *events, struct error *err)
{
    for (const char *at = names;; at++) {
        size_t size = strcspn(at, ",");
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)(size < sizeof(name) ? size : sizeof(name) - 1),
                 at);
        enum audit_event event = audit_event_from_name(name);
        if (event == AUDIT_EVENT_COUNT)
            return error_set(err, EINVAL, "'%s' is no event: see events.md", name);
        *events |= UINT64_C(1) << event;
        at += size;
        if (*at == '\0')
            return 0;
    }
}

static bool is_wanted(const struct audit_view *view, const json_t *record)
{
    const char *name = json_string_value(json_object_get(record, "event"));
    const char *time = json_string_value(json_object_get(record, "time"));
    const char *program =
        json_string_value(json_object_get(json_object_get(record, "source"), "program"));
    uint64_t time_ns = 0;
    if (name == NULL || time == NULL || program == NULL)
        return false;
    enum audit_event event = audit_event_from_name(name);
    if (view->events != 0 &&
        (event == AUDIT_EVENT_COUNT || (view->events & UINT64_C(1) << event) == 0))
        return false;
    if (view->sources != NULL && !has_name(view->sources, program))
        return false;
    return view->since_ns == 0 || (clock_parse(time, &time_ns) == 0 && time_ns >= view->since_ns);
}

/* "0", "true", a word of a shell for a text, and for lists and objects their JSON as such a word.
 */
static int print_value(const json_t *value)
{
    cleanup_free char *text = json_is_string(value)
                                  ? strdup(json_string_value(value))
                                  : json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS |
                                                          JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    cleanup_free char *word = text != NULL ? printable_word(text) : NULL;
    if (word == NULL)
        return -ENOMEM;
    fputs(word, stdout);
    return 0;
}

static int compare_keys(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int print_fields(json_t *fields)
{
    enum { KEYS = 64 };
    const char *keys[KEYS];
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(fields, key, value)
    {
        if (count < KEYS)
            keys[count++] = key;
    }
    qsort(keys, count, sizeof(keys[0]), compare_keys);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        putchar(' ');
        printable_print(stdout, keys[i]);
        putchar('=');
        result = print_value(json_object_get(fields, keys[i]));
    }
    return result;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int print_event(const struct audit_view *view, json_t *record)
{
    int result = 0;
    if (view->is_json) {
        result = json_dumpf(record, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        const json_t *source = json_object_get(record, "source");
        const char *time = text_of(record, "time");
        char who[64];
        snprintf(who, sizeof(who), "%.20s:%lld", text_of(source, "program"),
                 (long long)json_integer_value(json_object_get(source, "uid")));
        cleanup_free char *program = printable_text(who, strlen(who));
        cleanup_free char *event =
            printable_text(text_of(record, "event"), strlen(text_of(record, "event")));
        cleanup_free char *moment = printable_text(time, strnlen(time, CLOCK_TIMESTAMP_SIZE));
        if (program == NULL || event == NULL || moment == NULL)
            return -ENOMEM;
        printf("%s %-15s %-15s", moment, program, event);
        result = print_fields(json_object_get(record, "fields"));
        putchar('\n');
    }
    return result < 0 ? result : ferror(stdout) ? -EIO : 0;
}

/* Takes RECORD. 0 or -errno. */
static int keep(struct ring *ring, json_t *record)
{
    if (ring->events == NULL)
        ring->events = calloc(ring->room, sizeof(json_t *));
    if (ring->events == NULL) {
        json_decref(record);
        return -ENOMEM;
    }
    json_decref(ring->events[ring->next]);
    ring->events[ring->next] = record;
    ring->next = (ring->next + 1) % ring->room;
    ring->count += ring->count < ring->room;
    return 0;
}

/* Prints what was kept, oldest first; what comes later is printed as it comes. */
static int show_kept(struct reading *reading)
{
    struct ring *ring = &reading->ring;
    int result = 0;
    for (size_t i = 0; i < ring->count; i++) {
        size_t at = (ring->next + ring->room - ring->count + i) % ring->room;
        if (result == 0)
            result = print_event(reading->view, ring->events[at]);
        json_decref(ring->events[at]);
    }
    free(ring->events);
    *ring = (struct ring){.room = 0};
    return result;
}

static int take_line(struct reading *reading, const char *text, size_t size)
{
    reading->number++;
    if (reading->damage->number == 0 &&
        audit_chain_check(&reading->chain, text, size, reading->damage) < 0)
        error_prefix(reading->damage, "line %llu", (unsigned long long)reading->number);
    json_t *record = json_loadb(text, size, 0, NULL);
    if (!is_wanted(reading->view, record)) {
        json_decref(record);
        return 0;
    }
    if (reading->ring.room > 0)
        return keep(&reading->ring, record);
    int result = print_event(reading->view, record);
    json_decref(record);
    return result;
}

static int read_lines(struct reading *reading)
{
    const char *text = NULL;
    ssize_t size;
    while ((size = audit_lines_next(&reading->lines, &text)) > 0) {
        int result = take_line(reading, text, (size_t)size);
        if (result < 0)
            return result;
    }
    return (int)size;
}

static int run(struct reading *reading)
{
    bool is_live = false;
    int result;
    do {
        /* Asked before: what is written in between is read all the same. */
        is_live = !reading->chain.is_closed && audit_lines_are_written(&reading->lines);
        result = read_lines(reading);
        if (result == 0)
            result = show_kept(reading);
        if (result == 0 && fflush(stdout) == EOF)
            result = -EIO;
        if (result == 0 && is_live && reading->view->is_following)
            (void)poll(NULL, 0, POLL_MS);
    } while (result == 0 && is_live && reading->view->is_following);
    return result;
}

int audit_view_print(const struct audit_view *view, const char *path, struct error *damage,
                     struct error *err)
{
    struct reading reading = {.view = view, .damage = damage, .ring = {.room = view->last}};
    int result = audit_lines_open(&reading.lines, path, err);
    if (result == 0) {
        result = run(&reading);
        if (result < 0)
            error_set(err, -result, "show '%s'", path);
    }
    (void)show_kept(&reading);
    audit_lines_close(&reading.lines);
    return result;
}

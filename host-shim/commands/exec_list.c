/* Reads the audit log of a session line by line and keeps where each command's lines are. */
#include "host-shim/commands/exec_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/limits.h"

/* One line fits, and what is read at once. */
#define BUFFER_SIZE (LIMIT_AUDIT_LINE_BYTES + 1)

/* clang-format off */
static const char *const state_names[] = {
    [EXEC_RUNNING] = "running",
    [EXEC_ENDED]   = "ended",
    [EXEC_DENIED]  = "denied",
    [EXEC_FAILED]  = "failed",
    [EXEC_DIRECT]  = "direct",
    [EXEC_REFUSED] = "refused",
    [EXEC_ASKING]  = "asking",
    [EXEC_LOST]    = "lost",
};

static const struct {
    const char *verdict;
    enum exec_state state;
} verdict_states[] = {
    {"sandbox", EXEC_RUNNING}, {"deny", EXEC_DENIED}, {"fail", EXEC_FAILED}, {"direct", EXEC_DIRECT},
    {"ask", EXEC_ASKING},
};
/* clang-format on */

const char *exec_state_name(enum exec_state state)
{
    return state_names[state];
}

int exec_list_open(struct exec_list *list, const char *path, struct error *err)
{
    *list = (struct exec_list){.latest = json_object(), .buffer = malloc(BUFFER_SIZE)};
    list->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int result = list->fd < 0 ? error_set(err, errno, "open '%s'", path) : 0;
    if (result == 0 && (list->latest == NULL || list->buffer == NULL))
        result = error_set(err, ENOMEM, "read '%s'", path);
    if (result < 0)
        exec_list_close(list);
    return result;
}

void exec_entry_forget_nested(struct exec_entry *entry)
{
    free(entry->nested);
    entry->nested = NULL;
    entry->nested_count = 0;
}

void exec_list_close(struct exec_list *list)
{
    cleanup_close(&list->fd);
    for (size_t i = 0; i < list->count; i++)
        exec_entry_forget_nested(&list->entries[i]);
    free(list->entries);
    free(list->buffer);
    json_decref(list->latest);
    *list = (struct exec_list){.fd = -1};
}

json_t *exec_list_record(const struct exec_list *list, const struct exec_line *line)
{
    cleanup_free char *text = line->size > 0 ? malloc(line->size) : NULL;
    if (text == NULL || pread(list->fd, text, line->size, line->offset) != (ssize_t)line->size)
        return NULL;
    return json_loadb(text, line->size, 0, NULL);
}

/* One more of SIZE bytes at the end of ARRAY, which has COUNT; it grows by doubling. NULL without
 * memory. */
static void *grow(void *array, size_t count, size_t size)
{
    bool is_full = (count & (count - 1)) == 0;
    return is_full ? reallocarray(array, count == 0 ? 1 : 2 * count, size) : array;
}

/* A new entry, which has ID from now on ("": nobody asks for it). NULL without memory. */
static struct exec_entry *add_entry(struct exec_list *list, const char *id, enum exec_state state)
{
    struct exec_entry *entries = grow(list->entries, list->count, sizeof(*entries));
    if (entries == NULL)
        return NULL;
    list->entries = entries;
    if (id[0] != '\0' &&
        json_object_set_new(list->latest, id, json_integer((json_int_t)list->count)) < 0)
        return NULL;
    struct exec_entry *entry = &entries[list->count++];
    *entry = (struct exec_entry){.state = state, .is_changed = true};
    return entry;
}

/* The entry that has ID, made when no line named it before. NULL without memory. */
static struct exec_entry *find_entry(struct exec_list *list, const char *id)
{
    const json_t *number = json_object_get(list->latest, id);
    if (number == NULL)
        return add_entry(list, id, EXEC_RUNNING);
    struct exec_entry *entry = &list->entries[json_integer_value(number)];
    entry->is_changed = true;
    return entry;
}

static enum exec_state state_of(const json_t *fields)
{
    const char *verdict = json_string_value(json_object_get(fields, "verdict"));
    for (size_t i = 0; verdict != NULL && i < ARRAY_LENGTH(verdict_states); i++)
        if (strcmp(verdict, verdict_states[i].verdict) == 0)
            return verdict_states[i].state;
    return EXEC_LOST;
}

static bool is_open(const struct exec_entry *entry)
{
    return entry->state == EXEC_RUNNING || entry->state == EXEC_ASKING;
}

static int take_ask(struct exec_list *list, const char *id, const json_t *fields,
                    const struct exec_line *line)
{
    struct exec_entry *entry = add_entry(list, id, state_of(fields));
    if (entry == NULL)
        return -ENOMEM;
    entry->ask = *line;
    return 0;
}

/* The entry that ID has and that asks; NULL: none. */
static struct exec_entry *find_asking(struct exec_list *list, const char *id)
{
    const json_t *number = json_object_get(list->latest, id);
    struct exec_entry *entry = number != NULL ? &list->entries[json_integer_value(number)] : NULL;
    return entry != NULL && entry->state == EXEC_ASKING ? entry : NULL;
}

static int take_answer(struct exec_list *list, const char *id, const json_t *fields,
                       const struct exec_line *line)
{
    struct exec_entry *entry = find_asking(list, id);
    (void)fields;
    if (entry == NULL)
        return 0;
    entry->answer = *line;
    entry->is_changed = true;
    return 0;
}

static int take_start(struct exec_list *list, const char *id, const json_t *fields,
                      const struct exec_line *line)
{
    struct exec_entry *entry = find_asking(list, id);
    if (entry == NULL)
        entry = add_entry(list, id, EXEC_RUNNING);
    if (entry == NULL)
        return -ENOMEM;
    entry->state = state_of(fields);
    entry->is_changed = true;
    entry->start = *line;
    return 0;
}

static int take_refused(struct exec_list *list, const char *id, const json_t *fields,
                        const struct exec_line *line)
{
    (void)id;
    (void)fields;
    struct exec_entry *entry = add_entry(list, "", EXEC_REFUSED);
    if (entry == NULL)
        return -ENOMEM;
    entry->start = *line;
    return 0;
}

static int take_end(struct exec_list *list, const char *id, const json_t *fields,
                    const struct exec_line *line)
{
    (void)fields;
    struct exec_entry *entry = find_entry(list, id);
    if (entry == NULL)
        return -ENOMEM;
    /* One that was not run keeps its verdict. */
    if (entry->state == EXEC_RUNNING || entry->state == EXEC_LOST)
        entry->state = EXEC_ENDED;
    entry->end = *line;
    return 0;
}

static int take_nested(struct exec_list *list, const char *id, const json_t *fields,
                       const struct exec_line *line)
{
    (void)fields;
    struct exec_entry *entry = find_entry(list, id);
    struct exec_line *nested =
        entry != NULL ? grow(entry->nested, entry->nested_count, sizeof(*nested)) : NULL;
    if (nested == NULL)
        return -ENOMEM;
    entry->nested = nested;
    entry->nested[entry->nested_count++] = *line;
    return 0;
}

static void lose_running(struct exec_list *list)
{
    for (size_t i = list->first_open; i < list->count; i++) {
        if (!is_open(&list->entries[i]))
            continue;
        list->entries[i].state = EXEC_LOST;
        list->entries[i].is_changed = true;
    }
    list->first_open = list->count;
}

void exec_list_end(struct exec_list *list)
{
    lose_running(list);
    if (list->buffered > 0 && list->damage.number == 0)
        error_set(&list->damage, EPROTO, "it has no end");
}

static int take_closed(struct exec_list *list, const char *id, const json_t *fields,
                       const struct exec_line *line)
{
    (void)id;
    (void)fields;
    (void)line;
    list->is_closed = true;
    lose_running(list);
    return 0;
}

/*
 * A runner that ended has taken every sandbox with it, and no command of an earlier boot runs. The
 * boot's own report is no sign of that: it may come in behind the first command.
 */
static int take_service(struct exec_list *list, const char *id, const json_t *fields,
                        const struct exec_line *line)
{
    const char *kind = json_string_value(json_object_get(fields, "kind"));
    const char *service = json_string_value(json_object_get(fields, "service"));
    (void)id;
    (void)line;
    if (kind == NULL || service == NULL)
        return 0;
    if (strcmp(kind, "boot-started") == 0 ||
        (strcmp(kind, "service-exited") == 0 && strcmp(service, "runner") == 0))
        lose_running(list);
    return 0;
}

typedef int take_record(struct exec_list *list, const char *id, const json_t *fields,
                        const struct exec_line *line);

/* clang-format off */
static const struct {
    enum audit_event event;
    take_record *take;
} takers[] = {
    {AUDIT_EXEC_ASK,     take_ask},
    {AUDIT_EXEC_ANSWER,  take_answer},
    {AUDIT_EXEC_START,   take_start},
    {AUDIT_EXEC_END,     take_end},
    {AUDIT_EXEC_NESTED,  take_nested},
    {AUDIT_EXEC_REFUSED, take_refused},
    {AUDIT_SERVICE,      take_service},
    {AUDIT_AUDIT_CLOSED, take_closed},
};
/* clang-format on */

/* The line that ends next is no record; of one that comes in pieces it is said once. */
static void note_malformed(struct exec_list *list)
{
    uint64_t number = list->lines + 1;
    if (list->last_malformed == number)
        return;
    list->last_malformed = number;
    if (list->malformed_count < EXEC_LIST_MALFORMED_MAX)
        list->malformed[list->malformed_count++] = number;
    else
        list->malformed_more++;
}

static int take_line(struct exec_list *list, const char *text, const struct exec_line *line)
{
    if (list->damage.number == 0)
        (void)audit_chain_check(&list->chain, text, line->size, &list->damage);
    json_t *record = json_loadb(text, line->size, 0, NULL);
    const char *name = json_string_value(json_object_get(record, "event"));
    const json_t *fields = json_object_get(record, "fields");
    const char *id = json_string_value(json_object_get(fields, "id"));
    enum audit_event event = name != NULL ? audit_event_from_name(name) : AUDIT_EVENT_COUNT;
    int result = 0;
    if (event == AUDIT_EVENT_COUNT || !json_is_object(fields))
        note_malformed(list);
    for (size_t i = 0; json_is_object(fields) && i < ARRAY_LENGTH(takers); i++)
        if (takers[i].event == event)
            result = takers[i].take(list, id != NULL ? id : "", fields, line);
    json_decref(record);
    list->lines += text[line->size - 1] == '\n';
    return result;
}

/* Takes the whole lines of the buffer and keeps the rest in front. 0 or -errno. */
static int drain(struct exec_list *list)
{
    size_t start = 0;
    int result = 0;
    while (result == 0) {
        const char *text = list->buffer + start;
        const char *newline = memchr(text, '\n', list->buffered - start);
        /* What is longer than a line can be is damage, and taken in pieces. */
        if (newline == NULL && list->buffered - start < BUFFER_SIZE)
            break;
        const struct exec_line line = {
            .offset = list->offset + (off_t)start,
            .size = newline != NULL ? (size_t)(newline - text) + 1 : list->buffered - start,
        };
        result = take_line(list, text, &line);
        start += line.size;
    }
    list->buffered -= start;
    list->offset += (off_t)start;
    memmove(list->buffer, list->buffer + start, list->buffered);
    while (list->first_open < list->count && !is_open(&list->entries[list->first_open]))
        list->first_open++;
    return result;
}

int exec_list_read(struct exec_list *list, struct error *err)
{
    for (;;) {
        ssize_t count = pread(list->fd, list->buffer + list->buffered, BUFFER_SIZE - list->buffered,
                              list->offset + (off_t)list->buffered);
        if (count < 0)
            return error_set(err, errno, "read the audit log");
        if (count == 0)
            return 0;
        list->buffered += (size_t)count;
        int result = drain(list);
        if (result < 0)
            return error_set(err, -result, "read the audit log");
    }
}

bool exec_list_is_live(const struct exec_list *list)
{
    if (list->is_closed)
        return false;
    if (flock(list->fd, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK || errno == EINTR;
    flock(list->fd, LOCK_UN);
    return false;
}

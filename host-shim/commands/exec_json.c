/* One command of a session as one JSON object, and which of them are wanted. */
#include <errno.h>
#include <string.h>

#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/policy/glob.h"
#include "lib/wire/exec_record.h"

#define SECONDS_MAX UINT64_C(1000000000)

/* Adds the fields of the record at LINE, if there is one. 0 or -ENOMEM. */
static int add_fields(const struct exec_list *list, const struct exec_line *line, json_t *view)
{
    json_t *record = exec_list_record(list, line);
    json_t *fields = json_object_get(record, "fields");
    int result = fields == NULL || json_object_update(view, fields) == 0 ? 0 : -ENOMEM;
    json_decref(record);
    return result;
}

static json_t *list_nested(const struct exec_list *list, const struct exec_entry *entry)
{
    json_t *nested = json_array();
    for (size_t i = 0; nested != NULL && i < entry->nested_count; i++) {
        json_t *item = json_object();
        if (item != NULL && add_fields(list, &entry->nested[i], item) == 0 &&
            json_object_del(item, "id") <= 0 && json_array_append_new(nested, item) == 0)
            continue;
        json_decref(nested);
        nested = NULL;
    }
    return nested;
}

/* Its keys are the ask's own as well. */
static int add_answer(const struct exec_list *list, const struct exec_entry *entry, json_t *view)
{
    json_t *answer = entry->answer.size > 0 ? json_object() : NULL;
    if (answer == NULL)
        return entry->answer.size > 0 ? -ENOMEM : 0;
    int result = add_fields(list, &entry->answer, answer);
    return json_object_set_new(view, "answer", answer) < 0 ? -ENOMEM : result;
}

json_t *exec_view_json(const struct exec_list *list, const struct exec_entry *entry)
{
    json_t *view = json_object();
    int result = view == NULL ? -ENOMEM : 0;
    /* A command whose start is not on record still has its id. */
    if (result == 0 && entry->start.size == 0 && entry->nested_count > 0) {
        json_t *record = exec_list_record(list, &entry->nested[0]);
        result =
            json_object_set(view, "id", json_object_get(json_object_get(record, "fields"), "id"));
        json_decref(record);
    }
    if (result == 0)
        result = add_fields(list, &entry->ask, view);
    if (result == 0)
        result = add_answer(list, entry, view);
    if (result == 0)
        result = add_fields(list, &entry->start, view);
    if (result == 0)
        result = add_fields(list, &entry->end, view);
    if (result < 0 || json_object_set_new(view, "version", json_integer(1)) < 0 ||
        json_object_set_new(view, "state", json_string(exec_state_name(entry->state))) < 0 ||
        json_object_set_new(view, "nested", list_nested(list, entry)) < 0) {
        json_decref(view);
        return NULL;
    }
    return view;
}

static int tier_number(const char *name)
{
    for (int i = 0; name != NULL && i < EXEC_RECORD_TIERS; i++)
        if (strcmp(name, exec_record_tiers[i]) == 0)
            return i;
    return -EINVAL;
}

int exec_filter_tier(const char *name, struct error *err)
{
    int tier = tier_number(name);
    if (tier <= TASK_TIER_NONE)
        return error_set(err, EINVAL,
                         "--tier wants read, workspace-write, network, destructive or privileged, "
                         "not '%s'",
                         name);
    return tier;
}

static uint64_t unit_seconds(char unit)
{
    static const char units[] = "smhd";
    static const uint64_t seconds[] = {1, 60, 3600, 86400};
    const char *found = unit == '\0' ? NULL : strchr(units, unit);
    return found == NULL ? 0 : seconds[found - units];
}

int exec_filter_since(const char *text, uint64_t now_ns, uint64_t *since_ns, struct error *err)
{
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits < 10 && text[digits] != '\0' && text[digits + 1] == '\0' &&
        unit_seconds(text[digits]) > 0) {
        uint64_t seconds = strtoull(text, NULL, 10) * unit_seconds(text[digits]);
        uint64_t before = seconds * CLOCK_NANOSECONDS_PER_SECOND;
        /* At least a nanosecond: 0 means that the option was not given. */
        *since_ns = seconds > SECONDS_MAX * 10 || before >= now_ns ? 1 : now_ns - before;
        return 0;
    }
    if (clock_parse(text, since_ns) == 0)
        return 0;
    return error_set(err, EINVAL,
                     "--since wants 30s, 10m, 2h or 3d, or a time as 2026-01-02T03:04:05Z, not "
                     "'%s'",
                     text);
}

static bool has_word(const json_t *object, const char *key, const char *word)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strcmp(text, word) == 0;
}

static bool is_denied(const json_t *object)
{
    return has_word(object, "verdict", "deny") || has_word(object, "state", "refused");
}

static int tier_of(const json_t *object)
{
    return tier_number(json_string_value(json_object_get(object, "tier")));
}

static bool has_failed(const json_t *view)
{
    if (has_word(view, "state", "running") || has_word(view, "state", "direct") ||
        has_word(view, "state", "asking"))
        return false;
    return !has_word(view, "state", "ended") ||
           json_integer_value(json_object_get(view, "exit_code")) != 0;
}

int exec_filter_program(const char *pattern, struct error *err)
{
    const char *mistake = pattern[0] == '\0' ? "is empty" : glob_check(pattern);
    if (mistake == NULL)
        return 0;
    return error_set(err, EINVAL,
                     "--program wants a name or a path, as git, 'python*' or '/usr/bin/*', and "
                     "'%s' %s",
                     pattern, mistake);
}

/* PATTERN without a '/' is about what follows the last one of PATH. */
static bool path_fits(const char *path, const char *pattern)
{
    const char *slash = strchr(pattern, '/') == NULL ? strrchr(path, '/') : NULL;
    return glob_matches(pattern, slash != NULL ? slash + 1 : path);
}

/* The file that ran, or what argv called it: sh may be dash. */
static bool is_program(const json_t *object, const char *pattern)
{
    cleanup_free char *program = exec_view_text(object, "program");
    cleanup_free char *first = exec_view_argument(object, 0);
    return (program != NULL && path_fits(program, pattern)) ||
           (first != NULL && path_fits(first, pattern));
}

static bool is_since(const json_t *view, uint64_t since_ns)
{
    const char *started = json_string_value(json_object_get(view, "started"));
    uint64_t time = 0;
    return started != NULL && clock_parse(started, &time) == 0 && time >= since_ns;
}

bool exec_filter_matches(const struct exec_filter *filter, const json_t *view)
{
    const json_t *nested = json_object_get(view, "nested");
    bool was_denied = is_denied(view);
    int tier = tier_of(view);
    bool is_wanted = filter->program == NULL || is_program(view, filter->program);
    for (size_t i = 0; i < json_array_size(nested); i++) {
        const json_t *item = json_array_get(nested, i);
        was_denied = was_denied || is_denied(item);
        tier = tier_of(item) > tier ? tier_of(item) : tier;
        is_wanted = is_wanted || is_program(item, filter->program);
    }
    return is_wanted && (!filter->is_denied || was_denied) &&
           (!filter->is_failed || has_failed(view)) &&
           (filter->tier == 0 || tier >= filter->tier) &&
           (filter->since_ns == 0 || is_since(view, filter->since_ns));
}

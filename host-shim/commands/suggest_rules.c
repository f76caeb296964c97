/* Merges, names and writes the rules that are proposed. */
#include "host-shim/commands/suggest_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/suggest_match.h"
#include "lib/base/cleanup.h"
#include "lib/policy/limits.h"

#define EXAMPLES_MAX 3
#define PREFIX "seen-"
#define DEFAULT_PROFILE "default"
/* Behind the name of an id: '-' and a number. */
#define SUFFIX_SIZE 8
#define SLUG_SIZE (TASK_RULE_SIZE - SUFFIX_SIZE)

static json_t *arguments_of(const json_t *item)
{
    return json_object_get(json_object_get(item, "match"), "arguments");
}

/* What two items must have in common to become one by their argument at PLACE. Owned by the caller;
 * NULL when memory is short. */
static char *make_key(const json_t *item, size_t place)
{
    json_t *key = json_deep_copy(item);
    (void)json_object_del(key, "times");
    (void)json_object_del(key, "examples");
    (void)json_array_set_new(arguments_of(key), place, json_null());
    char *text = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(key);
    return text;
}

/* Makes INTO fit what ITEM fits as well. False when its list is full. */
static bool absorb(json_t *into, const json_t *item, size_t place)
{
    json_t *arguments = arguments_of(into);
    json_t *present = json_array_get(arguments, place);
    json_t *examples = json_object_get(into, "examples");
    const json_t *more = json_object_get(item, "examples");
    json_int_t times = json_integer_value(json_object_get(into, "times")) +
                       json_integer_value(json_object_get(item, "times"));
    if (json_array_size(present) >= POLICY_LIST_MAX)
        return false;
    if (!json_is_array(present))
        (void)json_array_set_new(arguments, place, json_pack("[O]", present));
    (void)json_array_append(json_array_get(arguments, place),
                            json_array_get(arguments_of(item), place));
    (void)json_object_set_new(into, "times", json_integer(times));
    for (size_t i = 0; i < json_array_size(more) && json_array_size(examples) < EXAMPLES_MAX; i++)
        (void)json_array_append(examples, json_array_get(more, i));
    return true;
}

/*
 * ITEMS with those merged that differ at PLACE alone. Everything else is the same, lists of earlier
 * merges included, so that what fits is what fitted before. Owned by the caller.
 */
static json_t *merge_at(const json_t *items, size_t place)
{
    json_t *merged = json_array();
    json_t *latest = json_object();
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);
        bool is_fixed = json_array_size(arguments_of(item)) <= place ||
                        (place == 0 && suggest_match_words(json_object_get(item, "match")) > 0);
        cleanup_free char *key = is_fixed ? NULL : make_key(item, place);
        json_t *into = key != NULL ? json_object_get(latest, key) : NULL;
        if (into != NULL && absorb(into, item, place))
            continue;
        (void)json_array_append(merged, item);
        if (key != NULL)
            (void)json_object_set(latest, key, item);
    }
    json_decref(latest);
    return merged;
}

/* "seen-git-remote-add": the program and the words of its subcommand, as an id may have them. */
static void make_slug(const json_t *item, char slug[SLUG_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const json_t *match = json_object_get(item, "match");
    const char *program = json_string_value(json_object_get(match, "program"));
    const char *slash = program != NULL ? strrchr(program, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : program;
    char text[POLICY_TEXT_MAX * 2];
    size_t size = (size_t)snprintf(text, sizeof(text), "%s", name != NULL ? name : "program");
    size_t used = strlen(PREFIX);
    for (size_t i = 0; i < suggest_match_words(match) && size < sizeof(text); i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "-%s",
                                 json_string_value(json_array_get(arguments_of(item), i)));
    memcpy(slug, PREFIX, used);
    for (const char *at = text; *at != '\0' && used < SLUG_SIZE - 1; at++) {
        const char *capital = strchr(capitals, *at);
        char letter = *at;
        if (capital != NULL)
            letter = letters[capital - capitals];
        if (strchr(letters, letter) != NULL)
            slug[used++] = letter;
        else if (slug[used - 1] != '-')
            slug[used++] = '-';
    }
    while (slug[used - 1] == '-')
        used--;
    slug[used] = '\0';
}

struct sorted {
    char slug[SLUG_SIZE];
    char *arguments; /* owned */
    json_t *item;    /* borrowed */
};

static int compare(const void *one, const void *other)
{
    const struct sorted *first = one;
    const struct sorted *second = other;
    int order = strcmp(first->slug, second->slug);
    return order != 0 ? order : strcmp(first->arguments, second->arguments);
}

/* Takes ITEMS. */
static json_t *sort_items(json_t *items)
{
    size_t count = json_array_size(items);
    cleanup_free struct sorted *sorted = calloc(count + 1, sizeof(*sorted));
    json_t *result = sorted != NULL ? json_array() : NULL;
    bool is_whole = result != NULL;
    for (size_t i = 0; is_whole && i < count; i++) {
        sorted[i].item = json_array_get(items, i);
        make_slug(sorted[i].item, sorted[i].slug);
        sorted[i].arguments = json_dumps(arguments_of(sorted[i].item), JSON_COMPACT);
        is_whole = sorted[i].arguments != NULL;
    }
    if (is_whole)
        qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; is_whole && i < count; i++)
        is_whole = json_array_append(result, sorted[i].item) == 0;
    for (size_t i = 0; sorted != NULL && i < count; i++)
        free(sorted[i].arguments);
    json_decref(items);
    if (is_whole)
        return result;
    json_decref(result);
    return NULL;
}

json_t *suggest_rules_merge(const json_t *observed)
{
    json_t *items = json_deep_copy(observed);
    size_t places = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        size_t count = json_array_size(arguments_of(json_array_get(items, i)));
        places = count > places ? count : places;
    }
    for (size_t place = places; items != NULL && place > 0; place--) {
        json_t *merged = merge_at(items, place - 1);
        json_decref(items);
        items = merged;
    }
    return items != NULL ? sort_items(items) : NULL;
}

static void note_taken(json_t *taken, const json_t *rules)
{
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(rules, i), "id"));
        if (id != NULL)
            (void)json_object_set_new(taken, id, json_true());
    }
}

int suggest_rules_name(json_t *merged, const json_t *described)
{
    json_t *taken = json_object();
    int result = taken != NULL ? 0 : -ENOMEM;
    note_taken(taken, json_object_get(described, "rules"));
    note_taken(taken, json_object_get(described, "direct"));
    for (size_t i = 0; i < json_array_size(merged) && result == 0; i++) {
        json_t *item = json_array_get(merged, i);
        char slug[SLUG_SIZE];
        char id[TASK_RULE_SIZE];
        make_slug(item, slug);
        snprintf(id, sizeof(id), "%s", slug);
        for (unsigned int number = 2; json_object_get(taken, id) != NULL; number++)
            snprintf(id, sizeof(id), "%s-%u", slug, number % 1000000);
        if (json_object_set_new(taken, id, json_true()) < 0 ||
            json_object_set_new(item, "id", json_string(id)) < 0)
            result = -ENOMEM;
    }
    json_decref(taken);
    return result;
}

json_t *suggest_rules_write(const json_t *item)
{
    const json_t *profile = json_object_get(item, "profile");
    json_t *examples = json_object_get(item, "examples");
    json_t *rule =
        json_pack("{s:O, s:O, s:s, s:O}", "id", json_object_get(item, "id"), "match",
                  json_object_get(item, "match"), "action", policy_action_name(TASK_ACTION_SANDBOX),
                  "tier", json_object_get(item, "tier"));
    bool has_profile = strcmp(json_string_value(profile), DEFAULT_PROFILE) != 0;
    if (rule != NULL && has_profile)
        (void)json_object_set(rule, "profile", json_object_get(item, "profile"));
    if (rule != NULL && json_array_size(examples) > 0)
        (void)json_object_set_new(rule, "examples", json_pack("{s:O}", "match", examples));
    return rule;
}

/* Keeps the table of asks, and compares commands with what was approved. */
#include "host-shim/keeper/asks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/limits.h"
#include "lib/wire/record_text.h"

static void release(struct ask *ask)
{
    json_decref(ask->fields);
    json_decref(ask->reason);
    *ask = (struct ask){.state = ASK_FREE};
}

void asks_free(struct asks *asks)
{
    for (size_t i = 0; i < ASKS_MAX; i++)
        release(&asks->rows[i]);
    for (size_t i = 0; i < asks->approval_count; i++)
        json_decref(asks->approvals[i].fields);
    *asks = (struct asks){.numbers = 0};
}

static bool is_over(const struct ask *ask)
{
    return ask->state >= ASK_APPROVED;
}

static struct ask *find_room(struct asks *asks)
{
    struct ask *oldest = NULL;
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &asks->rows[i];
        if (ask->state == ASK_FREE)
            return ask;
        if (is_over(ask) && (oldest == NULL || ask->change < oldest->change))
            oldest = ask;
    }
    return oldest;
}

struct ask *asks_add(struct asks *asks, json_t *fields)
{
    struct ask *ask = find_room(asks);
    uint64_t number = asks->numbers + 1;
    if (ask == NULL || json_object_set_new(fields, "ask", json_integer((json_int_t)number)) < 0)
        return NULL;
    release(ask);
    asks->numbers = number;
    ask->number = number;
    ask->fields = json_incref(fields);
    asks_change(asks, ask, ASK_WAITING);
    return ask;
}

struct ask *asks_find(struct asks *asks, uint64_t number)
{
    for (size_t i = 0; i < ASKS_MAX; i++)
        if (asks->rows[i].state != ASK_FREE && asks->rows[i].number == number)
            return &asks->rows[i];
    return NULL;
}

struct ask *asks_find_open(struct asks *asks, const void *runner, const char *id)
{
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &asks->rows[i];
        if ((ask->state == ASK_WAITING || ask->state == ASK_ANSWERED) && ask->runner == runner &&
            strcmp(ask->id, id) == 0)
            return ask;
    }
    return NULL;
}

struct ask *asks_next(struct asks *asks, uint64_t change)
{
    struct ask *next = NULL;
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &asks->rows[i];
        if (ask->state != ASK_FREE && ask->change > change &&
            (next == NULL || ask->change < next->change))
            next = ask;
    }
    return next;
}

void asks_change(struct asks *asks, struct ask *ask, enum ask_state state)
{
    ask->state = state;
    ask->change = ++asks->changes;
}

bool asks_lose(struct asks *asks, const void *runner)
{
    bool has_lost = false;
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &asks->rows[i];
        if (ask->state == ASK_FREE || is_over(ask) || ask->runner != runner)
            continue;
        asks_change(asks, ask, ASK_LOST);
        has_lost = true;
    }
    return has_lost;
}

json_t *asks_describe(const struct ask *ask)
{
    return json_pack("{s:I, s:I, s:s, s:O, s:O*}", "ask", (json_int_t)ask->number, "change",
                     (json_int_t)ask->change, "state", ask_states[ask->state], "fields",
                     ask->fields, "reason", ask->reason);
}

/* It is a command found inside that asks. */
static bool is_inner(const json_t *fields)
{
    bool is_encoded;
    return record_find_text(fields, "asks_about", &is_encoded) != NULL;
}

/* What is compared: the command that asks, wherever it stands. */
static const json_t *words_of(const json_t *fields, bool *is_encoded)
{
    const json_t *inner = record_find_text(fields, "asks_about", is_encoded);
    return inner != NULL ? inner : record_find_text(fields, "argv", is_encoded);
}

static size_t count_words(const json_t *fields)
{
    bool is_encoded;
    return json_array_size(words_of(fields, &is_encoded));
}

/* Word INDEX, owned by the caller; NULL when it is not all on record. */
static char *read_word(const json_t *fields, size_t index)
{
    char *text = NULL;
    bool is_encoded;
    const char *reason = NULL;
    const json_t *words = words_of(fields, &is_encoded);
    (void)record_decode(json_array_get(words, index), is_encoded, LIMIT_EVENT_TEXT_BYTES, &text,
                        &reason);
    return text;
}

static bool has_same(const json_t *one, const json_t *other, const char *key)
{
    const json_t *value = json_object_get(one, key);
    return value != NULL && json_equal(value, json_object_get(other, key));
}

static bool has_same_text(const json_t *one, const json_t *other, const char *key)
{
    char twin[RECORD_KEY_SIZE];
    record_twin_key(key, twin);
    return has_same(one, other, key) || has_same(one, other, twin);
}

static bool is_cut(const json_t *fields)
{
    return !is_inner(fields) && !json_is_false(json_object_get(fields, "argv_is_cut"));
}

/* Whoever reads its words does not know all that it asks about. */
static bool asks_more(const json_t *fields)
{
    return json_is_true(json_object_get(fields, "asks_more"));
}

/* Of the first WORDS words of a command in a shell's string, the one that the shell makes something
 * else of; as many as WORDS: none. */
static uint64_t find_expanded(const json_t *fields, uint64_t words)
{
    uint64_t i = 0;
    while (is_inner(fields) && i < words) {
        cleanup_free char *word = read_word(fields, i);
        if (word == NULL || strpbrk(word, "$`*?[{~") != NULL)
            return i;
        i++;
    }
    return words;
}

static bool begins_alike(const json_t *one, const json_t *other, uint64_t words)
{
    if (is_cut(one) || is_cut(other) || count_words(other) < words)
        return false;
    for (size_t i = 0; i < words; i++) {
        cleanup_free char *first = read_word(one, i);
        cleanup_free char *second = read_word(other, i);
        if (first == NULL || second == NULL || strcmp(first, second) != 0)
            return false;
    }
    return true;
}

/* In a string a program has a name and no file: the first word is all there is to compare. */
static bool fits(const struct ask_approval *approval, const json_t *fields)
{
    if (!has_same_text(approval->fields, fields, "rule") || asks_more(fields) ||
        is_inner(approval->fields) != is_inner(fields))
        return false;
    if (is_inner(fields))
        return begins_alike(approval->fields, fields, approval->words);
    if (approval->scope == ASK_PROGRAM)
        return has_same(approval->fields, fields, "program_sha256");
    return has_same_text(approval->fields, fields, "program") &&
           begins_alike(approval->fields, fields, approval->words);
}

const struct ask_approval *asks_match(const struct asks *asks, const struct ask *ask)
{
    for (size_t i = 0; i < asks->approval_count; i++)
        if (fits(&asks->approvals[i], ask->fields))
            return &asks->approvals[i];
    return NULL;
}

/* The words that ANSWER is good for: the first is the program's name, none said means all. */
static int check_words(const struct ask *ask, struct ask_answer *answer, struct error *err)
{
    size_t count = count_words(ask->fields);
    if (is_cut(ask->fields))
        return error_set(err, EINVAL,
                         "its arguments are not all on record, so only this one command can be "
                         "approved");
    if (answer->words > count)
        return error_set(err, EINVAL, "the command has %zu words, not %llu", count,
                         (unsigned long long)answer->words);
    uint64_t words = answer->words > 0 ? answer->words : count;
    if (answer->scope == ASK_PROGRAM)
        words = 1;
    uint64_t expanded = find_expanded(ask->fields, words);
    if (expanded < words)
        return error_set(err, EINVAL,
                         "what a shell makes of word %llu is not known before it runs, so only "
                         "fewer words can be approved, or this one command",
                         (unsigned long long)expanded + 1);
    answer->words = words;
    return 0;
}

static int check_scope(const struct asks *asks, const struct ask *ask, struct ask_answer *answer,
                       struct error *err)
{
    bool is_by_digest = answer->scope == ASK_PROGRAM && !is_inner(ask->fields);
    if (asks_more(ask->fields))
        return error_set(err, EINVAL,
                         "more in it asks than one command, or not all of it could be read, so "
                         "only this one command can be approved");
    if (asks->approval_count == ASKS_APPROVALS_MAX)
        return error_set(err, EINVAL, "%d approvals of more than one command are all there can be",
                         ASKS_APPROVALS_MAX);
    if (is_by_digest && json_object_get(ask->fields, "program_sha256") == NULL)
        return error_set(err, EINVAL,
                         "the digest of the program is not known, so only this one command can be "
                         "approved");
    return is_by_digest ? 0 : check_words(ask, answer, err);
}

int asks_check(const struct asks *asks, const struct ask *ask, struct ask_answer *answer,
               struct error *err)
{
    if (ask->state == ASK_ANSWERED)
        return error_set(err, EINVAL, "it was answered a moment ago");
    if (ask->state != ASK_WAITING)
        return error_set(err, EINVAL, "it does not wait any more: it was %s",
                         ask_states[ask->state]);
    return answer->is_allowed && answer->scope != ASK_ONCE ? check_scope(asks, ask, answer, err)
                                                           : 0;
}

void asks_remember(struct asks *asks, const struct ask *ask, const struct ask_answer *answer,
                   uid_t uid)
{
    if (!answer->is_allowed || answer->scope == ASK_ONCE)
        return;
    asks->approvals[asks->approval_count++] =
        (struct ask_approval){.scope = answer->scope,
                              .words = answer->words,
                              .fields = json_incref(ask->fields),
                              .ask = ask->number,
                              .uid = uid};
}

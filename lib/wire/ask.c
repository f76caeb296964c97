/* Names and requests about commands that wait for an answer. */
#include "lib/wire/ask.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
const char *const ask_states[ASK_STATE_COUNT] = {
    [ASK_WAITING]  = "waiting",
    [ASK_ANSWERED] = "answered",
    [ASK_APPROVED] = "approved",
    [ASK_DENIED]   = "denied",
    [ASK_LOST]     = "lost",
};

const char *const ask_scopes[ASK_SCOPE_COUNT] = {
    [ASK_ONCE]    = "once",
    [ASK_PREFIX]  = "prefix",
    [ASK_PROGRAM] = "program",
};
/* clang-format on */

size_t ask_find_name(const char *const *names, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && (name == NULL || names[i] == NULL || strcmp(names[i], name) != 0))
        i++;
    return i;
}

json_t *ask_answer_write(const struct ask_answer *answer)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:I, s:s*}", "request", "answer", "ask",
                     (json_int_t)answer->ask, "answer", answer->is_allowed ? "allow" : "deny",
                     "scope", ask_scopes[answer->scope], "words", (json_int_t)answer->words, "text",
                     answer->text);
}

/* One line that a terminal shows as it is. */
static bool is_line(const char *text)
{
    if (strlen(text) > ASK_TEXT_MAX)
        return false;
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return true;
}

int ask_answer_read(const json_t *request, struct ask_answer *answer, struct error *err)
{
    static const char *const answers[] = {"deny", "allow"};
    json_int_t ask = json_integer_value(json_object_get(request, "ask"));
    json_int_t words = json_integer_value(json_object_get(request, "words"));
    const char *text = json_string_value(json_object_get(request, "text"));
    size_t said = ask_find_name(answers, 2, json_string_value(json_object_get(request, "answer")));
    size_t scope = ask_find_name(ask_scopes, ASK_SCOPE_COUNT,
                                 json_string_value(json_object_get(request, "scope")));
    if (ask < 1 || words < 0 || said == 2 || scope == ASK_SCOPE_COUNT)
        return error_set(err, EPROTO, "the answer is malformed");
    if (text != NULL && !is_line(text))
        return error_set(err, EPROTO, "the text of an answer is one line of at most %d bytes",
                         ASK_TEXT_MAX);
    *answer = (struct ask_answer){.ask = (uint64_t)ask,
                                  .is_allowed = said == 1,
                                  .scope = (enum ask_scope)scope,
                                  .words = (uint64_t)words,
                                  .text = text};
    return 0;
}

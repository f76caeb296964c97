/* Arithmetic of a shell string: told from subshells, and read for its substitutions. */
#include <string.h>

#include "lib/policy/shell.h"

/* A part of the text that is looked over, not read. */
struct scan {
    const char *end;
    size_t depth;
};

/* Behind the part that begins at AT; NULL when it does not end. */
static const char *skip_part(struct scan *scan, const char *at);

/* Behind CLOSER, or NULL. */
static const char *skip_to(struct scan *scan, const char *at, char closer)
{
    bool is_quoted = closer != ')';

    if (scan->depth == POLICY_ARITHMETIC_DEPTH_MAX)
        return NULL;
    scan->depth++;
    while (at != NULL && at < scan->end && *at != closer) {
        bool is_opened = *at == '$' && scan->end - at > 1 && at[1] == '(';

        if (is_quoted && *at != '\\' && *at != '`' && !is_opened)
            at++;
        else
            at = skip_part(scan, is_opened ? at + 1 : at);
    }
    scan->depth--;
    return at == NULL || at >= scan->end ? NULL : at + 1;
}

static const char *skip_verbatim(const struct scan *scan, const char *at, char closer)
{
    const char *found = memchr(at, closer, (size_t)(scan->end - at));

    return found == NULL ? NULL : found + 1;
}

static const char *skip_part(struct scan *scan, const char *at)
{
    switch (*at) {
    case '\\':
        return scan->end - at > 1 ? at + 2 : NULL;
    case '\'':
        return skip_verbatim(scan, at + 1, '\'');
    case '"':
    case '`':
        return skip_to(scan, at + 1, *at);
    case '(':
        return skip_to(scan, at + 1, ')');
    default:
        return at + 1;
    }
}

/* Behind the "))" that ends what begins with the "((" at AT; NULL when it is no arithmetic. */
static const char *find_end(const char *at, const char *end)
{
    size_t left = (size_t)(end - at);
    struct scan scan = {.end = left > POLICY_ARITHMETIC_MAX ? at + POLICY_ARITHMETIC_MAX : end};

    at = skip_to(&scan, at + 2, ')');
    return at != NULL && at < scan.end && *at == ')' ? at + 1 : NULL;
}

bool shell_read_arithmetic(struct shell *shell)
{
    const char *end = find_end(shell->at, shell->end);
    struct shell body = {.walk = shell->walk, .at = shell->at + 2};

    if (end == NULL)
        return false;
    body.end = end - 2;
    if (walk_enter(shell->walk)) {
        shell_read_body(&body);
        walk_leave(shell->walk);
    }
    shell->at = end;
    return true;
}

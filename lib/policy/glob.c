/* Patterns over bytes. libc's fnmatch depends on the locale and takes exponential time. */
#include "lib/policy/glob.h"

#include <string.h>

/* The ']' that ends the set opened at PATTERN, or NULL. One that comes first is a member. */
static const char *end_of_set(const char *pattern)
{
    const char *at = pattern + 1;

    if (*at == '!')
        at++;
    if (*at == ']')
        at++;
    return strchr(at, ']');
}

static bool set_holds(const char *pattern, const char *end, unsigned char byte)
{
    const char *at = pattern + 1;
    bool is_negated = *at == '!';
    bool is_member = false;

    if (is_negated)
        at++;
    while (at < end) {
        unsigned char first = (unsigned char)*at;
        unsigned char last = first;

        if (at[1] == '-' && at + 2 < end) {
            last = (unsigned char)at[2];
            at += 2;
        }
        is_member |= first <= byte && byte <= last;
        at++;
    }
    return is_member != is_negated;
}

/* Does one element of PATTERN, no '*', fit BYTE? Then *NEXT is behind it. */
static bool element_fits(const char *pattern, char byte, const char **next)
{
    const char *end;

    switch (*pattern) {
    case '\0':
        return false;
    case '?':
        *next = pattern + 1;
        return true;
    case '[':
        end = end_of_set(pattern);
        *next = end + 1;
        return set_holds(pattern, end, (unsigned char)byte);
    case '\\':
        *next = pattern + 2;
        return pattern[1] == byte;
    default:
        *next = pattern + 1;
        return *pattern == byte;
    }
}

char glob_first(const char *pattern)
{
    switch (*pattern) {
    case '*':
    case '?':
    case '[':
        return '\0';
    case '\\':
        return pattern[1];
    default:
        return *pattern;
    }
}

/* The first place from TEXT on where what comes behind a '*' can begin; NULL. */
static const char *find_start(const char *behind_star, const char *text, const char *end)
{
    char first = glob_first(behind_star);

    return first == '\0' ? text : memchr(text, first, (size_t)(end - text));
}

bool glob_matches_bytes(const char *pattern, const char *text, size_t length)
{
    const char *end = text + length;
    const char *behind_star = NULL; /* of the last '*', which is the only one worth trying again */
    const char *resume = NULL;

    while (text != NULL && text < end) {
        const char *next;

        if (*pattern == '*') {
            behind_star = ++pattern;
            resume = text = find_start(pattern, text, end);
        } else if (element_fits(pattern, *text, &next)) {
            pattern = next;
            text++;
        } else if (behind_star != NULL) {
            pattern = behind_star;
            resume = text = find_start(pattern, resume + 1, end);
        } else {
            return false;
        }
    }
    return text != NULL && pattern[strspn(pattern, "*")] == '\0';
}

bool glob_matches(const char *pattern, const char *text)
{
    return glob_matches_bytes(pattern, text, strlen(text));
}

bool glob_is_literal(const char *pattern)
{
    return pattern[strcspn(pattern, "*?[\\")] == '\0';
}

const char *glob_check(const char *pattern)
{
    while (*pattern != '\0') {
        if (*pattern == '[') {
            pattern = end_of_set(pattern);
            if (pattern == NULL)
                return "has a '[' without its ']'";
        } else if (*pattern == '\\') {
            pattern++;
            if (*pattern == '\0')
                return "ends in a lone '\\'";
        }
        pattern++;
    }
    return NULL;
}

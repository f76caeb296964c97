/* Reads what a rule matches: patterns, argument lists, digests. */
#include <errno.h>
#include <string.h>

#include "lib/policy/glob.h"
#include "lib/policy/rules.h"

#define GAP "..."

static int read_pattern(const struct place *place, void *target, struct error *err)
{
    struct policy_patterns *patterns = target;
    const char *text;
    const char *mistake;
    const char *slash;
    int result = place_read_text(place, POLICY_TEXT_MAX, &text, err);

    if (result < 0)
        return result;
    mistake = glob_check(text);
    if (mistake != NULL)
        return place_refuse(place, err, "%s", mistake);
    slash = strrchr(text, '/');
    if (slash != NULL && glob_check(slash + 1) != NULL)
        return place_refuse(place, err, "has a '/' between '[' and ']'");
    patterns->items[patterns->count++] = (struct policy_pattern){
        .text = text,
        .last = slash != NULL ? slash + 1 : NULL,
        .is_literal = glob_is_literal(text),
        .first = glob_first(text),
    };
    return 0;
}

/* How many entries the array has, or 1 for a value alone. */
static int count_entries(const struct place *place, size_t *count, struct error *err)
{
    *count = json_is_array(place->value) ? json_array_size(place->value) : 1;
    if (*count == 0)
        return place_refuse(place, err, "is empty");
    if (*count > POLICY_LIST_MAX)
        return place_refuse(place, err, "has more than %d entries", POLICY_LIST_MAX);
    return 0;
}

int policy_read_patterns(const struct place *place, void *target, struct error *err)
{
    struct policy_patterns *patterns = target;
    size_t count;
    int result = count_entries(place, &count, err);

    if (result < 0)
        return result;
    patterns->items = policy_allocate(place->loading->policy, count * sizeof(*patterns->items));
    if (patterns->items == NULL)
        return error_set(err, ENOMEM, "%s", place->document->path);
    if (json_is_array(place->value))
        return place_read_each(place, read_pattern, patterns, err);
    return read_pattern(place, patterns, err);
}

static int read_argument(const struct place *place, void *target, struct error *err)
{
    struct policy_rule *rule = target;
    struct policy_argument *argument = &rule->arguments[rule->argument_count++];
    const char *text = json_string_value(place->value);

    argument->is_gap = text != NULL && strcmp(text, GAP) == 0;
    return argument->is_gap ? 0 : policy_read_patterns(place, &argument->patterns, err);
}

static int read_arguments(const struct place *place, void *target, struct error *err)
{
    struct policy_rule *rule = target;
    size_t count = json_array_size(place->value);

    if (!json_is_array(place->value))
        return place_refuse(place, err, "must be an array");
    if (count > POLICY_LIST_MAX)
        return place_refuse(place, err, "has more than %d entries", POLICY_LIST_MAX);
    rule->has_arguments = true;
    rule->arguments =
        policy_allocate(place->loading->policy, (count + 1) * sizeof(*rule->arguments));
    if (rule->arguments == NULL)
        return error_set(err, ENOMEM, "%s", place->document->path);
    return place_read_each(place, read_argument, rule, err);
}

#define NO_DIGIT 16u

static unsigned int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

    return found != NULL ? (unsigned int)(found - digits) : NO_DIGIT;
}

/* TEXT as a digest. False when it is none. */
static bool parse_digest(const char *text, uint8_t digest[TASK_DIGEST_SIZE])
{
    if (text == NULL || strlen(text) != 2 * TASK_DIGEST_SIZE)
        return false;
    for (size_t i = 0; i < TASK_DIGEST_SIZE; i++) {
        unsigned int high = hex_digit(text[2 * i]);
        unsigned int low = hex_digit(text[2 * i + 1]);

        if (high == NO_DIGIT || low == NO_DIGIT)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int read_digest(const struct place *place, void *target, struct error *err)
{
    struct policy_rule *rule = target;

    if (!parse_digest(json_string_value(place->value), rule->digests[rule->digest_count++]))
        return place_refuse(place, err, "is not a SHA-256 in lower case hex");
    return 0;
}

static int read_digests(const struct place *place, void *target, struct error *err)
{
    struct policy_rule *rule = target;
    size_t count;
    int result = count_entries(place, &count, err);

    if (result < 0)
        return result;
    rule->digests = policy_allocate(place->loading->policy, count * sizeof(*rule->digests));
    if (rule->digests == NULL)
        return error_set(err, ENOMEM, "%s", place->document->path);
    if (json_is_array(place->value))
        return place_read_each(place, read_digest, rule, err);
    return read_digest(place, rule, err);
}

#define AT(member) .offset = offsetof(struct policy_rule, member)

/* clang-format off */
const struct place_field policy_match_fields[] = {
    {.key = "program",   .read = policy_read_patterns, AT(programs)},
    {.key = "sha256",    .read = read_digests},
    {.key = "arguments", .read = read_arguments},
    {.key = "directory", .read = policy_read_patterns, AT(directories)},
    {.key = "agent",     .read = policy_read_patterns, AT(agents)},
    {.key = NULL},
};
/* clang-format on */

int policy_read_match(const struct place *place, void *target, struct error *err)
{
    return place_read_object(place, policy_match_fields, target, err);
}

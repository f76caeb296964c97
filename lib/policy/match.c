/* Matches one command with one rule: by its program and its arguments. */
#include "lib/policy/match.h"

#include <string.h>

#include "lib/policy/glob.h"

static bool text_matches(const char *pattern, bool is_literal, const char *text)
{
    return is_literal ? strcmp(pattern, text) == 0 : glob_matches(pattern, text);
}

static bool pattern_matches(const struct policy_pattern *pattern, const char *text)
{
    return (pattern->first == '\0' || pattern->first == text[0]) &&
           text_matches(pattern->text, pattern->is_literal, text);
}

bool policy_patterns_match(const struct policy_patterns *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (pattern_matches(&patterns->items[i], text))
            return true;
    return false;
}

static enum match match_program_pattern(const struct policy_pattern *pattern,
                                        const struct command *command)
{
    if (pattern->last == NULL)
        return pattern_matches(pattern, command->name) ? MATCH_YES : MATCH_NO;
    if (pattern_matches(pattern, command->program))
        return MATCH_YES;
    if (command->is_resolved)
        return MATCH_NO;
    return text_matches(pattern->last, pattern->is_literal, command->name) ? MATCH_MAYBE : MATCH_NO;
}

enum match match_program(const struct policy_rule *rule, const struct command *command)
{
    enum match best = rule->programs.count == 0 ? MATCH_YES : MATCH_NO;

    for (size_t i = 0; i < rule->programs.count && best != MATCH_YES; i++) {
        enum match match = match_program_pattern(&rule->programs.items[i], command);

        best = match > best ? match : best;
    }
    return best;
}

/* As a glob does it, with arguments for bytes and a gap for '*'. */
bool match_arguments(const struct policy_rule *rule, const struct command *command)
{
    size_t wanted = 0;
    size_t behind_gap = 0;
    size_t resume = 0;
    size_t i = 0;
    bool has_gap = false;

    if (!rule->has_arguments)
        return true;
    while (i < command->argument_count) {
        bool is_left = wanted < rule->argument_count;

        if (is_left && rule->arguments[wanted].is_gap) {
            behind_gap = ++wanted;
            resume = i;
            has_gap = true;
        } else if (is_left && policy_patterns_match(&rule->arguments[wanted].patterns,
                                                    command->arguments[i])) {
            wanted++;
            i++;
        } else if (has_gap) {
            wanted = behind_gap;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (wanted < rule->argument_count && rule->arguments[wanted].is_gap)
        wanted++;
    return wanted == rule->argument_count;
}

struct trying {
    const struct policy_rule *rule;
    bool has_matched;
};

static bool try_one(const struct command *command, void *context)
{
    struct trying *trying = context;

    trying->has_matched |=
        match_program(trying->rule, command) != MATCH_NO && match_arguments(trying->rule, command);
    return !trying->has_matched;
}

bool policy_rule_matches_text(const struct policy_rule *rule, const char *text)
{
    struct trying trying = {.rule = rule};

    command_walk_text(text, try_one, &trying);
    return trying.has_matched;
}

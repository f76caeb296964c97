/* Compares a command inside an approved one with what stands there to be read. */
#include "lib/policy/approval.h"

#include <string.h>

#include "lib/policy/match.h"

/* A word with one of these is not what the program is given. */
#define EXPANDED "$`*?[{~"

struct looking {
    const struct policy_rule *rule;
    const struct command *wanted;
    bool is_found;
};

static bool is_expanded(const char *word)
{
    return strpbrk(word, EXPANDED) != NULL;
}

/* As far as the words of SHOWN are what they will be. A shell finds the program's file. */
static bool begins_alike(const struct command *shown, const struct command *wanted)
{
    if (is_expanded(shown->program) || strcmp(shown->name, command_name(wanted->invoked)) != 0)
        return false;
    for (size_t i = 0; i < shown->argument_count && !is_expanded(shown->arguments[i]); i++)
        if (i >= wanted->argument_count || strcmp(shown->arguments[i], wanted->arguments[i]) != 0)
            return false;
    return true;
}

/* Only what asked was looked at for this: the name of a program alone, elsewhere on the line, is
 * the beginning of everything that it does. */
static bool look(const struct command *shown, void *context)
{
    struct looking *looking = context;

    looking->is_found = match_program(looking->rule, shown) != MATCH_NO &&
                        match_arguments(looking->rule, shown) &&
                        begins_alike(shown, looking->wanted);
    return !looking->is_found;
}

bool approval_covers(const struct policy_approval *approval, const struct policy_rule *rule,
                     const struct command *command)
{
    struct looking looking = {.rule = rule, .wanted = command};
    struct command outermost;

    if (approval == NULL || approval->rule == NULL || strcmp(approval->rule, rule->id) != 0)
        return false;
    if (approval->command == NULL)
        return true;
    command_of_arguments(approval->command, &outermost);
    (void)command_walk(&outermost, look, &looking);
    return looking.is_found;
}

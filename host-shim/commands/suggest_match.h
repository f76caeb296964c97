/* Commands on record as conditions of rules that fit them and nothing else. */
#ifndef COMMANDS_SUGGEST_MATCH_H
#define COMMANDS_SUGGEST_MATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "host-shim/commands/exec_command.h"

/* What rules of the policy ask for, so that a proposal has to say it as well. */
struct suggest_scope {
    const char *agent; /* borrowed */
    bool has_directory;
    bool has_digest;
};

/*
 * The "match" of a rule that fits COMMAND alone. Owned by the caller; NULL when no pattern can say
 * it: an argument is empty, no UTF-8, has control characters or is too long, or there are too many.
 */
json_t *suggest_match_make(const struct exec_command *command, const struct suggest_scope *scope);

/* COMMAND as a line of a shell that the policy reads back to the same words. Owned by the caller;
 * NULL when there is none. */
char *suggest_match_example(const struct exec_command *command);

/* The text that PATTERN of a match fits, owned by the caller; NULL when memory is short. */
char *suggest_match_text(const char *pattern);

/*
 * How many arguments of MATCH, from the first on, are names of subcommands: words of lower case
 * letters, digits and '-', two at most.
 */
size_t suggest_match_words(const json_t *match);

#endif

/* Commands inside commands: what wrappers, shells and shell strings would run. Nothing is run,
 * nothing is looked up in the file system, nothing is expanded. */
#ifndef POLICY_COMMAND_H
#define POLICY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/policy/policy.h"

struct command {
    const char *program;          /* a path, or a name that a PATH would be searched for */
    const char *name;             /* what follows its last '/' */
    const char *invoked;          /* argv[0] */
    const char *const *arguments; /* without argv[0] */
    size_t argument_count;
    bool is_resolved; /* program is the file itself: only the outermost command's is */
    size_t number;    /* counted as they are visited; one that is visited once more without its
                         options keeps its number */
};

/* Called for each command found. False ends the walk. */
typedef bool command_visitor(const struct command *command, void *context);

/* The outermost command. COMMAND borrows from FROM. */
void command_of_arguments(const struct policy_command *from, struct command *command);

/* What follows the last '/' of PATH. Borrowed. */
const char *command_name(const char *path);

/* Visits COMMAND, then what is found inside it. False when not all of it could be looked at: too
 * deep, or too many words. */
bool command_walk(const struct command *command, command_visitor *visit, void *context);

/* Visits the commands of the shell string TEXT and what is found inside them. */
void command_walk_text(const char *text, command_visitor *visit, void *context);

#endif

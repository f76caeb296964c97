/* Walks from a command to the commands inside it. */
#include "lib/policy/command.h"

#include <string.h>

void command_of_arguments(const struct policy_command *from, struct command *command)
{
    const char *slash = strrchr(from->program, '/');

    *command = (struct command){
        .program = from->program,
        .name = slash != NULL ? slash + 1 : from->program,
        .arguments = from->arguments + (from->argument_count > 0),
        .argument_count = from->argument_count - (from->argument_count > 0),
        .is_resolved = true,
    };
}

void command_walk(const struct command *command, command_visitor *visit, void *context)
{
    visit(command, context);
}

void command_walk_text(const char *text, command_visitor *visit, void *context)
{
    (void)text;
    (void)visit;
    (void)context;
}

/* coding-agents help: the commands, or one of them, from the table. */
#include <errno.h>

#include "host-shim/commands/command.h"

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("help", argc, argv, &line);
    if (line.argument_count == 0) {
        command_print_list(stdout);
        return 0;
    }
    const struct command *command = command_find(line.arguments[0]);
    if (command == NULL) {
        error_set(&err, EINVAL, "there is no command '%s': coding-agents help shows them",
                  line.arguments[0]);
        return command_fail(&line, &err, EXIT_USAGE);
    }
    command_print_help(command, stdout);
    return 0;
}

/* coding-agents sync: the work of a session, into the repository; coding-agents-collect does it. */
#include <errno.h>

#include "host-shim/commands/command.h"
#include "lib/base/string_list.h"

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("sync", argc, argv, &line);
    cleanup_string_list struct string_list arguments = {.items = NULL};
    /* What the collector's messages about options start with. */
    string_list_add(&arguments, "coding-agents sync");
    for (size_t i = 0; line.command->options[i].name != NULL; i++) {
        const char *value = line.values[i];
        if (value != NULL)
            string_list_format(&arguments, "--%s%s%s", line.command->options[i].name,
                               value[0] == '\0' ? "" : "=", value);
    }
    string_list_add(&arguments, "--");
    string_list_add(&arguments, line.arguments[0]);
    if (arguments.has_failed) {
        error_set(&err, ENOMEM, "run the collector");
        return command_fail(&line, &err, EXIT_HOST_INTERNAL);
    }
    return command_become(&line, "coding-agents-collect", arguments.items);
}

/* coding-agents completion: the completion script of a shell. */
#include <errno.h>
#include <string.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/completion_script.h"
#include "lib/base/cleanup.h"

static const struct {
    const char *shell;
    void (*write)(FILE *file);
} writers[] = {
    {"bash", completion_write_bash},
    {"zsh", completion_write_zsh},
    {"fish", completion_write_fish},
};

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("completion", argc, argv, &line);
    for (size_t i = 0; i < ARRAY_LENGTH(writers); i++) {
        if (strcmp(writers[i].shell, line.arguments[0]) == 0) {
            writers[i].write(stdout);
            return 0;
        }
    }
    error_set(&err, EINVAL, "there are completions for bash, zsh and fish, not for '%s'",
              line.arguments[0]);
    return command_fail(&line, &err, EXIT_USAGE);
}

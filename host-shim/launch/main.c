/* coding-agents: `run` and `launch` itself, every other command as the program coding-agents-NAME
 * in libexec. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/host/command_program.h"
#include "lib/host/install_paths.h"

/* Names under which the program was known before it had commands, and options spelled as commands.
 */
static const struct {
    const char *name;
    const char *command;
} other_names[] = {
    {"run-agent", "run"},    {"launch-agent", "launch"}, {"connect-agent", "connect"},
    {"list-agents", "list"}, {"remove-agent", "remove"}, {"--help", "help"},
    {"-h", "help"},          {"--version", "version"},
};

static const char *other_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(other_names); i++) {
        if (strcmp(name, other_names[i].name) == 0)
            return other_names[i].command;
    }
    return NULL;
}

static int refuse_command(const char *name)
{
    char nearest[NEAR_NAME_LENGTH + 1];
    command_program_find_nearest(name, nearest);
    launch_say("there is no command '%.64s'; the nearest is %s, and coding-agents help lists all",
               name, nearest);
    return EXIT_USAGE;
}

/* argv[0] is the command's name. */
static int run_command(int argc, char **argv)
{
    char program[PATH_MAX];
    char file[COMMAND_PROGRAM_SIZE];
    struct error err = ERROR_INITIALIZER;
    const char *command = other_name(argv[0]) == NULL ? argv[0] : other_name(argv[0]);
    if (strcmp(command, "run") == 0 || strcmp(command, "launch") == 0) {
        argv[0] = (char *)(uintptr_t)command;
        return launch_main(argc, argv);
    }
    if (!command_program_is_name(command))
        return refuse_command(command);
    snprintf(file, sizeof(file), COMMAND_PROGRAM_PREFIX "%s", command);
    if (install_path_libexec(file, program, &err) < 0) {
        launch_say("%s", error_text(&err));
        return EXIT_HOST_INTERNAL;
    }
    argv[0] = program;
    execv(program, argv);
    if (errno == ENOENT)
        return refuse_command(command);
    launch_say("start '%s': %s", program, strerror(errno));
    return EXIT_HOST_INTERNAL;
}

int main(int argc, char **argv)
{
    static char help[] = "help";
    static char *ask_help[] = {help, NULL};
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *called = argc == 0 ? "" : slash == NULL ? argv[0] : slash + 1;
    fd_ensure_standard();
    if (other_name(called) != NULL) {
        argv[0] = (char *)(uintptr_t)called;
        return run_command(argc, argv);
    }
    return argc > 1 ? run_command(argc - 1, argv + 1) : run_command(1, ask_help);
}

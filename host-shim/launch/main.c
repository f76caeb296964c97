/* coding-agents: `run` and `launch` itself, every other command as the program coding-agents-NAME
 * in libexec. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/host/install_paths.h"
#include "lib/host/near_name.h"

#define PROGRAM_PREFIX "coding-agents-"

/* Programs in libexec that are no commands: started by others. */
static const char *const helpers[] = {"broker", "collect", "keeper", "signer", "transport"};

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

static bool is_helper(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(helpers); i++) {
        if (strcmp(name, helpers[i]) == 0)
            return true;
    }
    return false;
}

static int refuse_command(const char *name)
{
    char directory[PATH_MAX];
    char nearest[NEAR_NAME_LENGTH + 1] = "run";
    near_name_keep(name, "launch", nearest);
    cleanup_directory DIR *programs = NULL;
    if (install_path_libexec("", directory, NULL) == 0)
        programs = opendir(directory);
    const struct dirent *entry;
    while (programs != NULL && (entry = readdir(programs)) != NULL) {
        if (strncmp(entry->d_name, PROGRAM_PREFIX, sizeof(PROGRAM_PREFIX) - 1) == 0 &&
            !is_helper(entry->d_name + sizeof(PROGRAM_PREFIX) - 1))
            near_name_keep(name, entry->d_name + sizeof(PROGRAM_PREFIX) - 1, nearest);
    }
    launch_say("there is no command '%.64s'; the nearest is %s, and coding-agents help lists all",
               name, nearest);
    return EXIT_USAGE;
}

static bool is_command_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= NEAR_NAME_LENGTH && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz-") == length;
}

/* argv[0] is the command's name. */
static int run_command(int argc, char **argv)
{
    char program[PATH_MAX];
    char file[sizeof(PROGRAM_PREFIX) + NEAR_NAME_LENGTH];
    struct error err = ERROR_INITIALIZER;
    const char *command = other_name(argv[0]) == NULL ? argv[0] : other_name(argv[0]);
    if (strcmp(command, "run") == 0 || strcmp(command, "launch") == 0) {
        argv[0] = (char *)(uintptr_t)command;
        return launch_main(argc, argv);
    }
    if (!is_command_name(command) || is_helper(command))
        return refuse_command(command);
    snprintf(file, sizeof(file), PROGRAM_PREFIX "%s", command);
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

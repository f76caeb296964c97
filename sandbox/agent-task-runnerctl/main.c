/* agent-task-runnerctl: runs commands in sandboxes, and asks the task runner about them. */
#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agent-task-runnerctl/requests.h"

#define ANY_NUMBER INT_MAX

enum option_key { OPTION_FOLLOW = 0x100, OPTION_JSON };
enum command_option { TAKES_NONE = 0, TAKES_JSON = 1 << 0, TAKES_FOLLOW = 1 << 1 };

struct command {
    const char *name;
    int least; /* arguments */
    int most;
    unsigned int options; /* enum command_option */
    runnerctl_function *run;
};

/* clang-format off */
static const struct command commands[] = {
    {.name = "exec",   .least = 1, .most = ANY_NUMBER, .run = runnerctl_exec, .options = TAKES_JSON},
    {.name = "run",    .least = 1, .most = ANY_NUMBER, .run = runnerctl_run,  .options = TAKES_JSON},
    {.name = "shell",  .least = 0, .most = 0,          .run = runnerctl_shell},
    {.name = "ps",     .least = 0, .most = 0,          .run = runnerctl_ps,   .options = TAKES_JSON},
    {.name = "kill",   .least = 1, .most = 2,          .run = runnerctl_kill, .options = TAKES_JSON},
    {.name = "logs",   .least = 1, .most = 1,          .run = runnerctl_logs, .options = TAKES_JSON | TAKES_FOLLOW},
    {.name = "status", .least = 0, .most = 0,          .run = runnerctl_status, .options = TAKES_JSON},
    {.name = "reload", .least = 0, .most = 0,          .run = runnerctl_reload},
};

static const struct argp_option options[] = {
    {.name = "json",   .key = OPTION_JSON,   .doc = "Print JSON: exec, in the last line of standard error, how the command ended"},
    {.name = "follow", .key = OPTION_FOLLOW, .doc = "With logs: go on until the command and what it left have ended"},
    {0},
};
/* clang-format on */

/* What a command takes that runs nothing, and the end of the list. */
#define ARGUMENTS_MAX 2

struct invocation {
    char *own[ARGUMENTS_MAX + 1];
    int count;
    struct runnerctl runnerctl;
    const struct command *command;
    unsigned int options;
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* What follows the name of a command that runs something is that command's, its options too. */
static void take_command(struct invocation *invocation, char *name, struct argp_state *state)
{
    invocation->command = find_command(name);
    if (invocation->command == NULL)
        argp_failure(state, EXIT_USAGE, 0, "there is no command '%s'", name);
    else if (invocation->command->most == ANY_NUMBER) {
        if (state->next < state->argc && strcmp(state->argv[state->next], "--") == 0)
            state->next++;
        invocation->runnerctl.arguments = state->argv + state->next;
        state->next = state->argc;
    }
}

static void take_argument(struct invocation *invocation, char *argument, struct argp_state *state)
{
    if (invocation->command == NULL)
        take_command(invocation, argument, state);
    else if (invocation->count < ARGUMENTS_MAX)
        invocation->own[invocation->count++] = argument;
    else
        argp_failure(state, EXIT_USAGE, 0, "'%s' is one argument too many", argument);
}

static void check(const struct invocation *invocation, const struct argp_state *state)
{
    const struct command *command = invocation->command;
    int count = 0;

    if (command == NULL) {
        argp_usage(state);
        return;
    }
    while (invocation->runnerctl.arguments[count] != NULL)
        count++;
    if (count < command->least || count > command->most)
        argp_failure(state, EXIT_USAGE, 0, "%s takes %s arguments", command->name,
                     count < command->least ? "more" : "fewer");
    else if ((invocation->options & ~command->options) != 0)
        argp_failure(state, EXIT_USAGE, 0, "%s does not take this option", command->name);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct invocation *invocation = state->input;

    switch (key) {
    case OPTION_JSON:
        invocation->runnerctl.is_json = true;
        invocation->options |= TAKES_JSON;
        return 0;
    case OPTION_FOLLOW:
        invocation->runnerctl.is_following = true;
        invocation->options |= TAKES_FOLLOW;
        return 0;
    case ARGP_KEY_ARG:
        take_argument(invocation, argument, state);
        return 0;
    case ARGP_KEY_END:
        check(invocation, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const char *argp_program_version = "agent-task-runnerctl " CODING_AGENTS_VERSION;

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .args_doc = "exec [--] COMMAND...\nrun [--] COMMAND...\nshell\nps\nkill ID [SIGNAL]\nlogs "
                    "ID\nstatus\nreload",
        .doc = "Run commands in sandboxes of this container, and ask about them."};
    const char *socket = getenv(TASK_RUNNER_VARIABLE);
    struct invocation invocation = {
        .runnerctl = {.socket = socket != NULL ? socket : TASK_RUNNER_SOCKET,
                      .arguments = invocation.own}};
    struct error err = ERROR_INITIALIZER;
    int exit_code = 0;

    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &invocation) != 0)
        return EXIT_USAGE;
    if (invocation.command->run(&invocation.runnerctl, &exit_code, &err) < 0) {
        fprintf(stderr, "agent-task-runnerctl: %s\n", error_text(&err));
        return EXIT_CONTROL;
    }
    return fflush(stdout) == 0 ? exit_code : EXIT_CONTROL;
}

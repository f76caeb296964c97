/* Reads the options from a table. */
#include "sandbox/agentcli-exec/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#define USAGE                                                                              \
    "usage: agentcli-exec --agent AGENT [--identity NAME] [--interactive [--persistent]] " \
    "[--terminal] [-- COMMAND...]"

/* clang-format off */
static const struct option table[] = {
    {.name = "agent",       .has_arg = required_argument, .val = 'a'},
    {.name = "identity",    .has_arg = required_argument, .val = 'u'},
    {.name = "interactive", .has_arg = no_argument,       .val = 'i'},
    {.name = "persistent",  .has_arg = no_argument,       .val = 'p'},
    {.name = "terminal",    .has_arg = no_argument,       .val = 't'},
    {.name = "pane",        .has_arg = no_argument,       .val = 'w'},
    {0},
};
/* clang-format on */

static int set(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'a':
        options->agent = value;
        return 0;
    case 'u':
        options->identity = value;
        return 0;
    case 'i':
        options->is_interactive = true;
        return 0;
    case 'p':
        options->is_persistent = true;
        return 0;
    case 't':
        options->has_terminal = true;
        return 0;
    case 'w':
        options->is_pane = true;
        return 0;
    default:
        return -EINVAL;
    }
}

static const char *contradiction(const struct options *options)
{
    if (options->is_pane)
        return NULL;
    if (options->agent == NULL)
        return "--agent is missing";
    if (options->is_persistent && !options->is_interactive)
        return "--persistent needs --interactive";
    if (options->has_terminal && options->is_interactive)
        return "--terminal is for headless commands: an interactive one has tmux's";
    return NULL;
}

int options_parse(int argc, char **argv, struct options *options, struct error *err)
{
    int option;

    *options = (struct options){.agent = NULL};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", table, NULL)) != -1) {
        if (set(options, option, optarg) < 0)
            return error_set(err, EINVAL, "a bad option; " USAGE);
    }
    if (contradiction(options) != NULL)
        return error_set(err, EINVAL, "%s; " USAGE, contradiction(options));
    options->command = argv + optind;
    return 0;
}

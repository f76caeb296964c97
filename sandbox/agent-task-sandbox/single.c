/* Confines the calling process as agentuser in the container's own root and becomes one command. */
#include "sandbox/agent-task-sandbox/single.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/settings.h"
#include "sandbox/confine/confine.h"
#include "sandbox/confine/environment.h"

struct single {
    bool has_no_network;
    const char *directory; /* borrowed; NULL: where the caller is */
    struct string_list environment;
    char **command; /* borrowed */
};

static int find_identity(struct confine *confine, struct error *err)
{
    return users_find(USERS_FILE, SANDBOX_IDENTITY, &confine->user, err);
}

/* The network of PID 1 is the session's; an empty namespace has a loopback device that is down. */
static int leave_network(struct confine *confine, struct error *err)
{
    const struct single *single = confine->program;

    if (!single->has_no_network)
        return 0;
    return unshare(CLONE_NEWNET) < 0 ? error_set(err, errno, "make an empty network namespace") : 0;
}

/* As the command's own identity: a directory it may not enter is an error, not a way in. */
static int enter_directory(struct confine *confine, struct error *err)
{
    const struct single *single = confine->program;

    if (single->directory == NULL || chdir(single->directory) == 0)
        return 0;
    return error_set(err, errno, "enter '%s'", single->directory);
}

static int complete_environment(struct confine *confine, struct error *err)
{
    struct single *single = confine->program;
    cleanup_string_list struct string_list list = {0};
    int result = environment_fresh(&confine->user, &list, err);

    for (size_t i = 0; i < single->environment.count && result == 0; i++) {
        result = environment_set(&list, single->environment.items[i]);
        if (result < 0)
            error_set(err, -result, "build the environment");
    }
    if (result < 0)
        return result;
    string_list_free(&single->environment);
    single->environment = list;
    list = (struct string_list){0};
    return 0;
}

/* clang-format off */
static const struct confine_step steps[] = {
    {.name = "the identity",        .run = find_identity},
    {.name = "the environment",     .run = complete_environment},
    {.name = "the descriptors",     .run = confine_descriptors},
    {.name = "the limits",          .run = confine_limits},
    {.name = "the network",         .run = leave_network},
    {.name = "the views",           .run = confine_views},
    {.name = "becoming agentuser",  .run = confine_identity},
    {.name = "the directory",       .run = enter_directory},
    {.name = "no new privileges",   .run = confine_no_new_privileges},
    {.name = "the seccomp filter",  .run = confine_filter},
    {.name = "the proof",           .run = confine_proof},
};

static const struct option options[] = {
    {.name = "network",     .has_arg = required_argument, .val = 'n'},
    {.name = "directory",   .has_arg = required_argument, .val = 'd'},
    {.name = "environment", .has_arg = required_argument, .val = 'e'},
    {0},
};
/* clang-format on */

static int set_option(struct single *single, int option, const char *value, struct error *err)
{
    switch (option) {
    case 'n':
        single->has_no_network = strcmp(value, "none") == 0;
        if (!single->has_no_network && strcmp(value, "inherit") != 0)
            return error_set(err, EINVAL, "--network is '%s'; it can be none or inherit", value);
        return 0;
    case 'd':
        single->directory = value;
        return 0;
    case 'e':
        if (!environment_is_assignment(value))
            return error_set(err, EINVAL, "--environment needs NAME=VALUE, not '%s'", value);
        if (string_list_add(&single->environment, value) == NULL)
            return error_set(err, ENOMEM, "build the environment");
        return 0;
    default:
        return error_set(err, EINVAL,
                         "a bad option; usage: agent-task-sandbox [--network none|inherit] "
                         "[--directory DIR] [--environment NAME=VALUE]... -- COMMAND...");
    }
}

static int parse_options(int argc, char **argv, struct single *single, struct error *err)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        int result = set_option(single, option, optarg, err);

        if (result < 0)
            return result;
    }
    if (optind == argc)
        return error_set(err, EINVAL, "no command was given");
    single->command = argv + optind;
    return 0;
}

int single_run(int argc, char **argv, struct error *err)
{
    struct single single = {.directory = NULL};
    struct confine confine = {.filter = SANDBOX_FILTER, .program = &single};
    int result = parse_options(argc, argv, &single, err);

    if (result == 0)
        result = confine_run(steps, ARRAY_LENGTH(steps), &confine, err);
    if (result == 0) {
        /* execvp searches the PATH of the environment in force, not of one it is handed. */
        environ = single.environment.items;
        execvp(single.command[0], single.command);
        result = error_set(err, errno, "execute '%s'", single.command[0]);
    }
    string_list_free(&single.environment);
    return result;
}

/* agentcli-exec: becomes the agent's identity below its filter, then runs its program, with or
 * without tmux. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "sandbox/agentcli-exec/agents.h"
#include "sandbox/agentcli-exec/login.h"
#include "sandbox/agentcli-exec/options.h"
#include "sandbox/agentcli-exec/pane.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/agentcli-exec/session.h"
#include "sandbox/agentcli-exec/trap.h"
#include "sandbox/confine/apparmor.h"
#include "sandbox/confine/confine.h"
#include "sandbox/confine/environment.h"
#include "sandbox/confine/notify.h"
#include "sandbox/confine/program.h"

#define OWNER "agentuser" /* of the workspace on disk */
#define OWNER_FILTER AGENTS_FILTER_DIRECTORY "/command.bpf"
#define TRAP_FILTER AGENTS_FILTER_DIRECTORY "/agentcli.bpf"
#define ATTACH_USER "agentattach"
#define WORKSPACE "/workspace"

struct launch {
    struct options options;
    struct agent agent;
    struct user owner;
    struct user attach_user;
    bool is_trapped;     /* nothing below runs that the task runner did not allow */
    int runner;          /* the connection to it; -1 without */
    int notify;          /* -1 without */
    int attach_listener; /* -1 without */
    char *default_command[2];
    char **command; /* borrowed */
    struct string_list environment;
};

static int read_tables(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;
    int result = agents_find(AGENTS_FILE, launch->options.agent, &launch->agent, err);
    const char *identity = launch->options.identity;

    if (result < 0)
        return result;
    if (identity == NULL)
        identity = launch->agent.identity;
    /* The row's view is for the row's identity; for another, what counts is whether it owns the
     * files. */
    launch->is_trapped = strcmp(identity, OWNER) != 0;
    if (strcmp(identity, launch->agent.identity) != 0)
        launch->agent.is_idmapped = launch->is_trapped;
    result = users_find(USERS_FILE, identity, &confine->user, err);
    if (result == 0)
        result = users_find(USERS_FILE, OWNER, &launch->owner, err);
    if (result == 0)
        result = users_find(USERS_FILE, ATTACH_USER, &launch->attach_user, err);
    /* The owner's programs are commands, whatever the agent; for everybody else there is one filter
     * that traps, and a row that names another one is a mistake. */
    if (result == 0 && launch->is_trapped && strcmp(identity, launch->agent.identity) == 0 &&
        strcmp(launch->agent.filter, TRAP_FILTER) != 0)
        return error_set(err, EINVAL, "'%s' does not trap; the filter of '%s' must be agentcli.bpf",
                         launch->agent.filter, identity);
    confine->filter = launch->is_trapped ? TRAP_FILTER : OWNER_FILTER;
    confine->profile = APPARMOR_AGENTCLI;
    return result;
}

static int choose_command(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;
    int result;

    launch->command = launch->options.command;
    if (launch->command[0] == NULL) {
        launch->default_command[0] = launch->agent.program;
        launch->command = launch->default_command;
    }
    result = agents_environment(AGENTS_ENVIRONMENT_FILE, launch->options.agent,
                                &launch->environment, err);
    return result < 0 ? result
                      : environment_of_service(environ, &confine->user, &launch->environment, err);
}

/* The readiness descriptor stays, close on exec: a command that holds it could speak for this
 * program. */
static int find_notify(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;

    return notify_find(&launch->notify, err);
}

static int lay_views(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;

    if (!launch->agent.is_idmapped || confine->views.kind == VIEWS_SHARED_GROUP)
        return 0;
    if (confine->views.kind == VIEWS_NONE)
        return error_set(err, EPROTO,
                         "'%s' needs a view of the workspace, and boot made neither idmapped views "
                         "nor a shared group",
                         confine->user.name);
    return views_lay(&launch->owner, &confine->user, err);
}

/* A terminal by name (tty(1), gpg) can be opened by its owner only. */
static int give_terminal(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;

    if (!launch->options.has_terminal || !isatty(STDIN_FILENO))
        return 0;
    return fchown(STDIN_FILENO, confine->user.uid, (gid_t)-1) < 0
               ? error_set(err, errno, "give the terminal to '%s'", confine->user.name)
               : 0;
}

static int make_places(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;
    int result;

    if (!launch->options.is_interactive)
        return 0;
    result = places_make_directory(&confine->user, err);
    if (result < 0)
        return result;
    launch->attach_listener = places_listen_attach(err);
    return launch->attach_listener < 0 ? launch->attach_listener : 0;
}

/* After all that looks into /proc/self as root: who changes its group, be it for a moment, may not
 * any more. */
static int write_command(struct confine *confine, struct error *err)
{
    const struct launch *launch = confine->program;

    return !launch->options.is_interactive
               ? 0
               : places_write_command(&confine->user, launch->options.is_persistent,
                                      launch->command, err);
}

/* Only now: the directory is looked up in the identity's own view of it. */
static int enter_workspace(struct confine *confine, struct error *err)
{
    (void)confine;
    return chdir(WORKSPACE) < 0 ? error_set(err, errno, "enter '" WORKSPACE "'") : 0;
}

/* As the identity: root has no power over its files. */
static int read_login(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;

    return launch->is_trapped
               ? login_read_variables(launch->options.agent, &launch->environment, err)
               : 0;
}

/* As root still: the runner takes listeners from nobody else. */
static int find_runner(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;

    if (!launch->is_trapped)
        return 0;
    launch->runner = trap_connect(err);
    return launch->runner < 0 ? launch->runner : 0;
}

static int stack_profile(struct confine *confine, struct error *err)
{
    const struct launch *launch = confine->program;

    return launch->is_trapped ? confine_apparmor(confine, err) : 0;
}

static int restrict_files(struct confine *confine, struct error *err)
{
    const struct launch *launch = confine->program;
    const char *direct[AGENTS_PROGRAMS_MAX];

    return launch->is_trapped ? trap_restrict_files(&confine->user, direct,
                                                    agents_direct(&launch->agent, direct), err)
                              : 0;
}

static int install_filter(struct confine *confine, struct error *err)
{
    struct launch *launch = confine->program;
    int result;

    if (!launch->is_trapped)
        return confine_filter(confine, err);
    result = trap_install(confine->filter, launch->runner, err);
    cleanup_close(&launch->runner);
    return result;
}

/* clang-format off */
static const struct confine_step steps[] = {
    {.name = "the tables",           .run = read_tables},
    {.name = "the readiness fd",     .run = find_notify},
    {.name = "the environment",      .run = choose_command},
    {.name = "the descriptors",      .run = confine_descriptors},
    {.name = "the limits",           .run = confine_limits},
    {.name = "the terminal",         .run = give_terminal},
    {.name = "the attach socket",    .run = make_places},
    {.name = "how files are shared", .run = confine_views},
    {.name = "the views",            .run = lay_views},
    {.name = "the task runner",      .run = find_runner},
    {.name = "the command",          .run = write_command},
    {.name = "the identity",         .run = confine_identity},
    {.name = "the directory",        .run = enter_workspace},
    {.name = "the login",            .run = read_login},
    {.name = "no new privileges",    .run = confine_no_new_privileges},
    {.name = "the AppArmor profile", .run = stack_profile},
    {.name = "the files",            .run = restrict_files},
    {.name = "the exec trap",        .run = install_filter},
    {.name = "the proof",            .run = confine_proof},
};
/* clang-format on */

static int complain(int exit_code, const struct error *err)
{
    fprintf(stderr, "agentcli-exec: %s\n", error_text(err));
    return exit_code;
}

/* As the command's identity, with its PATH, before anybody is told that it runs. */
static int check_program(const struct launch *launch, struct error *err)
{
    return program_find(launch->command[0], environment_get(&launch->environment, "PATH"),
                        launch->is_trapped, err);
}

static int run_headless(struct launch *launch)
{
    struct error err = ERROR_INITIALIZER;
    int number;

    notify_ready(launch->notify);
    environ = launch->environment.items;
    execvp(launch->command[0], launch->command);
    number = errno;
    error_set(&err, number, "execute '%s'", launch->command[0]);
    return complain(program_exit_code(number), &err);
}

static int run_interactive(const struct launch *launch)
{
    const struct session_plan plan = {
        .environment = &launch->environment,
        .is_persistent = launch->options.is_persistent,
        .attach_listener = launch->attach_listener,
        .attach_uid = launch->attach_user.uid,
        .notify = launch->notify,
    };
    struct error err = ERROR_INITIALIZER;
    int exit_code = 0;

    if (session_run(&plan, &exit_code, &err) < 0)
        return complain(EXIT_BOOT_AGENT, &err);
    return exit_code;
}

int main(int argc, char **argv)
{
    struct launch launch = {.runner = -1, .notify = -1, .attach_listener = -1};
    struct confine confine = {.program = &launch};
    struct error err = ERROR_INITIALIZER;
    int result = options_parse(argc, argv, &launch.options, &err);

    if (result < 0)
        return complain(EXIT_BOOT_AGENT, &err);
    if (launch.options.is_pane)
        return pane_run();
    result = confine_run(steps, ARRAY_LENGTH(steps), &confine, &err);
    if (result < 0)
        return complain(EXIT_BOOT_AGENT, &err);
    result = check_program(&launch, &err);
    if (result < 0)
        return complain(program_exit_code(-result), &err);
    return launch.options.is_interactive ? run_interactive(&launch) : run_headless(&launch);
}

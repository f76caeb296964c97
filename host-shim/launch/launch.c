/* A launch as a table: each step, what undoes it, and the exit code of its refusal. */
#include "host-shim/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "lib/host/argument_print.h"
#include "lib/host/common_log.h"
#include "lib/host/grammar.h"
#include "lib/host/install_paths.h"
#include "lib/host/network.h"
#include "lib/host/policy.h"
#include "lib/host/refused_variables.h"
#include "lib/host/signals.h"

void launch_say(const char *format, ...)
{
    va_list arguments;
    fputs("coding-agents: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static int choose_mode(struct launch *launch, struct error *err)
{
    const struct launch_options *options = &launch->options;
    bool has_command = options->prompt != NULL || options->command[0] != NULL;
    launch->is_interactive = (!has_command || options->is_interactive) && !options->is_persistent;
    launch->plan.takes_input = !isatty(STDIN_FILENO);
    if (launch->is_interactive && !options->is_dry_run &&
        (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        return error_set(
            err, EINVAL,
            "an interactive session needs a terminal: run it in one, or give a command behind --");
    return 0;
}

static int check_variables(const struct launch *launch, struct error *err)
{
    char path[PATH_MAX];
    if (launch->options.variables == NULL)
        return 0;
    int status = install_path_share("policies/refused-variables.tab", path, err);
    if (status == 0)
        status = refused_variables_check(path, launch->options.variables, err);
    return status == -EINVAL ? -EPERM : status;
}

static int check_agent(struct launch *launch, struct error *err)
{
    const struct agent_start_request request = {
        .agent = launch->options.agent,
        .arguments = launch->options.command,
        .variables = launch->options.variables,
    };
    return agent_start_find(&request, &launch->start, err);
}

static int check_policy(struct launch *launch, struct error *err)
{
    char path[PATH_MAX];
    int status = config_form_command(launch, err);
    if (status == 0)
        status = check_agent(launch, err);
    launch->trust.agent = launch->options.agent;
    launch->trust.arguments = launch->options.command;
    if (status == 0)
        status = session_trust_load(&launch->trust, err);
    if (status == 0)
        status = check_variables(launch, err);
    if (status == 0)
        status = install_path_share("policies/engine-args.tab", path, err);
    if (status == 0)
        status = policy_check_engine_arguments(path, &launch->options.engine_arguments, err);
    if (status == -EPERM)
        launch->exit_code = EXIT_USAGE;
    if (status == 0)
        status = policy_read_capabilities(&launch->capabilities, err);
    if (status == 0)
        status = install_path_share("policies/seccomp/agent.json", launch->seccomp_profile, err);
    return status < 0 ? status : policy_check_seccomp(launch->seccomp_profile, err);
}

static int inspect_path(struct launch *launch, struct error *err)
{
    const struct launch_options *options = &launch->options;
    const char *source = options->source == NULL ? "." : options->source;
    if (grammar_is_url(source))
        return options->is_dry_run
                   ? error_set(err, EINVAL,
                               "--dry-run does not clone: clone '%s' and name the path", source)
                   : 0;
    return repository_inspect(source, options->include_ignored, &launch->repository, err);
}

static int detect_engine(struct launch *launch, struct error *err)
{
    int status = engine_detect(&launch->engine, err);
    if (status < 0)
        common_log_record(AUDIT_RUNTIME_BLOCKED,
                          json_pack("{s:s, s:s}", "runtime", "docker", "why", error_text(err)));
    return status < 0 || launch->options.has_sidecar ? status
                                                     : engine_check_sockets(&launch->engine, err);
}

/* The engine may listen elsewhere than where engines usually do. */
static int refuse_socket(struct launch *launch, struct error *err)
{
    return repository_refuse_socket(&launch->repository, launch->engine.socket, err);
}

static int decide_limits(struct launch *launch, struct error *err)
{
    int status = plan_limits(&launch->options, &launch->engine, &launch->plan, err);
    return status < 0 || launch->options.is_restricted ? status : network_check_pool(err);
}

static int find_image(struct launch *launch, struct error *err)
{
    const struct launch_options *options = &launch->options;
    const struct image_request request = {
        .agent = options->agent,
        .image = options->image,
        .from_source = options->from_source,
        .is_agreed = options->yes,
        .is_dry_run = options->is_dry_run,
    };
    int status = image_resolve(&request, &launch->image, err);
    if (status < 0 && launch->image.digest[0] != '\0')
        common_log_record(AUDIT_INTEGRITY_CHECK,
                          json_pack("{s:s, s:s, s:s, s:s}", "subject", launch->image.reference,
                                    "expected", launch->image.digest, "found", "", "outcome",
                                    "refused"));
    return status;
}

/* From here on something exists that must be undone or seen to its end: signals wait until they are
 * asked for. */
static int hold_signals(struct launch *launch, struct error *err)
{
    launch->signals = signals_hold(err);
    return launch->signals < 0 ? launch->signals : 0;
}

static int clone_url(struct launch *launch, struct error *err)
{
    const char *url = launch->options.source;
    if (url == NULL || !grammar_is_url(url))
        return 0;
    int status = git_clone(url, launch->clone, err);
    if (status < 0)
        return status;
    launch_say("the repository was cloned into %s; the session's branch will appear there",
               launch->clone);
    return repository_inspect(launch->clone, launch->options.include_ignored, &launch->repository,
                              err);
}

static void remove_clone(struct launch *launch)
{
    if (launch->clone[0] != '\0')
        (void)path_remove_tree(AT_FDCWD, launch->clone, NULL);
}

static int take_branch(struct launch *launch, struct error *err)
{
    const struct source_files *files = &launch->repository.files;
    if (files->left_out > 0)
        launch_say(
            "%zu entries are left out, such as '%s': repositories of their own, or no plain files",
            files->left_out, files->first_left_out);
    const struct launch_options *options = &launch->options;
    const struct branch_request request = {
        .agent = options->agent,
        .session = launch->session,
        .name = options->name,
        .branch = options->branch,
        .use_current = options->use_current_branch,
        .is_dry_run = options->is_dry_run,
    };
    return branch_reserve(&request, &launch->repository, &launch->branch, err);
}

static void release_branch(struct launch *launch)
{
    branch_release(&launch->repository, &launch->branch);
}

static int print_plan(struct launch *launch, struct error *err)
{
    return launch->options.is_dry_run ? argument_print(&launch->argv, launch->options.is_json, err)
                                      : 0;
}

static int announce(struct launch *launch, struct error *err)
{
    char text[2 * AGENT_START_TEXT];
    (void)err;
    launch_say("session %s (%s) works on branch %s", launch->branch.name, launch->session,
               launch->branch.host);
    if (launch->repository.signing.trouble[0] != '\0')
        launch_say("commits will not be signed: %s", launch->repository.signing.trouble);
    agent_start_warn(&launch->start, launch->options.agent, launch->trust.asks, text);
    if (text[0] != '\0')
        launch_say("%s", text);
    return 0;
}

struct launch_step {
    const char *name;
    int (*run)(struct launch *launch, struct error *err);
    void (*undo)(
        struct launch *launch); /* also of a step that failed halfway; NULL: leaves nothing */
    int exit_code;
    bool is_real; /* not part of a dry run */
};

/* clang-format off */
static const struct launch_step steps[] = {
    {"policy",    check_policy,              NULL,                      EXIT_POLICY,        false},
    {"source",    inspect_path,              NULL,                      EXIT_REPOSITORY,    false},
    {"engine",    detect_engine,             NULL,                      EXIT_ENGINE,        false},
    {"socket",    refuse_socket,             NULL,                      EXIT_REPOSITORY,    false},
    {"limits",    decide_limits,             NULL,                      EXIT_USAGE,         false},
    {"mode",      choose_mode,               NULL,                      EXIT_USAGE,         false},
    {"image",     find_image,                NULL,                      EXIT_IMAGE,         false},
    {"signals",   hold_signals,              NULL,                      EXIT_HOST_INTERNAL, false},
    {"session",   stage_reserve,             stage_remove,              EXIT_HOST_INTERNAL, false},
    {"clone",     clone_url,                 remove_clone,              EXIT_REPOSITORY,    true},
    {"config",    config_decide,             NULL,                      EXIT_REPOSITORY,    false},
    {"branch",    take_branch,               release_branch,            EXIT_BRANCH,        false},
    {"plan",      stage_render,              NULL,                      EXIT_HOST_INTERNAL, false},
    {"print",     print_plan,                NULL,                      EXIT_HOST_INTERNAL, false},
    {"files",     stage_write,               NULL,                      EXIT_HOST_INTERNAL, true},
    {"keeper",    belongings_start_keeper,   belongings_abandon_keeper, EXIT_AUDIT,         true},
    {"record",    belongings_record_start,   NULL,                      EXIT_AUDIT,         true},
    {"network",   belongings_create_network, belongings_remove_network, EXIT_START,         true},
    {"volume",    belongings_create_volume,  belongings_remove_volume,  EXIT_START,         true},
    {"announce",  announce,                  NULL,                      EXIT_HOST_INTERNAL, true},
    {"container", container_run,             container_remove,          EXIT_START,         true},
};
/* clang-format on */

/* A signal that came between two steps ends the launch like a failure. */
static int check_signals(struct launch *launch, struct error *err)
{
    struct signalfd_siginfo info;
    if (launch->signals < 0 || read(launch->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    launch->exit_code = 128 + (int)info.ssi_signo;
    return error_set(err, EINVAL, "interrupted; nothing was started");
}

static int run_steps(struct launch *launch)
{
    struct error err = ERROR_INITIALIZER;
    bool is_dry_run = launch->options.is_dry_run;
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        if (is_dry_run && steps[i].is_real)
            continue;
        launch->exit_code = 0;
        int status = check_signals(launch, &err);
        if (status == 0)
            status = steps[i].run(launch, &err);
        if (status == 0)
            continue;
        if (launch->exit_code == 0) /* a signal explains what failed with it */
            (void)check_signals(launch, &err);
        launch_say("%s", error_text(&err));
        int code = launch->exit_code != 0 ? launch->exit_code : steps[i].exit_code;
        for (size_t k = i + 1; k-- > 0;) {
            if (steps[k].undo != NULL && !(is_dry_run && steps[k].is_real))
                steps[k].undo(launch);
        }
        return code;
    }
    return launch->exit_code;
}

int launch_main(int argc, char **argv)
{
    struct launch launch = {.keeper.control = -1, .signals = -1};
    struct error err = ERROR_INITIALIZER;
    static char run_name[] = "coding-agents run";
    static char launch_name[] = "coding-agents launch";
    launch.options.is_persistent = strcmp(argv[0], "launch") == 0;
    /* What the parser's own messages start with. */
    argv[0] = launch.options.is_persistent ? launch_name : run_name;
    int code = EXIT_USAGE;
    if (options_parse(argc, argv, &launch.options, &err) < 0)
        launch_say("%s", error_text(&err));
    else
        code = run_steps(&launch);
    options_free(&launch.options);
    repository_free(&launch.repository);
    session_trust_free(&launch.trust);
    string_list_free(&launch.capabilities);
    string_list_free(&launch.argv);
    string_list_free(&launch.storage.command);
    free(launch.manifest);
    cleanup_close(&launch.keeper.control);
    cleanup_close(&launch.signals);
    return code;
}

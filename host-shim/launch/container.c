/* Runs the one `docker run` of a session and waits for its end, whatever signals come. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/host/terminal_output.h"

/* `docker run` itself failed, or the command exited with it: only the engine can tell. */
#define CLIENT_FAILED 125
#define REMOVE_MS 60000

/*
 * The docker client passes signals on to the container. What the terminal sent it has already; what
 * was sent to us alone is handed over, and a hang-up becomes an ordered stop.
 */
static void pass_signal(struct launch *launch, int pidfd)
{
    struct signalfd_siginfo info;
    if (read(launch->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    launch->passed_signal = (int)info.ssi_signo;
    bool is_from_terminal = info.ssi_signo == SIGINT && info.ssi_code == SI_KERNEL;
    if (!is_from_terminal)
        (void)sys_pidfd_send_signal(pidfd, info.ssi_signo == SIGINT ? SIGINT : SIGTERM, 0);
}

static int wait_with_signals(struct launch *launch, int pidfd, int *code)
{
    for (;;) {
        struct pollfd polls[2] = {{.fd = pidfd, .events = POLLIN},
                                  {.fd = launch->signals, .events = POLLIN}};
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if ((polls[1].revents & POLLIN) != 0)
            pass_signal(launch, pidfd);
        if ((polls[0].revents & POLLIN) == 0)
            continue;
        int wait_status;
        int status = process_wait(pidfd, 0, &wait_status);
        *code = status == 0 ? process_exit_code(wait_status) : CLIENT_FAILED;
        return status;
    }
}

static void id_path(const struct launch *launch, char path[PATH_MAX])
{
    if (path_format(path, "%s/container-id", launch->state_directory) < 0)
        path[0] = '\0';
}

/* The engine's client notes the container's id before it asks for its start. */
static bool was_made(const struct launch *launch)
{
    char path[PATH_MAX];
    struct stat info;
    id_path(launch, path);
    return stat(path, &info) == 0 ? info.st_size > 0 : errno != ENOENT;
}

/* The planned command, with a place for the client's note, which is no matter of the engine. */
static int add_note(const struct launch *launch, struct string_list *argv, struct error *err)
{
    char path[PATH_MAX];
    id_path(launch, path);
    for (size_t i = 0; i < launch->argv.count; i++) {
        string_list_add(argv, launch->argv.items[i]);
        if (i == 1) {
            string_list_add(argv, "--cidfile");
            string_list_add(argv, path);
        }
    }
    return argv->has_failed ? error_set(err, ENOMEM, "assemble docker run") : 0;
}

int container_interrupted(struct launch *launch, struct error *err)
{
    launch->exit_code = 128 + launch->passed_signal;
    return error_set(err, EINVAL, "interrupted; nothing was started");
}

static int refuse_unmade(struct launch *launch, struct error *err)
{
    if (launch->passed_signal != 0)
        return container_interrupted(launch, err);
    return error_set(err, EINVAL,
                     "the engine did not make the container; its words are above, and "
                     "coding-agents doctor looks for the cause");
}

static int refuse_unstarted(struct launch *launch, const struct engine_container *container,
                            struct error *err)
{
    if (launch->passed_signal != 0 && container->error[0] == '\0')
        return container_interrupted(launch, err);
    return error_set(err, EINVAL, "the engine could not start the container: %s", container->error);
}

/* The reader of the agent's output went away, as `head` does. */
static bool is_unread(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    return poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
}

/* What SIGPIPE does to a filter, in order: nobody would ever see what the agent goes on to say. */
static int end_unread(struct launch *launch, struct engine_container *container, struct error *err)
{
    launch_say("nobody reads the output of session %s any more, so it is stopped; its work is "
               "committed before it ends",
               launch->branch.name);
    engine_run_quietly((const char *const[]){"stop", launch->container, NULL}, 0);
    return engine_container_state(launch->container, container, err);
}

int container_judge(struct launch *launch, int code, struct error *err)
{
    struct engine_container container;
    struct error reason = ERROR_INITIALIZER;
    if (!was_made(launch))
        return refuse_unmade(launch, err);
    int status = engine_container_state(launch->container, &container, &reason);
    if (status == 0 && container.is_running && !launch->plan.is_detached && is_unread()) {
        status = end_unread(launch, &container, &reason);
        container.exit_code = 128 + SIGPIPE;
    }
    if (status == 0 && !container.is_running && !container.has_started)
        return refuse_unstarted(launch, &container, err);
    if (status == 0 && !container.is_running)
        return finish_session(launch, container.exit_code, err);
    if (status == -ENOENT) {
        finish_lost(launch, code);
        return 0;
    }
    launch->exit_code = status < 0 ? EXIT_ENGINE : code;
    if (status < 0)
        launch_say("the engine does not answer (%s); the work is in its volume: coding-agents sync "
                   "%s",
                   error_text(&reason), launch->session);
    else
        launch_say("session %s goes on without this terminal: coding-agents status %s",
                   launch->branch.name, launch->session);
    return 0;
}

static int run_foreground(struct launch *launch, const struct string_list *argv, struct error *err)
{
    struct terminal_output outputs[2];
    pid_t pid;
    int code = CLIENT_FAILED;
    cleanup_fd int pidfd = -1;
    int status = terminal_output_open_both(outputs, err);
    if (status < 0)
        return status;
    const struct process_spec spec = {
        .argv = (const char *const *)argv->items,
        .standard_input = STDIN_FILENO,
        .standard_output = outputs[0].fd,
        .standard_error = outputs[1].fd,
    };
    keeper_client_watch_asks(&launch->keeper);
    int start_status = process_start(&spec, &pid, &pidfd, err);
    if (start_status == 0)
        status = wait_with_signals(launch, pidfd, &code);
    terminal_output_close_both(outputs);
    if (start_status < 0)
        return start_status;
    if (status == 0)
        return container_judge(launch, code, err);
    /* The client may be about to start it. */
    launch_say("wait for docker run: %s; coding-agents status %s tells more", strerror(-status),
               launch->session);
    launch->exit_code = EXIT_ENGINE;
    return 0;
}

static int run_detached(struct launch *launch, const struct string_list *argv, struct error *err)
{
    struct process_result result = {.output = NULL};
    int status = engine_run((const char *const *)argv->items + 1, 0, &result, err);
    process_result_free(&result);
    if (status == 0)
        return attach_session(launch, err);
    if (!was_made(launch))
        return status;
    launch_say("%s", error_text(err));
    return container_judge(launch, EXIT_ENGINE, err);
}

int container_run(struct launch *launch, struct error *err)
{
    cleanup_string_list struct string_list argv = {.items = NULL};
    int status = add_note(launch, &argv, err);
    if (status == 0)
        status = stage_set_running(launch, err);
    if (status == 0)
        status = keeper_client_say_started(&launch->keeper, err);
    if (status < 0)
        return status;
    return launch->plan.is_detached ? run_detached(launch, &argv, err)
                                    : run_foreground(launch, &argv, err);
}

void container_remove(struct launch *launch)
{
    engine_run_quietly((const char *const[]){"rm", "-f", launch->container, NULL}, REMOVE_MS);
}

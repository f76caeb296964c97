/* Runs the one `docker run` of a session and waits for its end, whatever signals come. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/syscalls.h"

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

static int run_foreground(struct launch *launch, int *code, struct error *err)
{
    const struct process_spec spec = {
        .argv = (const char *const *)launch->argv.items,
        .standard_input = STDIN_FILENO,
        .standard_output = STDOUT_FILENO,
        .standard_error = STDERR_FILENO,
    };
    pid_t pid;
    cleanup_fd int pidfd = -1;
    int status = process_start(&spec, &pid, &pidfd, err);
    if (status < 0)
        return status;
    status = wait_with_signals(launch, pidfd, code);
    return status < 0 ? error_set(err, -status, "wait for docker run") : 0;
}

int container_interrupted(struct launch *launch, struct error *err)
{
    launch->exit_code = 128 + launch->passed_signal;
    return error_set(err, EINVAL, "interrupted; nothing was started");
}

/* What became of the container once the client ended with CODE. -errno: it never started. */
static int judge_end(struct launch *launch, int code, struct error *err)
{
    struct engine_container container;
    struct error reason = ERROR_INITIALIZER;
    int status = engine_container_state(launch->container, &container, &reason);
    if (status == -ENOENT && launch->passed_signal != 0)
        return container_interrupted(launch, err);
    if (status == -ENOENT)
        return error_set(err, EINVAL,
                         "the engine did not make the container; its words are above, and "
                         "coding-agents doctor looks for the cause");
    if (status < 0) {
        launch_say("the engine does not answer (%s); the work is in its volume: coding-agents list",
                   error_text(&reason));
        launch->exit_code = EXIT_ENGINE;
        return 0;
    }
    if (container.is_running) {
        launch_say("session %s goes on without this terminal: coding-agents status %s",
                   launch->branch.name, launch->session);
        launch->exit_code = code;
        return 0;
    }
    if (container.error[0] != '\0')
        return error_set(err, EINVAL, "the engine could not start the container: %s",
                         container.error);
    return finish_session(launch, container.exit_code, err);
}

static int run_detached(struct launch *launch, struct error *err)
{
    struct process_result result = {.output = NULL};
    int status = engine_run((const char *const *)launch->argv.items + 1, 0, &result, err);
    process_result_free(&result);
    return status < 0 ? status : attach_session(launch, err);
}

int container_run(struct launch *launch, struct error *err)
{
    int code = CLIENT_FAILED;
    int status = stage_set_running(launch, err);
    if (status == 0)
        status = keeper_client_say_started(&launch->keeper, err);
    if (status < 0)
        return status;
    if (launch->plan.is_detached)
        return run_detached(launch, err);
    status = run_foreground(launch, &code, err);
    return status < 0 ? status : judge_end(launch, code, err);
}

void container_remove(struct launch *launch)
{
    engine_run_quietly((const char *const[]){"rm", "-f", launch->container, NULL}, REMOVE_MS);
}

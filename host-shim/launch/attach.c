/* Attaches the terminal to a session that runs detached, and notices how the attachment ended. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/syscalls.h"

/* Between two questions to a container whose PID 1 does not listen yet. */
#define ASK_AGAIN_MS 100
/* Answers "no" in a row after which a session that still runs has no agent any more. */
#define REFUSALS_MAX 100
/* For the last lines of the boot report, after the agent is ready. */
#define LOG_TAIL_MS 150

/* `docker logs -f` of the container from SINCE on, shown on stderr. */
static int follow_logs(const struct launch *launch, const char *since, int *pidfd,
                       struct error *err)
{
    const char *const argv[] = {"docker",          "logs", "--follow", "--since", since,
                                launch->container, NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = STDERR_FILENO,
                                      .standard_error = STDERR_FILENO};
    pid_t pid;
    return process_start(&spec, &pid, pidfd, err);
}

static void stop_logs(int pidfd)
{
    int wait_status;
    if (process_wait(pidfd, LOG_TAIL_MS, &wait_status) == 0)
        return;
    (void)sys_pidfd_send_signal(pidfd, SIGKILL, 0);
    (void)process_wait(pidfd, 0, &wait_status);
}

/* True once the agent runs; PID 1 keeps the answer back while it boots. */
static bool agent_is_ready(const struct launch *launch)
{
    struct process_result result = {.output = NULL};
    int status =
        engine_run((const char *const[]){"exec", "-u", ENGINE_ATTACH_IDENTITY, launch->container,
                                         "agent-initctl", "wait", "agent", NULL},
                   0, &result, NULL);
    process_result_free(&result);
    return status == 0;
}

static bool is_running(const struct launch *launch)
{
    struct engine_container container;
    return engine_container_state(launch->container, &container, NULL) == 0 && container.is_running;
}

/* Waits for the agent, with the boot report on stderr. False: there is none, and none will be. */
static bool await_agent(const struct launch *launch)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    cleanup_fd int logs = -1;
    struct error err = ERROR_INITIALIZER;
    if (follow_logs(launch, "0", &logs, &err) < 0)
        launch_say("%s", error_text(&err));
    bool is_ready = agent_is_ready(launch);
    for (unsigned int i = 0; !is_ready && i < REFUSALS_MAX && is_running(launch); i++) {
        (void)nanosleep(&pause, NULL);
        is_ready = agent_is_ready(launch);
    }
    if (logs >= 0)
        stop_logs(logs);
    return is_ready;
}

/* A hang-up or a termination of this program detaches: the session goes on. */
static int wait_or_detach(int signals, int pidfd)
{
    for (;;) {
        int wait_status;
        struct pollfd polls[2] = {{.fd = pidfd, .events = POLLIN},
                                  {.fd = signals, .events = POLLIN}};
        (void)poll(polls, 2, -1);
        if (polls[0].revents != 0)
            return process_wait(pidfd, 0, &wait_status);
        struct signalfd_siginfo info;
        if (polls[1].revents != 0 && read(signals, &info, sizeof(info)) > 0 &&
            info.ssi_signo != SIGINT)
            (void)sys_pidfd_send_signal(pidfd, SIGTERM, 0);
    }
}

static int attach_terminal(const struct launch *launch, struct error *err)
{
    const char *const argv[] = {
        "docker",          "exec",         "-it", "-u", ENGINE_ATTACH_IDENTITY,
        launch->container, "agent-attach", NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = STDIN_FILENO,
                                      .standard_output = STDOUT_FILENO,
                                      .standard_error = STDERR_FILENO};
    pid_t pid;
    cleanup_fd int pidfd = -1;
    struct termios settings;
    bool has_settings = tcgetattr(STDIN_FILENO, &settings) == 0;
    int status = process_start(&spec, &pid, &pidfd, err);
    if (status == 0)
        status = wait_or_detach(launch->signals, pidfd);
    /* The client leaves the terminal raw when it is ended. */
    if (has_settings)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
    return status;
}

/* The agent ended: the shutdown's report, until the container is gone. */
static int await_container(struct launch *launch, const char *since, struct error *err)
{
    struct engine_container container = {.error = ""};
    int wait_status;
    cleanup_fd int logs = -1;
    int status = follow_logs(launch, since, &logs, err);
    if (status == 0)
        status = process_wait(logs, 0, &wait_status);
    struct process_result result = {.output = NULL};
    if (status == 0)
        status =
            engine_run((const char *const[]){"wait", launch->container, NULL}, 0, &result, err);
    process_result_free(&result);
    if (status == 0)
        status = engine_container_state(launch->container, &container, err);
    if (status < 0) {
        launch_say("%s; the work is in the volume: coding-agents list", error_text(err));
        launch->exit_code = EXIT_ENGINE;
        return 0;
    }
    if (container.error[0] != '\0')
        return error_set(err, EINVAL, "the engine could not start the container: %s",
                         container.error);
    return finish_session(launch, container.exit_code, err);
}

static void say_how_to_return(const struct launch *launch)
{
    launch_say(
        "session %s (%s) runs; coding-agents connect %s attaches, coding-agents stop %s ends it",
        launch->branch.name, launch->session, launch->session, launch->session);
}

int attach_session(struct launch *launch, struct error *err)
{
    char since[CLOCK_TIMESTAMP_SIZE] = "0";
    bool is_ready = await_agent(launch);
    if (is_ready && launch->options.is_persistent) {
        say_how_to_return(launch);
        return 0;
    }
    if (is_ready) {
        int status = attach_terminal(launch, err);
        clock_format(clock_realtime_ns(), since);
        if (status < 0)
            launch_say("%s", error_text(err));
        if (is_running(launch) && agent_is_ready(launch)) {
            say_how_to_return(launch);
            return 0;
        }
    } else {
        clock_format(clock_realtime_ns(), since);
    }
    return await_container(launch, since, err);
}

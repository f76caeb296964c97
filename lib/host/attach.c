/* Shows a session that runs detached in the terminal: its boot, its agent, its shutdown. */
#include "lib/host/attach.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/base/syscalls.h"
#include "lib/host/engine.h"

/* Between two questions to a container whose PID 1 does not listen yet. */
#define ASK_AGAIN_MS 100
/* Answers "no" in a row after which a session that still runs has no agent any more. */
#define REFUSALS_MAX 100
/* For the last lines of the boot report, after the agent is ready. */
#define LOG_TAIL_MS 150

/* `docker logs -f` of the container from SINCE on, shown on stderr. */
static int follow_logs(const char *container, const char *since, int *pidfd, struct error *err)
{
    const char *const argv[] = {"docker", "logs", "--follow", "--since", since, container, NULL};
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

bool attach_agent_is_ready(const char *container)
{
    struct process_result result = {.output = NULL};
    int status = engine_run((const char *const[]){"exec", "-u", ENGINE_ATTACH_IDENTITY, container,
                                                  "agent-initctl", "wait", "agent", NULL},
                            0, &result, NULL);
    process_result_free(&result);
    return status == 0;
}

static bool is_running(const char *container)
{
    struct engine_container state;
    return engine_container_state(container, &state, NULL) == 0 && state.is_running;
}

int attach_await_agent(const char *container, bool *is_ready, struct error *err)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    cleanup_fd int logs = -1;
    int status = follow_logs(container, "0", &logs, err);
    *is_ready = attach_agent_is_ready(container);
    for (unsigned int i = 0; !*is_ready && i < REFUSALS_MAX && is_running(container); i++) {
        (void)nanosleep(&pause, NULL);
        *is_ready = attach_agent_is_ready(container);
    }
    if (logs >= 0)
        stop_logs(logs);
    return status;
}

/* A hang-up or a termination of this program detaches: the session goes on. */
static int wait_or_detach(int signals, int pidfd, int *wait_status)
{
    for (;;) {
        struct pollfd polls[2] = {{.fd = pidfd, .events = POLLIN},
                                  {.fd = signals, .events = POLLIN}};
        (void)poll(polls, 2, -1);
        if (polls[0].revents != 0)
            return process_wait(pidfd, 0, wait_status);
        struct signalfd_siginfo info;
        if (polls[1].revents != 0 && read(signals, &info, sizeof(info)) > 0 &&
            info.ssi_signo != SIGINT)
            (void)sys_pidfd_send_signal(pidfd, SIGTERM, 0);
    }
}

int attach_terminal(const char *container, int signals, int *code, struct error *err)
{
    const char *const argv[] = {"docker",  "exec",         "-it", "-u", ENGINE_ATTACH_IDENTITY,
                                container, "agent-attach", NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = STDIN_FILENO,
                                      .standard_output = STDOUT_FILENO,
                                      .standard_error = STDERR_FILENO};
    pid_t pid;
    cleanup_fd int pidfd = -1;
    int wait_status = 0;
    struct termios settings;
    bool has_settings = tcgetattr(STDIN_FILENO, &settings) == 0;
    int status = process_start(&spec, &pid, &pidfd, err);
    if (status < 0)
        return status;
    status = wait_or_detach(signals, pidfd, &wait_status);
    /* The client leaves the terminal raw when it is ended. */
    if (has_settings)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
    *code = process_exit_code(wait_status);
    return status < 0 ? error_set(err, -status, "wait for docker exec") : 0;
}

int attach_await_end(const char *container, const char *since, struct error *err)
{
    int wait_status;
    cleanup_fd int logs = -1;
    int status = follow_logs(container, since, &logs, err);
    if (status == 0)
        status = process_wait(logs, 0, &wait_status);
    struct process_result result = {.output = NULL};
    if (status == 0)
        status = engine_run((const char *const[]){"wait", container, NULL}, 0, &result, err);
    process_result_free(&result);
    return status;
}

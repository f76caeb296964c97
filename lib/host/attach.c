/* Shows a session that runs detached in the terminal: its boot, its agent, its shutdown. */
#include "lib/host/attach.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/process.h"
#include "lib/base/syscalls.h"
#include "lib/host/engine.h"
#include "lib/host/terminal_output.h"
#include "lib/host/terminal_pump.h"

/* Between two questions to a container whose PID 1 does not listen yet. */
#define ASK_AGAIN_MS 100
/* Answers "no" in a row after which a session that still runs has no agent any more. */
#define REFUSALS_MAX 100
/* For the last lines of the boot report, after the agent is ready. */
#define LOG_TAIL_MS 150

/* `docker logs -f` of a container, and where it is shown. */
struct log_view {
    struct terminal_output output;
    int pidfd; /* owned */
};

/* From SINCE on, shown on stderr. */
static int follow_logs(struct log_view *view, const char *container, const char *since,
                       struct error *err)
{
    const char *const argv[] = {"docker", "logs", "--follow", "--since", since, container, NULL};
    pid_t pid;
    int status = terminal_output_open(&view->output, STDERR_FILENO, err);
    if (status < 0)
        return status;
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = view->output.fd,
                                      .standard_error = view->output.fd};
    status = process_start(&spec, &pid, &view->pidfd, err);
    if (status < 0)
        terminal_output_close(&view->output);
    return status;
}

/* Gives the log TIME_MS (0: as long as it takes) to end by itself. 0 or -errno. */
static int end_logs(struct log_view *view, uint64_t time_ms)
{
    int wait_status;
    int status = process_wait(view->pidfd, time_ms, &wait_status);
    if (status < 0) {
        (void)sys_pidfd_send_signal(view->pidfd, SIGKILL, 0);
        (void)process_wait(view->pidfd, 0, &wait_status);
    }
    close(view->pidfd);
    terminal_output_close(&view->output);
    return status;
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
    struct log_view view;
    int status = follow_logs(&view, container, "0", err);
    *is_ready = attach_agent_is_ready(container);
    for (unsigned int i = 0; !*is_ready && i < REFUSALS_MAX && is_running(container); i++) {
        (void)nanosleep(&pause, NULL);
        *is_ready = attach_agent_is_ready(container);
    }
    if (status == 0)
        (void)end_logs(&view, LOG_TAIL_MS);
    return status;
}

int attach_terminal(const char *container, int signals, int *code, struct error *err)
{
    const char *const argv[] = {"docker",  "exec",         "-it", "-u", ENGINE_ATTACH_IDENTITY,
                                container, "agent-attach", NULL};
    int wait_status = 0;
    struct ask_banner asks;
    ask_banner_open(&asks, container);
    const struct terminal_pump_sources sources = {.signals = signals, .asks = &asks};
    int status = terminal_pump_run(argv, &sources, &wait_status, err);
    ask_banner_close(&asks);
    *code = process_exit_code(wait_status);
    return status;
}

int attach_await_end(const char *container, const char *since, struct error *err)
{
    struct log_view view;
    int status = follow_logs(&view, container, since, err);
    if (status == 0)
        status = end_logs(&view, 0);
    struct process_result result = {.output = NULL};
    if (status == 0)
        status = engine_run((const char *const[]){"wait", container, NULL}, 0, &result, err);
    process_result_free(&result);
    return status;
}

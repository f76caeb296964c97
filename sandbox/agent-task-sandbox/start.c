/* From a judged request to the command that runs, which is what was judged. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/image.h"
#include "sandbox/agent-task-sandbox/init.h"
#include "sandbox/confine/program.h"

/* Said once the command is the command: what it writes to its terminal can be read from here on. */
static void tell_started(struct init *init)
{
    struct task_reply reply = {
        .header.type = TASK_STARTED,
        .has_terminal = init->terminal.master >= 0,
    };

    init->phase = PHASE_RUNNING;
    reply_to_client(init, &reply, init->terminal.master);
    terminal_close(&init->terminal);
}

static void tell_failed(struct init *init, int exit_code, const struct error *err)
{
    init->task.exit_code = (uint32_t)exit_code;
    /* In this order: a client that has ended was not killed. */
    reply_ended(init, W_EXITCODE(exit_code, 0));
    reply_refusal(init, TASK_FAILED, error_text(err));
    init_end();
}

static void explain_exec(const struct init *init, int result, struct error *err)
{
    /* The program itself is there, or there would be another verdict. */
    if (result == -ENOENT)
        error_set(err, 0, "cannot run '%s': the interpreter that it names was not found",
                  init->task.target.called);
    else
        error_set(err, -result, "cannot run '%s'", init->task.target.called);
}

/* True when the command has stopped, since it was last asked; with WNOWAIT it can be asked again.
 */
static bool has_stopped(const struct command *command, int flags)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)command->pid, &info, WSTOPPED | WNOHANG | flags) == 0 &&
           info.si_pid != 0;
}

/* The stop that an exec was made with comes before anything of the new image runs. True when it has
 * come, false when the process has ended. */
static bool wait_for_stop(const struct command *command)
{
    siginfo_t info = {.si_pid = 0};

    while (waitid(P_PID, (id_t)command->pid, &info, WSTOPPED | WEXITED | WNOWAIT) < 0 &&
           errno == EINTR)
        continue;
    return has_stopped(command, 0);
}

/*
 * Answers the command's own execs, and does nothing else while it shares our memory, until it has
 * executed, given up or ended. A stop before that, one that its terminal asked for included, is
 * over at once; a later one is the program's own.
 */
static void wait_for_exec(struct init *init)
{
    const struct command *command = &init->command;
    struct pollfd polls[] = {{.fd = command->report, .events = POLLIN},
                             {.fd = init->nested.listener, .events = POLLIN},
                             {.fd = init->children, .events = POLLIN}};

    while (!command_has_outcome(command)) {
        struct signalfd_siginfo information;

        if (poll(polls, ARRAY_LENGTH(polls), -1) < 0)
            init_end();
        if (polls[1].revents != 0)
            nested_answer(&init->nested);
        (void)!read(init->children, &information, sizeof(information));
        if (has_stopped(command, WNOWAIT) && !command_has_outcome(command)) {
            (void)has_stopped(command, 0);
            (void)kill(command->pid, SIGCONT);
        }
    }
}

static void begin(struct init *init)
{
    struct error err = ERROR_INITIALIZER;
    bool is_held = init->nested.command != 0;
    bool is_before = false;
    int result;

    wait_for_exec(init);
    if (is_held)
        is_before = wait_for_stop(&init->command);
    result = command_outcome(&init->command);
    init->nested.command = 0;
    if (result < 0) {
        explain_exec(init, result, &err);
        tell_failed(init, program_exit_code(-result), &err);
    }
    if (is_before && image_verify(&init->image, init->command.pid, &err) < 0) {
        error_prefix(&err, "cannot run '%s'", init->task.target.called);
        tell_failed(init, PROGRAM_NOT_EXECUTABLE, &err);
    }
    if (is_held)
        (void)kill(init->command.pid, SIGCONT);
}

static int start(struct init *init, struct error *err)
{
    struct task *task = &init->task;
    const struct command_spec spec = {
        .target = &task->target,
        .image = &init->image,
        .arguments = task->block.arguments,
        .environment = task->variables.items,
        .streams = &task->streams,
        .terminal = &init->terminal,
        .profile = init->settings->profile,
        .pass = init->image.is_fixed ? init->nested.pass : 0,
        .umask = task->run.umask,
        .ignored_signals = task->run.ignored_signals,
    };
    int result = 0;

    if (streams_have_terminal(&task->streams))
        result = terminal_open(&init->terminal, &task->streams, err);
    return result < 0 ? result : command_start(&spec, &init->command, err);
}

void init_expect_command(struct init *init)
{
    init->has_image = init->task.verdict.event.action == TASK_ACTION_SANDBOX &&
                      image_expect(&init->task.target, &init->image, NULL) == 0;
}

void init_start_command(struct init *init)
{
    struct error err = ERROR_INITIALIZER;

    if ((!init->has_image && image_expect(&init->task.target, &init->image, &err) < 0) ||
        start(init, &err) < 0)
        tell_failed(init, PROGRAM_NOT_EXECUTABLE, &err);
    init->nested.command = init->image.is_fixed ? 0 : init->command.pid;
    begin(init);
    streams_let_go(&init->task.streams);
    cleanup_close(&init->terminal.slave);
    tell_started(init);
    init_reap(init);
}

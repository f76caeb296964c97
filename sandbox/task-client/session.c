/* The loop of a client while its command runs: signals, replies, and a terminal's bytes. */
#include "sandbox/task-client/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "lib/base/unix_message.h"
#include "sandbox/task-client/connection.h"
#include "sandbox/task-client/flow.h"
#include "sandbox/task-client/signals.h"
#include "sandbox/task-client/terminal.h"

/* More than a pty holds (the kernel's limit is 640 KiB): what is read after the command's end was
 * written before it, unless somebody it left behind goes on writing. */
#define DRAIN_MAX (1024 * 1024)
/* As a shell says it of a program that was found and could not be executed. */
#define EXIT_NOT_EXECUTABLE 126

enum source { SOURCE_SIGNALS, SOURCE_CONNECTION, SOURCE_TERMINAL, SOURCE_MASTER, SOURCE_COUNT };

struct session {
    int connection; /* borrowed */
    int signals;    /* owned */
    int master;     /* owned; of the command's terminal, -1 without */
    int peer;       /* owned; its other side, open so that a master without users is no error */
    struct task_terminal terminal;
    struct flow input;
    struct flow output;
    struct task_ending *ending; /* borrowed */
    bool is_over;
};

static void send_signal(const struct session *session, uint32_t signal)
{
    const struct task_signal text = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_SIGNAL}, .signal = signal};
    const struct unix_message message = {.data = &text, .size = sizeof(text)};

    /* A sandbox that is gone says so when it is read from. */
    (void)unix_message_send(session->connection, &message);
}

/* A window that is gone: the command's terminal hangs up as well. */
static void hang_up(struct session *session)
{
    cleanup_close(&session->master);
    cleanup_close(&session->peer);
    cleanup_close(&session->terminal.fd);
    session->terminal.is_raw = false;
}

static void enter(struct session *session)
{
    if (session->master < 0)
        return;
    task_terminal_enter(&session->terminal);
    task_terminal_copy_size(&session->terminal, session->master);
}

static void take_signal(struct session *session, const struct signalfd_siginfo *info)
{
    if (info->ssi_signo == SIGWINCH && session->master >= 0) {
        task_terminal_copy_size(&session->terminal, session->master);
        return;
    }
    if (info->ssi_signo == SIGCONT)
        enter(session);
    if (task_signals_is_forwarded(info))
        send_signal(session, info->ssi_signo);
}

/* True when one of those that end a program was among them. */
static bool on_signals(struct session *session)
{
    struct signalfd_siginfo info;
    bool is_ending = false;

    while (read(session->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        take_signal(session, &info);
        is_ending |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ||
                     info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT;
    }
    return is_ending;
}

/* A terminal that takes nothing any more keeps nobody here who is asked to go. */
static bool flush(struct session *session)
{
    while (flow_write(&session->output, session->terminal.fd) == -EAGAIN) {
        struct pollfd polls[] = {{.fd = session->terminal.fd, .events = POLLOUT},
                                 {.fd = session->signals, .events = POLLIN}};

        if (poll(polls, ARRAY_LENGTH(polls), -1) < 0 && errno != EINTR)
            return false;
        if (polls[1].revents != 0 && on_signals(session))
            return false;
    }
    return true;
}

/* Everything the command wrote, to the last byte: reading flushes what the kernel has queued. */
static void drain(struct session *session)
{
    size_t total = 0;
    int count = 1;

    while (flush(session) && session->master >= 0 && count > 0 && total < DRAIN_MAX) {
        count = flow_read(&session->output, session->master);
        total += count > 0 ? (size_t)count : 0;
    }
}

/* As a group only where the terminal would have stopped one. */
static void stop(struct session *session, int signal)
{
    bool is_group = session->terminal.is_raw;

    drain(session);
    task_terminal_leave(&session->terminal);
    task_signals_stop(signal, is_group);
    enter(session);
    send_signal(session, SIGCONT);
}

static void on_connection(struct session *session)
{
    struct task_ending *ending = session->ending;
    int fd = -1;
    int result = task_receive(session->connection, &ending->reply, &fd);

    cleanup_close(&fd);
    if (result == 0 && ending->reply.header.type == TASK_STOPPED) {
        stop(session, (int)ending->reply.signal);
        return;
    }
    if (result == 0 && ending->reply.header.type != TASK_EXITED)
        return;
    /* The end of its init is the end of a sandbox, and SIGKILL for all that was in it. */
    ending->is_lost = result < 0;
    ending->wait_status = result < 0 ? SIGKILL : (int)ending->reply.wait_status;
    session->is_over = true;
}

static void on_terminal(struct session *session, short events)
{
    int count = -EAGAIN;

    if ((events & POLLOUT) != 0)
        (void)flow_write(&session->output, session->terminal.fd);
    if ((events & POLLIN) != 0 && flow_is_empty(&session->input) && session->terminal.is_raw)
        count = flow_read(&session->input, session->terminal.fd);
    if ((events & POLLHUP) != 0 || count == 0)
        hang_up(session);
    else if (count == -EIO)
        session->terminal.is_raw = false; /* in the background by now: it is somebody else's */
}

static void on_master(struct session *session, short events)
{
    if ((events & POLLOUT) != 0)
        (void)flow_write(&session->input, session->master);
    if ((events & (POLLIN | POLLHUP)) != 0 && flow_is_empty(&session->output)) {
        int count = flow_read(&session->output, session->master);

        if (count > 0)
            (void)flow_write(&session->output, session->terminal.fd);
        else if (count != -EAGAIN)
            cleanup_close(&session->master); /* without a peer: nobody has it open any more */
    }
}

/* A side is only asked for what there is room for, and left out when that is nothing: a hang-up is
 * told unasked. */
static void set_interest(struct pollfd *poll, int fd, bool is_reading, bool is_writing)
{
    poll->events = (short)((is_reading ? POLLIN : 0) | (is_writing ? POLLOUT : 0));
    poll->fd = poll->events != 0 ? fd : -1;
}

static int wait_once(struct session *session)
{
    struct pollfd polls[SOURCE_COUNT] = {
        [SOURCE_SIGNALS] = {.fd = session->signals, .events = POLLIN},
        [SOURCE_CONNECTION] = {.fd = session->connection, .events = POLLIN},
    };
    bool may_read = flow_is_empty(&session->input) && session->terminal.is_raw;

    set_interest(&polls[SOURCE_TERMINAL], session->terminal.fd, may_read,
                 !flow_is_empty(&session->output));
    set_interest(&polls[SOURCE_MASTER], session->master, flow_is_empty(&session->output),
                 !flow_is_empty(&session->input));
    if (poll(polls, SOURCE_COUNT, -1) < 0)
        return errno == EINTR ? 0 : -errno;
    if (polls[SOURCE_SIGNALS].revents != 0)
        (void)on_signals(session);
    if (polls[SOURCE_TERMINAL].revents != 0)
        on_terminal(session, polls[SOURCE_TERMINAL].revents);
    if (polls[SOURCE_MASTER].revents != 0 && session->master >= 0)
        on_master(session, polls[SOURCE_MASTER].revents);
    if (polls[SOURCE_CONNECTION].revents != 0)
        on_connection(session);
    return 0;
}

/* A pipe's writer must be told when its reader closes it, and a reader when its last writer does.
 */
static void leave_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (isatty(fd) == 0)
            close(fd);
    }
}

static int begin(struct session *session)
{
    session->signals = task_signals_take();
    if (session->signals < 0)
        return session->signals;
    if (session->master >= 0) {
        (void)fd_set_nonblocking(session->master, true);
        session->peer = ioctl(session->master, TIOCGPTPEER, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        task_terminal_open(&session->terminal);
        enter(session);
    }
    leave_streams();
    return 0;
}

static int follow(struct session *session)
{
    int result = begin(session);

    while (result == 0 && !session->is_over)
        result = wait_once(session);
    if (result == 0)
        drain(session);
    task_terminal_close(&session->terminal);
    cleanup_close(&session->master);
    cleanup_close(&session->peer);
    cleanup_close(&session->signals);
    return result;
}

static bool is_refusal(uint32_t type)
{
    return type == TASK_DENIED || type == TASK_FAILED || type == TASK_ERROR;
}

int task_session_run(int connection, struct task_ending *ending, struct error *err)
{
    struct session session = {.connection = connection,
                              .signals = -1,
                              .master = -1,
                              .peer = -1,
                              .terminal = {.fd = -1},
                              .ending = ending};
    int result = task_receive(connection, &ending->reply, &session.master);

    *ending = (struct task_ending){.reply = ending->reply};
    if (result < 0)
        return error_set(err, EPROTO,
                         result == -ECONNRESET
                             ? "the task runner was ended before it answered; what it was asked to "
                               "run may have been started, and was ended with it"
                             : "the task runner speaks another version of the protocol");
    if (is_refusal(ending->reply.header.type)) {
        cleanup_close(&session.master);
        return 0;
    }
    if (ending->reply.header.type != TASK_STARTED)
        return error_set(err, EPROTO, "the task runner answered out of turn");
    ending->has_run = true;
    result = follow(&session);
    return result < 0 ? error_set(err, -result, "follow the command") : 0;
}

int task_session_refusal_code(const struct task_reply *reply)
{
    return reply->header.type == TASK_ERROR ? EXIT_NOT_EXECUTABLE : (int)reply->code;
}

/* What the policy says to whoever asked stands alone on its line. */
int task_session_refuse(const struct task_reply *reply)
{
    if (reply->header.type == TASK_ERROR) {
        diagnostic_say(reply->text, NULL);
    } else {
        fd_write_text(STDERR_FILENO, reply->text);
        fd_write_text(STDERR_FILENO, "\n");
    }
    return task_session_refusal_code(reply);
}

void task_session_end(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        task_signals_die(WTERMSIG(wait_status));
    _exit(WEXITSTATUS(wait_status));
}

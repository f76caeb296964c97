/* agent-init: PID 1 of a container. Boots, supervises, stops in order; or is a plain init for one
 * command. */
#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "init/agent-init/init.h"
#include "lib/base/capability.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"
#include "lib/base/wait_limit.h"

#define DEFAULT_GRACE_MS 8000
#define GRACE_SECONDS_MAX 86400

static const char usage[] =
    "Usage: agent-init [--stop-grace SECONDS] [--] COMMAND [ARGUMENT]...\n"
    "  or:  agent-init --boot[=PROGRAM] [--stop-grace SECONDS] [--] [ARGUMENT]...\n"
    "Be PID 1 of a container: reap, forward signals, stop everything in order.\n"
    "\n"
    "      --boot[=PROGRAM]      start PROGRAM (" INIT_BOOT_PROGRAM ")\n"
    "                            with the ARGUMENTs and supervise the services it names\n"
    "      --stop-grace SECONDS  let stopping take at most this long (8)\n"
    "      --help                print this and exit\n"
    "      --version             print the version and exit\n";

/* Before anything else: a TERM that comes while we start waits for the loop. */
static void take_signals(sigset_t *all)
{
    memset(all, 0xff,
           sizeof(*all)); /* sigfillset leaves out the signals that musl keeps for itself */
    sigprocmask(SIG_SETMASK, all, NULL);
    /* Inherited SIG_IGN would be inherited on, and for SIGCHLD would lose every exit code. */
    sys_reset_signal_dispositions();
}

/* Seconds as milliseconds; -1 for what is not a number of them. */
static int64_t parse_grace(const char *text)
{
    char *end = NULL;
    long seconds = text != NULL && *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
    return seconds < 0 || *end != '\0' || seconds > GRACE_SECONDS_MAX ? -1 : seconds * 1000;
}

/* Never returns when there is nothing more to do than to say something. */
static void leave(const char *text)
{
    fd_write_text(STDOUT_FILENO, text);
    _exit(0);
}

static void refuse(const char *what, const char *argument)
{
    diagnostic_say(what, argument, "; see agent-init --help", NULL);
    _exit(EXIT_INIT_USAGE);
}

/* Reads the options into INIT. The arguments that follow them. */
static char **parse_options(struct init *init, char **argument)
{
    int64_t grace = DEFAULT_GRACE_MS;
    while (*argument != NULL && strncmp(*argument, "-", 1) == 0) {
        const char *option = *argument++;
        if (strcmp(option, "--") == 0)
            break;
        if (strcmp(option, "--help") == 0)
            leave(usage);
        if (strcmp(option, "--version") == 0)
            leave("agent-init " CODING_AGENTS_VERSION "\n");
        if (strncmp(option, "--boot", 6) == 0 && (option[6] == '\0' || option[6] == '='))
            init->boot_program = option[6] == '=' ? option + 7 : INIT_BOOT_PROGRAM;
        else if (strcmp(option, "--stop-grace") == 0)
            grace = parse_grace(*argument != NULL ? *argument++ : NULL);
        else if (strncmp(option, "--stop-grace=", 13) == 0)
            grace = parse_grace(option + 13);
        else
            refuse("unknown option ", option);
        if (grace < 0)
            refuse("--stop-grace takes a number of seconds up to 86400", "");
    }
    init->grace_ms = (uint32_t)grace;
    return argument;
}

static void begin_plain(struct init *init, char **command)
{
    if (!init->is_pid1) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        diagnostic_say("not PID 1; reaping and stopping only what is started here", NULL);
    }
    init->state = INIT_SESSION_RUNNING;
    init->main = &init->services[0];
    init->service_count = 1;
    service_reset(init->main);
    init->main->init = init;
    init->main->row.flags = INIT_SERVICE_MAIN | INIT_SERVICE_TTY;
    memcpy(init->main->row.name, "main", sizeof("main"));
    init->main->arguments = (const char *const *)command;
}

/* From the first child on PID 1 itself needs KILL only; its children get theirs back by exec. */
static void drop_effective(void)
{
    struct capability_sets sets;
    int result = capability_get(&sets);
    if (result == 0)
        result = capability_set_effective(sets.permitted & CAPABILITY_BIT(CAP_KILL));
    if (result < 0)
        diagnostic_say("cannot drop the effective capabilities", NULL);
}

static void begin_boot(struct init *init, char **arguments)
{
    drop_effective();
    /* What an engine left open is for nobody: a child gets what it is given. */
    sys_close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    init->boot_arguments = (const char *const *)arguments;
    control_open(init);
    events_record(init, INIT_EVENT_BOOT_STARTED, "", 0);
    program_start(init, INIT_PROGRAM_BOOT);
}

/* Everything the loop stands on. 0 or -errno. */
static int open_loop(struct init *init, const sigset_t *signals)
{
    int result = event_loop_open(&init->loop, init->sources, INIT_SOURCES_MAX, init->timers,
                                 INIT_TIMER_COUNT);
    if (result < 0)
        return result;
    (void)wait_limit_open(true); /* EAGAIN: a limit of pending signals; better that than no init */
    sigprocmask(SIG_SETMASK, signals, NULL); /* musl lets its own through with the first handler */
    init->signal_fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (init->signal_fd < 0)
        return -errno;
    return event_loop_add(&init->loop, init->signal_fd, EPOLLIN, session_on_signal, init);
}

static void run(struct init *init)
{
    while (init->state != INIT_SESSION_DONE) {
        bool has_more = reap_children(init);
        supervisor_settle(init);
        session_settle(init);
        control_settle(init);
        if (init->state != INIT_SESSION_DONE &&
            event_loop_run_once(&init->loop, has_more ? 0 : -1) < 0)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); /* no memory; never spin */
    }
    /* A child that a signal named may have been the last, and who follows is owed the end. */
    control_settle(init);
}

int main(int argc, char **argv)
{
    static struct init init;
    sigset_t signals;
    take_signals(&signals);
    fd_ensure_standard(); /* without /dev there is nothing to ensure it with */
    init.is_pid1 = getpid() == 1;
    init.started_ns = clock_monotonic_ns();
    init.boot_fd = init.control_fd = init.channel_fd = init.pending_program = -1;
    for (int i = 0; i < INIT_PROGRAM_COUNT; i++)
        init.programs[i] = CHILD_NONE;
    char **arguments = parse_options(&init, argc > 0 ? argv + 1 : argv);
    if (init.boot_program == NULL && *arguments == NULL)
        refuse("no command to run", "");
    if (argc > INIT_STRINGS_SIZE)
        refuse("too many arguments", "");
    if (init.boot_program != NULL && !init.is_pid1) {
        diagnostic_say("--boot works only as PID 1 of a container: start it without another init "
                       "(docker run --init) and without the host's process namespace",
                       NULL);
        return EXIT_INIT_NOT_PID1;
    }
    int result = open_loop(&init, &signals);
    if (result < 0) {
        diagnostic_say("cannot start: ", strerror(-result), NULL);
        return init.boot_program != NULL ? EXIT_BOOT_INTERNAL : 126;
    }
    if (init.boot_program != NULL)
        begin_boot(&init, arguments);
    else
        begin_plain(&init, arguments);
    run(&init);
    _exit(session_exit_code(&init.outcome));
}

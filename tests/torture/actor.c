/* What the inits under torture run: `actor MODE [ARGUMENT]...`, this file the lone processes. */
#include "tests/torture/actor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define SIGNALS 64

void say(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    line[size] = '\n';
    (void)!write(STDOUT_FILENO, line, (size_t)size + 1);
}

int number_of(char **arguments)
{
    return arguments[0] == NULL ? 0 : (int)strtol(arguments[0], NULL, 10);
}

void wait_for_ever(void)
{
    for (;;)
        pause();
}

static volatile sig_atomic_t exit_code;

static void clean_up(int signal)
{
    (void)signal;
    struct timespec while_cleaning = {.tv_nsec = 100000000};
    while (nanosleep(&while_cleaning, &while_cleaning) < 0)
        ;
    (void)!write(STDOUT_FILENO, "clean\n", 6);
    _exit(exit_code);
}

void live_cleanly(int code)
{
    struct sigaction action = {.sa_handler = clean_up};
    sigfillset(&action.sa_mask);
    exit_code = code;
    sigaction(SIGTERM, &action, NULL);
    say("up");
    wait_for_ever();
}

void live_stubbornly(void)
{
    for (int signal = 1; signal <= SIGNALS; signal++)
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    say("up");
    wait_for_ever();
}

static int run_exit(char **arguments)
{
    return number_of(arguments);
}

/* By a signal; those that end nobody are told by the code. */
static int run_die(char **arguments)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    kill(getpid(), number_of(arguments));
    return ACTOR_NO;
}

static int run_wait(char **arguments)
{
    (void)arguments;
    say("up");
    wait_for_ever();
}

static int run_clean(char **arguments)
{
    live_cleanly(number_of(arguments));
}

static int run_stubborn(char **arguments)
{
    (void)arguments;
    live_stubbornly();
}

static int run_stopped(char **arguments)
{
    struct sigaction action = {.sa_handler = clean_up};
    exit_code = number_of(arguments);
    sigaction(SIGTERM, &action, NULL);
    say("up");
    raise(SIGSTOP);
    wait_for_ever();
}

static void count_mark(int signal)
{
    static volatile sig_atomic_t has_mark;
    (void)signal;
    if (has_mark)
        _exit(ACTOR_NO);
    has_mark = 1;
    (void)!write(STDOUT_FILENO, "marked\n", 7);
}

/* A TERM ends it by default; the second mark, which comes after every TERM, says there was none. */
static int run_marked(char **arguments)
{
    (void)arguments;
    sigaction(SIGIO, &(struct sigaction){.sa_handler = count_mark}, NULL);
    say("up");
    wait_for_ever();
}

/* listen CODE [quietly]: says each signal as it comes; at SIGIO or the last one how often each
 * came, and ends with CODE. */
static int run_listen(char **arguments)
{
    static int counts[SIGNALS + 1];
    bool is_quiet = arguments[0] != NULL && arguments[1] != NULL;
    sigset_t all;
    memset(&all, 0xff, sizeof(all)); /* musl's sigfillset leaves out what it keeps for itself */
    sigprocmask(SIG_SETMASK, &all, NULL);
    int fd = signalfd(-1, &all, SFD_CLOEXEC);
    struct signalfd_siginfo info = {.ssi_signo = 0};
    say("up");
    while (info.ssi_signo != SIGIO && info.ssi_signo != SIGNALS &&
           read(fd, &info, sizeof(info)) == sizeof(info)) {
        counts[info.ssi_signo]++;
        if (!is_quiet)
            say("got %u", info.ssi_signo);
    }
    for (int signal = 1; signal <= SIGNALS; signal++) {
        if (counts[signal] > 0)
            say("count %d %d", signal, counts[signal]);
    }
    return number_of(arguments);
}

static const struct actor_mode lone[] = {
    {"exit", run_exit},       {"die", run_die},       {"wait", run_wait},
    {"clean", run_clean},     {"listen", run_listen}, {"stubborn", run_stubborn},
    {"stopped", run_stopped}, {"marked", run_marked}, {NULL, NULL},
};

static const struct actor_mode *find(const struct actor_mode *modes, const char *name)
{
    while (modes->name != NULL && strcmp(modes->name, name) != 0)
        modes++;
    return modes->name == NULL ? NULL : modes;
}

int main(int argc, char **argv)
{
    const struct actor_mode *const tables[] = {lone, actor_families, actor_probes, actor_inits};
    for (size_t i = 0; argc > 1 && i < sizeof(tables) / sizeof(tables[0]); i++) {
        const struct actor_mode *mode = find(tables[i], argv[1]);
        if (mode != NULL)
            return mode->run(argv + 2);
    }
    return 2;
}

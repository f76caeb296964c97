/* Stands between the user's terminal and a program's own: keys in, size in, a filtered screen out.
 */
#include "lib/host/terminal_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/base/syscalls.h"
#include "lib/host/ask_banner.h"
#include "lib/host/screen_filter.h"

#define CHUNK 16384
#define KEYS 1024
/* The program inside must have seen one size before it is told another. */
#define NUDGE_MS 300

struct pump {
    int master;      /* owned */
    int resizes;     /* owned; signalfd of SIGWINCH */
    int pidfd;       /* owned */
    int keys_from;   /* -1 once our terminal is gone */
    char keys[KEYS]; /* typed, and not taken yet */
    size_t key_count;
    struct screen_filter filter;
    struct ask_banner *asks; /* borrowed */
    bool is_nudged;          /* the program was told of one line less, to draw its last line anew */
};

static void copy_size(int to)
{
    struct winsize size;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        (void)ioctl(to, TIOCSWINSZ, &size);
}

/* The pair, the program's end with the settings of ours. */
static int open_pair(struct pump *pump, int *slave)
{
    char path[64];
    struct termios settings;
    pump->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pump->master < 0 || grantpt(pump->master) < 0 || unlockpt(pump->master) < 0 ||
        ptsname_r(pump->master, path, sizeof(path)) != 0)
        return -errno;
    *slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0 || fcntl(pump->master, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    if (tcgetattr(STDIN_FILENO, &settings) == 0)
        (void)tcsetattr(*slave, TCSANOW, &settings);
    copy_size(*slave);
    return 0;
}

/* In the child: the kernel tells a change of size to who has the terminal as its own. */
static int own_terminal(void *context)
{
    (void)context;
    return setsid() < 0 || ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

static int start(struct pump *pump, const char *const *argv, struct error *err)
{
    cleanup_fd int slave = -1;
    pid_t pid;
    int status = open_pair(pump, &slave);
    if (status < 0)
        return error_set(err, -status, "make a terminal for %s", argv[0]);
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = slave,
                                      .standard_output = slave,
                                      .standard_error = slave,
                                      .prepare = own_terminal};
    return process_start(&spec, &pid, &pump->pidfd, err);
}

static void detach(struct pump *pump)
{
    (void)sys_pidfd_send_signal(pump->pidfd, SIGTERM, 0);
}

/* Shows what the program has drawn. False when there is no more. */
static bool show(struct pump *pump)
{
    char input[CHUNK];
    char output[CHUNK + SCREEN_FILTER_SEQUENCE];
    ssize_t count = read(pump->master, input, sizeof(input));
    if (count <= 0)
        return count < 0 && errno == EINTR;
    size_t size = screen_filter_run(&pump->filter, input, (size_t)count, output);
    /* A terminal that is gone is noticed by what is typed there. */
    (void)fd_write_all(STDOUT_FILENO, output, size);
    return true;
}

static void write_banner(struct pump *pump)
{
    char output[ASK_BANNER_SIZE];
    struct winsize size;
    if (pump->filter.state != SCREEN_FILTER_GROUND || !pump->filter.is_alternate ||
        ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
        return;
    (void)fd_write_all(STDOUT_FILENO, output, ask_banner_draw(pump->asks, &size, output));
}

/* What was drawn over is drawn again by who knows what it was: at a change of its size. */
static void uncover(struct pump *pump)
{
    struct winsize size;
    if (ask_banner_is_shown(pump->asks) || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 ||
        size.ws_row < 2)
        return;
    size.ws_row--;
    pump->is_nudged = ioctl(pump->master, TIOCSWINSZ, &size) == 0;
}

static void show_more(struct pump *pump)
{
    if (show(pump) && ask_banner_go_on(pump->asks))
        uncover(pump);
}

static void take_keys(struct pump *pump)
{
    ssize_t count = read(pump->keys_from, pump->keys, sizeof(pump->keys));
    if (count > 0)
        pump->key_count = (size_t)count;
    if (count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN)))
        return;
    pump->keys_from = -1;
    detach(pump);
}

static void pass_keys(struct pump *pump)
{
    ssize_t count = write(pump->master, pump->keys, pump->key_count);
    if (count <= 0)
        return;
    pump->key_count -= (size_t)count;
    memmove(pump->keys, pump->keys + count, pump->key_count);
}

static void take_signals(struct pump *pump, int signals)
{
    struct signalfd_siginfo info;
    if (read(pump->resizes, &info, sizeof(info)) > 0)
        copy_size(pump->master);
    if (read(signals, &info, sizeof(info)) > 0 && info.ssi_signo != SIGINT)
        detach(pump);
}

static void end_nudge(struct pump *pump)
{
    pump->is_nudged = false;
    copy_size(pump->master);
}

static void run(struct pump *pump, int signals)
{
    bool has_ended = false;
    while (!has_ended) {
        bool has_keys = pump->key_count > 0;
        struct pollfd polls[] = {
            {.fd = pump->master, .events = has_keys ? POLLIN | POLLOUT : POLLIN},
            {.fd = has_keys ? -1 : pump->keys_from, .events = POLLIN},
            {.fd = pump->pidfd, .events = POLLIN},
            {.fd = signals, .events = POLLIN},
            {.fd = pump->resizes, .events = POLLIN},
            {.fd = pump->asks->client.fd, .events = POLLIN},
        };
        int count = poll(polls, ARRAY_LENGTH(polls), pump->is_nudged ? NUDGE_MS : -1);
        if (count < 0 && errno != EINTR)
            break;
        if (count == 0)
            end_nudge(pump);
        has_ended = polls[2].revents != 0;
        if ((polls[0].revents & POLLIN) != 0)
            show_more(pump);
        if ((polls[0].revents & POLLOUT) != 0)
            pass_keys(pump);
        if (polls[1].revents != 0)
            take_keys(pump);
        take_signals(pump, signals);
        if (polls[5].revents != 0 && ask_banner_hear(pump->asks))
            uncover(pump);
        write_banner(pump);
    }
    while (show(pump))
        ;
}

/* Runs the loop with our terminal raw. */
static void run_raw(struct pump *pump, int signals)
{
    char reset[SCREEN_FILTER_RESET_SIZE];
    struct termios settings;
    bool has_settings = tcgetattr(STDIN_FILENO, &settings) == 0;
    struct termios raw = settings;
    cfmakeraw(&raw);
    if (has_settings)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    run(pump, signals);
    (void)fd_write_all(STDOUT_FILENO, reset, screen_filter_finish(&pump->filter, reset));
    if (has_settings)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
}

int terminal_pump_run(const char *const *argv, const struct terminal_pump_sources *sources,
                      int *wait_status, struct error *err)
{
    struct pump pump = {
        .master = -1, .resizes = -1, .pidfd = -1, .keys_from = STDIN_FILENO, .asks = sources->asks};
    sigset_t resize;
    sigset_t before;
    sigemptyset(&resize);
    sigaddset(&resize, SIGWINCH);
    sigprocmask(SIG_BLOCK, &resize, &before);
    pump.resizes = signalfd(-1, &resize, SFD_CLOEXEC | SFD_NONBLOCK);
    int status = pump.resizes < 0 ? error_set(err, errno, "watch the size of the terminal")
                                  : start(&pump, argv, err);
    if (status == 0) {
        run_raw(&pump, sources->signals);
        close(steal_fd(&pump.master));
        status = process_wait(pump.pidfd, 0, wait_status);
        if (status < 0)
            error_set(err, -status, "wait for %s", argv[0]);
    }
    cleanup_close(&pump.master);
    cleanup_close(&pump.resizes);
    cleanup_close(&pump.pidfd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

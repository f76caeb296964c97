/* An init whose stdin is a terminal, as with `docker run -it`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tests/torture/torture.h"

#define CTRL_C "\003"
#define CTRL_Z "\032"

static void type(const char *text)
{
    if (write(terminal_fd(), text, strlen(text)) != (ssize_t)strlen(text))
        broken("terminal");
}

static void hand_over(void)
{
    start(&(struct setting){.command = COMMAND("foreground"), .has_terminal = true});
    expect_exit(42);
    pass();
}

/* SIGNAL comes, and comes once. A group gets it all at once, so an init that is in main's has its
 * own by now, and would pass it on before the later IO. */
static void expect_one(int signal)
{
    char text[32];
    snprintf(text, sizeof(text), "got %d", signal);
    expect_line(text, "none comes");
    signal_init(SIGIO);
    snprintf(text, sizeof(text), "count %d ", signal);
    const char *count = expect_line(text, "none comes");
    if (strcmp(count, "1") != 0)
        fail("comes %s times", count);
}

static void interrupt(void)
{
    start(&(struct setting){.command = COMMAND("listen", "42"), .has_terminal = true});
    expect_line("up", "no main");
    type(CTRL_C);
    expect_one(SIGINT);
    expect_exit(42);
    pass();
}

static void resize(void)
{
    struct winsize size = {.ws_row = 40, .ws_col = 100};
    start(&(struct setting){.command = COMMAND("listen", "42"), .has_terminal = true});
    expect_line("up", "no main");
    if (ioctl(terminal_fd(), TIOCSWINSZ, &size) < 0)
        broken("TIOCSWINSZ");
    expect_one(SIGWINCH);
    expect_exit(42);
    pass();
}

/* ^Z stops nobody in a group that has no parent in another one of its session: setpgid(2). */
static bool is_stoppable(pid_t pid)
{
    return getpgid(pid) != getpgid(init_pid()) && getsid(pid) == getsid(init_pid());
}

/* Nobody is there to say `fg`; the container must still end when it is told to. */
static void suspend(void)
{
    start(&(struct setting){.command = COMMAND("wait"), .has_terminal = true, .grace = "3600"});
    expect_line("up", "no main");
    type(CTRL_Z);
    if (is_stoppable(main_pid()))
        expect_state(main_pid(), 'T', "^Z stops nothing");
    signal_init(SIGTERM);
    expect_exit(128 + SIGTERM);
    pass();
}

static void talk_to_terminal(void)
{
    dup2(STDIN_FILENO, STDERR_FILENO);
}

/* Whoever writes from the background is stopped, but PID 1 must not be; what it says arrives. */
static void background(void)
{
    struct termios mode;
    char text[256] = "";
    start(&(struct setting){.command = COMMAND("stubborn"),
                            .has_terminal = true,
                            .grace = "1",
                            .is_held = true,
                            .prepare = talk_to_terminal});
    if (tcgetattr(terminal_fd(), &mode) < 0)
        broken("tcgetattr");
    mode.c_lflag |= TOSTOP;
    if (tcsetattr(terminal_fd(), TCSANOW, &mode) < 0)
        broken("tcsetattr");
    release();
    expect_line("up", "no main");
    signal_init(SIGTERM);
    expect_exit(128 + SIGKILL);
    if (read(terminal_fd(), text, sizeof(text) - 1) <= 0 || strstr(text, "killing") == NULL)
        fail("says nothing");
    pass();
}

/* clang-format off */
const struct item terminal_items[] = {
    {"terminal: main has the foreground", hand_over, .bad = "exit 1"},
    {"terminal: ^C reaches main once", interrupt, .bad = "none comes"},
    {"terminal: a new size reaches main once", resize, .bad = "none comes"},
    {"terminal: TERM after ^Z", suspend, .fails = BIT(TINI) | BIT(CATATONIT)},
    {"terminal: TOSTOP, and something to say", background, .fails = PEERS},
    {.name = NULL},
};
/* clang-format on */

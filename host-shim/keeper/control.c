/* Listens to the launcher: "ADVICE TEXT", "STARTED", "ABANDON [WHY]", or its end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"

/* A launcher that died may have started the container just before: this long one is looked for. */
#define ABSENCE_MS 60000

void control_say(struct keeper *keeper, const char *format, ...)
{
    char text[KEEPER_LINE_SIZE];
    va_list arguments;
    if (keeper->control_fd < 0)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* The launcher reads lines as they come; one that does not is not waited for. */
    (void)send(keeper->control_fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_absence(void *context)
{
    ending_abandon(context, "the launcher ended and no container appeared");
}

static void on_launcher_gone(struct keeper *keeper)
{
    event_loop_remove(&keeper->loop, keeper->control_source);
    cleanup_close(&keeper->control_fd);
    if (keeper->ending.was_seen || keeper->phase > KEEPER_WATCHING)
        return;
    if (keeper->phase == KEEPER_WAITING) {
        /* It says that it starts the container before it does. */
        keeper->ending.exit_code = EXIT_START;
        ending_abandon(keeper, "the launcher ended before that");
        return;
    }
    watch_start(keeper);
    event_loop_set_timer(&keeper->loop, KEEPER_TIMER_ABSENCE,
                         clock_monotonic_ns() + ABSENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND,
                         on_absence, keeper);
}

static void on_line(struct keeper *keeper, const char *line)
{
    static const char abandon[] = "ABANDON";
    static const char advice[] = "ADVICE ";
    if (strcmp(line, "STARTED") == 0) {
        watch_start(keeper);
    } else if (strncmp(line, advice, sizeof(advice) - 1) == 0) {
        snprintf(keeper->ending.advice, sizeof(keeper->ending.advice), "%s",
                 line + sizeof(advice) - 1);
    } else if (strncmp(line, abandon, sizeof(abandon) - 1) == 0) {
        const char *reason = line + sizeof(abandon) - 1;
        ending_abandon(keeper, reason[0] == ' ' ? reason + 1 : "the launcher gave up");
    } else {
        log_note("the launcher said '%.60s', which is not known", line);
    }
}

static void split_lines(struct keeper *keeper)
{
    char *start = keeper->control_line;
    char *end = keeper->control_line + keeper->control_used;
    for (char *newline = memchr(start, '\n', (size_t)(end - start)); newline != NULL;
         newline = memchr(start, '\n', (size_t)(end - start))) {
        *newline = '\0';
        on_line(keeper, start);
        start = newline + 1;
    }
    keeper->control_used = (size_t)(end - start);
    memmove(keeper->control_line, start, keeper->control_used);
}

static void on_control(void *context, uint32_t events)
{
    (void)events;
    struct keeper *keeper = context;
    ssize_t count = recv(keeper->control_fd, keeper->control_line + keeper->control_used,
                         sizeof(keeper->control_line) - keeper->control_used, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        /* Also for a line that fills the buffer: no launcher of ours writes one. */
        on_launcher_gone(keeper);
        return;
    }
    keeper->control_used += (size_t)count;
    split_lines(keeper);
}

int control_watch(struct keeper *keeper)
{
    int source = event_loop_add(&keeper->loop, keeper->control_fd, EPOLLIN, on_control, keeper);
    if (source < 0)
        return source;
    keeper->control_source = source;
    return 0;
}

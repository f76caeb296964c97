/* Bounded lines for people, written without waiting. */
#include "lib/base/diagnostic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Less than PIPE_BUF, so that a line in a pipe stays in one piece. */
#define DIAGNOSTIC_SIZE 1024

/*
 * A description of our own for the pipe or terminal behind stderr, for O_NONBLOCK on fd 2 would be
 * seen by everybody who shares it. Opened with the first line; -1: could not be.
 */
static int open_output(void)
{
    static int output = -2;
    if (output == -2)
        output = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return output;
}

static void write_line(const char *line, size_t size)
{
    struct stat status;
    if (send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != ENOTSOCK)
        return;
    /* A file never stalls a writer, and a description of our own would start at its beginning. */
    int output = STDERR_FILENO;
    if (fstat(STDERR_FILENO, &status) == 0 && !S_ISREG(status.st_mode))
        output = open_output();
    if (output < 0) {
        /* No /proc: the room that poll sees can only be taken by somebody else writing just now. */
        struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
        if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
            return;
        output = STDERR_FILENO;
    }
    if (write(output, line, size) < 0)
        return; /* full, closed or gone: there is nobody left to tell */
}

static size_t append(char *line, size_t used, const char *text)
{
    for (; *text != '\0' && used < DIAGNOSTIC_SIZE - 1; text++)
        line[used++] = (char)((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
    return used;
}

void diagnostic_say(const char *first, ...)
{
    char line[DIAGNOSTIC_SIZE];
    size_t used = append(line, 0, program_invocation_short_name);
    used = append(line, used, ": ");
    va_list rest;
    va_start(rest, first);
    for (const char *text = first; text != NULL; text = va_arg(rest, const char *))
        used = append(line, used, text);
    va_end(rest);
    line[used++] = '\n';
    write_line(line, used);
}

void diagnostic_print(const char *format, ...)
{
    char text[PIPE_BUF];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof(text)) {
        length = sizeof(text) - 1;
        text[length - 1] = '\n';
    }
    if (length > 0)
        write_line(text, (size_t)length);
}

char *diagnostic_number(char text[DIAGNOSTIC_NUMBER_SIZE], uint64_t number)
{
    char *digit = text + DIAGNOSTIC_NUMBER_SIZE - 1;
    *digit = '\0';
    do
        *--digit = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return digit;
}

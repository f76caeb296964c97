/* Errors by value: formatting, and adding context on the way up. */
#include "lib/base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Macros of the same names help analysers: error.h. */
#undef error_set
#undef error_prefix

static bool is_told_by_message(int number)
{
    return number == 0 || number == EPROTO || number == EINVAL;
}

/* Puts ": TEXT" behind the USED bytes that vsnprintf reported, cut to what fits. */
static void append(struct error *err, int used, const char *text)
{
    size_t room = sizeof(err->message) - 1;
    size_t at = used < 0 ? 0 : (size_t)used;
    if (at + 2 >= room)
        return;
    size_t length = strlen(text);
    if (length > room - at - 2)
        length = room - at - 2;
    memcpy(err->message + at, ": ", 2);
    memcpy(err->message + at + 2, text, length);
    err->message[at + 2 + length] = '\0';
}

int error_set(struct error *err, int number, const char *format, ...)
{
    if (err != NULL) {
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(err->message, sizeof(err->message), format, arguments);
        va_end(arguments);
        err->number = number;
        if (!is_told_by_message(number))
            append(err, length, strerror(number));
    }
    return number == 0 ? -EINVAL : -number;
}

int error_prefix(struct error *err, const char *format, ...)
{
    if (err == NULL)
        return -EINVAL;
    char rest[ERROR_MESSAGE_SIZE];
    memcpy(rest, err->message, sizeof(rest));
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    append(err, length, rest);
    return err->number == 0 ? -EINVAL : -err->number;
}

const char *error_text(const struct error *err)
{
    return err == NULL || err->message[0] == '\0' ? "unknown error" : err->message;
}

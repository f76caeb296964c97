/* An error as a value: what failed, and what was being done, in one sentence. No allocation. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

/* Longest message kept, in bytes with the terminator; longer ones are cut. */
#define ERROR_MESSAGE_SIZE 1024

struct error {
    int number; /* errno value, positive; 0 when nothing failed */
    char message[ERROR_MESSAGE_SIZE];
};

#define ERROR_INITIALIZER             \
    {                                 \
        .number = 0, .message = { 0 } \
    }

/*
 * Records a failure. NUMBER is a positive errno value. When it is not EPROTO, EINVAL or 0 the text
 * of strerror is appended ("open '/x': No such file or directory"); for those three the format says
 * it all. ERR may be NULL. Returns -NUMBER (or -EINVAL for NUMBER 0), so that callers write `return
 * error_set(...)`.
 */
int error_set(struct error *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts what the caller was doing before the message: "FORMAT: message". ERR may be NULL. Returns
 * -err->number. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef STATIC_ANALYSIS
/* An analyser sees one file at a time, so it is told here that a recorded failure is never 0. */
static inline int error_is_negative(int result)
{
    if (result >= 0)
        __builtin_unreachable();
    return result;
}
#define error_set(...) error_is_negative(error_set(__VA_ARGS__))
#define error_prefix(...) error_is_negative(error_prefix(__VA_ARGS__))
#endif

/* The message of ERR (borrowed), or a generic text when it is empty. Never NULL. */
const char *error_text(const struct error *err);

#endif

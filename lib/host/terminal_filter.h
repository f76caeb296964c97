/* A stream of a session's output, made harmless for the terminal it is shown on. */
#ifndef HOST_TERMINAL_FILTER_H
#define HOST_TERMINAL_FILTER_H

#include <stddef.h>

/* The longest sequence that has to be seen whole: a colour, or a character of UTF-8. */
#define TERMINAL_FILTER_PENDING 32

struct terminal_filter {
    unsigned char pending[TERMINAL_FILTER_PENDING];
    size_t pending_size;
};

/* Most bytes that SIZE bytes of input can become, with what was pending. */
#define TERMINAL_FILTER_OUTPUT(size) (((size) + TERMINAL_FILTER_PENDING) * 4)

/*
 * Filters SIZE bytes at INPUT into OUTPUT, which has room for TERMINAL_FILTER_OUTPUT(SIZE). Text,
 * line ends, tabs, carriage returns and colours (CSI ... m) pass; every other control becomes \xNN.
 * Returns the bytes written. A sequence that is not complete yet is kept for the next call.
 */
size_t terminal_filter_run(struct terminal_filter *filter, const void *input, size_t size,
                           char *output);

/* At the end of the stream: what is still pending, escaped. Returns the bytes written. */
size_t terminal_filter_finish(struct terminal_filter *filter, char *output);

#endif

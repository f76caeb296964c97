/* Output of a session on its way to our own streams: filtered for a terminal, exact for the rest.
 */
#ifndef HOST_TERMINAL_OUTPUT_H
#define HOST_TERMINAL_OUTPUT_H

#include "lib/base/error.h"

struct terminal_output {
    int fd;     /* what a program gets as its stream */
    int filter; /* owned; pidfd of the process that filters, which FD leads to; -1: FD is the target
                 */
};

/*
 * A way to TO (borrowed): TO itself, unless it is a terminal. Then a process of its own filters
 * what is written to output->fd (terminal_filter.h), so that nobody has to read while he waits. 0
 * or -errno.
 */
int terminal_output_open(struct terminal_output *output, int to, struct error *err);

/* The same for stdout and stderr: where both are one terminal, one filter keeps their order. */
int terminal_output_open_both(struct terminal_output outputs[2], struct error *err);

/* Once the writers have ended: waits until everything is shown. Fine for one that was never opened
 * and has -1 as both members. */
void terminal_output_close(struct terminal_output *output);
void terminal_output_close_both(struct terminal_output outputs[2]);

#endif

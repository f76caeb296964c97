/* A program that wants a terminal and may not have the user's: it gets one of its own. */
#ifndef HOST_TERMINAL_PUMP_H
#define HOST_TERMINAL_PUMP_H

#include "lib/base/error.h"
#include "lib/host/ask_banner.h"

/* What the program's terminal listens to beside keys. Borrowed. */
struct terminal_pump_sources {
    int signals;             /* a signalfd of signals_hold */
    struct ask_banner *asks; /* shown in the last line */
};

/*
 * Runs ARGV (borrowed, NULL-terminated) on a new pseudo-terminal that has the size of ours, passes
 * keys in and its screen out (screen_filter.h) until it has ended. A signal that ends programs,
 * and a terminal that hangs up, end the program with SIGTERM. Our terminal has its old settings
 * afterwards. 0 with *WAIT_STATUS, or -errno.
 */
int terminal_pump_run(const char *const *argv, const struct terminal_pump_sources *sources,
                      int *wait_status, struct error *err);

#endif

/* Blocks the signals that end a program, and makes them readable. */
#include "lib/host/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

int signals_hold(struct error *err)
{
    sigset_t held;
    /* Whoever read our words may be gone, as in `... | tee` after ^C; the work is still to be
     * seen to. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &held, NULL) < 0)
        return error_set(err, errno, "hold signals back");
    int signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    return signals < 0 ? error_set(err, errno, "watch signals") : signals;
}

/* Signals that ask a program to end, kept until it wants to hear of them. */
#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

#include "lib/base/error.h"

/* Holds INT, TERM and HUP back from now on. A signalfd that tells of them (owned, never blocks), or
 * -errno. */
int signals_hold(struct error *err);

#endif

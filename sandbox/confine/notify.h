/* Readiness: lib/wire/init_protocol.h, INIT_SERVICE_READY_FD. */
#ifndef CONFINE_NOTIFY_H
#define CONFINE_NOTIFY_H

#include "lib/base/error.h"

/* The descriptor in $NOTIFY_FD, open and above 2; -1 when there is none. -EINVAL when it is not
 * one. */
int notify_find(int *fd, struct error *err);

/* Writes READY=1 to FD and closes it; -1 is fine. */
void notify_ready(int fd);

#endif

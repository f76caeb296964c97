/* What the task runner tells PID 1, which started it, and what PID 1 kept for it:
 * lib/wire/init_protocol.h. */
#ifndef EXEC_TRAP_NOTICE_H
#define EXEC_TRAP_NOTICE_H

#include "lib/base/error.h"

/* *NOTIFY: the socket to PID 1; *STORED: the listener of an earlier runner. Owned, close-on-exec;
 * -1 where there is none. 0 or -errno. */
int notice_find(int *notify, int *stored, struct error *err);

/* WORD is one of INIT_NOTICE_...; FD (borrowed; -1: none) goes with it. A NOTIFY of -1 is nobody to
 * tell. 0 or -errno. */
int notice_tell(int notify, const char *word, int fd);

#endif

/* Whether this process may do what redirecting a call needs: trace a process of another user. */
#ifndef EXEC_TRAP_TRACE_PROBE_H
#define EXEC_TRAP_TRACE_PROBE_H

#include "lib/base/error.h"

/*
 * Traces a child that became another user, as a caller is one. Needs CAP_SETUID, and is for before
 * system calls are limited: it starts a process. 0, or -errno with the cause and what to do in
 * *ERR.
 */
int trace_probe(struct error *err);

#endif

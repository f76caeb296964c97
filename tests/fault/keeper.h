/* What a session finds behind its root channel. */
#ifndef FAULT_KEEPER_H
#define FAULT_KEEPER_H

#include <sys/types.h>

/* Forks a process that listens at SOCKET, greets whoever comes, and keeps each event as a line of
 * RECORD. It dies with us. Its pid, or -errno. */
pid_t keeper_start(const char *socket, const char *record);

#endif

/* What the task runner takes from less trusted sides, and why that much. */
#ifndef RUNNERD_LIMITS_H
#define RUNNERD_LIMITS_H

#include <stdint.h>

/* Trapped execs between notification and relay: more wait in the kernel. 32 threads that storm with
 * posix_spawn have some hundreds. */
#define CALLS_MAX 1024
/* Connections. A relay's exec was let through by a call of its own, so only callers without ticket
 * have to be limited apart. */
#define CLIENTS_MAX 256
#define CLIENTS_UNTICKETED_MAX 64
/* Living sandboxes, warm and lingering ones included. */
#define SANDBOXES_MAX 256
#define SANDBOXES_UNTICKETED_MAX 128
/* Of them, those that wait for a person: nobody answers more at once, and the rest is for commands
 * that run. */
#define SANDBOXES_ASKING_MAX 16
/* Sandboxes asked for and not yet made: the service makes one after the other. */
#define POOL_MAKING_MAX 8
/* Events that wait for a slow keeper before callers do. */
#define AUDIT_FRAMES_MAX 80
/* Room that the events of one round of the loop need at most: the last are asks that end at once.
 */
#define AUDIT_FRAMES_RESERVE (40 + SANDBOXES_ASKING_MAX)
/* Stops of traced threads, and notifications, that are handled in one round. */
#define TRACE_BATCH 16
#define RECEIVE_BATCH 8
/* Of the new image of a direct exec. Longer environments belong to no vendor's start; arguments may
 * be longer when the shape does not look at the rest. */
#define DIRECT_ARGUMENTS_READ (64u * 1024)
#define DIRECT_ENVIRONMENT_READ (128u * 1024)

/* A caller whose call was set up and that does not make it was tampered with. */
#define CALL_PATIENCE_MS 10000
/* A relay has nothing else to do than to connect; one that was stopped may wait while there is
 * room. */
#define TICKET_PATIENCE_MS 30000
/* A client says what it wants with its first bytes. */
#define CLIENT_PATIENCE_MS 5000
/* Then it waits for a sandbox; the service may be starting again. */
#define QUEUE_PATIENCE_MS 30000
#define RECONNECT_MS 100
/* Without a keeper this long, its events go to stderr. */
#define KEEPER_PATIENCE_MS 5000
#define TICK_MS 250
/* Until it is looked again whether the record has room for what is due. */
#define GATED_RETRY_NS UINT64_C(10000000)

#endif

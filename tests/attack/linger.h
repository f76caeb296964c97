/* Descriptors whose last close waits: what a peer sends so that whoever receives them stands still.
 */
#ifndef TESTS_ATTACK_LINGER_H
#define TESTS_ATTACK_LINGER_H

#include <stdbool.h>
#include <sys/types.h>

enum linger_way {
    LINGER_ONE,    /* with a message */
    LINGER_MANY,   /* more than are taken */
    LINGER_UNREAD, /* with a second message, which is not read when the first is refused */
    LINGER_INSIDE, /* in the queue of a local socket that comes with the message */
    LINGER_WAYS
};

/* For messages about it. */
extern const char *const linger_names[LINGER_WAYS];

/*
 * Sends a byte of nonsense to SOCKET with such descriptors, and keeps no copy of them. They wait
 * for an hour, or until the caller ends. 0 or -errno, -EPERM where they are refused.
 */
int linger_send(int socket, enum linger_way way);

/*
 * A process of UID that has sent them in every way, each over a socket of its own that CONNECT
 * gave, as far as nobody refused them; it stands until it is killed and waited for. Its pid, or -1
 * when it could not. CONTEXT is borrowed.
 */
pid_t linger_stand(uid_t uid, int (*connect)(const void *context), const void *context);

/* True when who just receives, in a process of its own, stands still: the control. */
bool linger_stops_naive(enum linger_way way);

#endif

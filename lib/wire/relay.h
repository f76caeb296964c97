/*
 * The sidecar of a session whose engine can mount no socket of the host: a second container with
 * agent-broker-relay, which listens in a volume where the session's container looks for the host's
 * sockets, and hands what it is told over its standard streams to coding-agents-sidecar on the
 * host, as lib/base/mux.h has it. What that hands to a process of the host is a descriptor with
 * this beside it: who connected, as the relay's kernel said. The sidecar has the user namespace of
 * the session's container, so its uids are the container's own, and pids mean nothing outside of
 * it.
 */
#ifndef WIRE_RELAY_H
#define WIRE_RELAY_H

#include <string.h>
#include <sys/socket.h>

#include "lib/base/mux.h"
#include "lib/wire/git_access.h"
#include "lib/wire/redeem.h"
#include "lib/wire/services.h"
#include "lib/wire/signing.h"

#define RELAY_PROGRAM "/usr/libexec/coding-agents/agent-broker-relay"
/* The filter of both ends: policies/seccomp/relay.json. */
#define RELAY_FILTER "relay.bpf"
/* Names of the volume and of the second container: the session's container's, and this. */
#define RELAY_VOLUME_SUFFIX "-sockets"
#define RELAY_CONTAINER_SUFFIX "-sidecar"
#define RELAY_NAME_SIZE 64
/* Both carry the session's id in this label. */
#define RELAY_LABEL "coding-agents.sidecar"

enum relay_service { RELAY_ROOT, RELAY_BROKER, RELAY_SIGNER, RELAY_GIT, RELAY_SERVICE_COUNT };
_Static_assert(RELAY_SERVICE_COUNT <= MUX_SERVICES, "a service has no place in the mux");
_Static_assert(SIGNING_MESSAGE_MAX <= MUX_MESSAGE_MAX && REDEEM_MESSAGE_MAX <= MUX_MESSAGE_MAX &&
                   LIMIT_CHANNEL_FRAME_BYTES <= MUX_MESSAGE_MAX,
               "a message does not go through the mux");

struct relay_service_row {
    const char *name; /* as both ends are told to serve it */
    const char *path; /* below the directory of sockets */
    struct mux_service service;
};

/* clang-format off */
/* Of each some more at once than who serves it on the host has room for, so that it says so itself. */
static const struct relay_service_row relay_services[] = {
    [RELAY_ROOT]   = {"root",   "root.sock",                        {SOCK_SEQPACKET, 24}},
    [RELAY_BROKER] = {"broker", REDEEM_SOCKET,                      {SOCK_SEQPACKET, 176}},
    [RELAY_SIGNER] = {"signer", SERVICES_NAME "/" SIGNING_SOCKET,   {SOCK_SEQPACKET, 40}},
    [RELAY_GIT]    = {"git",    GIT_ACCESS_SOCKET,                  {SOCK_STREAM,    40}},
};
/* clang-format on */

/* The service NAME, or RELAY_SERVICE_COUNT. */
static inline unsigned int relay_service_find(const char *name)
{
    unsigned int i = 0;
    while (i < RELAY_SERVICE_COUNT && strcmp(relay_services[i].name, name) != 0)
        i++;
    return i;
}

#endif

/*
 * Sockets of processes on the host that serve the commands of a session: a directory of its own
 * beside the sockets that are root's alone, shown to commands where SERVICES_DIRECTORY says. It is
 * there when one of them is; each checks its callers itself.
 */
#ifndef WIRE_SERVICES_H
#define WIRE_SERVICES_H

/* Below the session's directory of sockets on the host. */
#define SERVICES_NAME "services"
/* In the container. */
#define SERVICES_DIRECTORY "/run/agent-services"

#endif

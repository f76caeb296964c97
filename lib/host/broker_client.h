/* What the host asks of a session's broker. */
#ifndef HOST_BROKER_CLIENT_H
#define HOST_BROKER_CLIENT_H

#include "lib/base/error.h"
#include "lib/wire/redeem.h"

/* The broker's socket for the host, in the session's runtime directory, which is 0700. */
#define BROKER_CLIENT_SOCKET "broker-host.sock"

/* Revokes SECRET in SESSION. 0 with *COUNT of what that came to; -ENOENT or -ECONNREFUSED: it has
 * no broker; -errno. */
int broker_client_revoke(const char *session, const char *secret, struct redeem_count *count,
                         struct error *err);

#endif

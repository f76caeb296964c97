/* A sidecar of which only the end on the host is there. */
#include "tests/unit/broker/sidecar.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/host/session_relay.h"

void sidecar_make_relay(const struct stage *stage, int relay[2], char text[16])
{
    if (stage->has_sidecar)
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, relay), 0);
    snprintf(text, 16, "%d", relay[1]);
}

int sidecar_connect(const struct stage *stage)
{
    const struct mux_caller caller = {.uid = stage->relayed_uid, .gid = stage->relayed_uid};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(session_relay_give(stage->relay, ends[1], &caller), 0);
    close(ends[1]);
    return ends[0];
}

/* Relays between their exec, which was checked, and their connection, which must come from them. */
#include <poll.h>
#include <signal.h>

#include "lib/base/clock.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

static void on_end(void *context, uint32_t events)
{
    (void)events;
    calls_free(context);
}

int ticket_issue(struct call *call)
{
    /* What the process connected as its former image is none of the relay's. It is stopped: there
     * is no more of that, unless so much waits that there is no room; what such a one says is
     * judged, like the exec that it could have made instead. */
    clients_accept_waiting(call->runner);
    int pidfd = sys_pidfd_open(calls_thread(call), 0);
    int result = watch_begin(&call->end, &call->runner->loop, pidfd, on_end, call);
    if (result < 0)
        return result;
    call->issued_ns = clock_monotonic_ns();
    call->state = CALL_TICKET;
    call->deadline_ns = 0;
    return 0;
}

/* A number alone could be that of a process which ended and left its connection to another. */
struct call *ticket_find(struct client *client)
{
    struct call *call = calls_find(client->runner, client->pid, CALL_TICKET, CALL_TICKET);
    if (call == NULL || client->accepted_ns < call->issued_ns)
        return NULL;
    struct pollfd end = {.fd = call->end.fd, .events = POLLIN};
    return poll(&end, 1, 0) <= 0 ? call : NULL; /* EINTR: it has not ended, or that is told next */
}

void ticket_make_room(struct runner *runner)
{
    struct call *call = NULL;
    struct call *oldest = NULL;
    runner_expect(runner);
    while ((call = calls_next(runner, call, CALL_TICKET, CALL_TICKET)) != NULL) {
        if (oldest == NULL || call->issued_ns < oldest->issued_ns)
            oldest = call;
    }
    if (oldest == NULL || !audit_has_room(runner) ||
        clock_monotonic_ns() - oldest->issued_ns <
            TICKET_PATIENCE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND)
        return;
    calls_refuse(oldest, 0, "killed: the relay did not connect");
    (void)sys_pidfd_send_signal(oldest->end.fd, SIGKILL, 0);
}

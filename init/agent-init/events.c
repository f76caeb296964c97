/* The ring of what happened, and its copy to the keeper over the root channel. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/channel_frame.h"

static struct init_event *append(struct init *init, enum init_event_kind kind, const char *service,
                                 uint32_t value)
{
    uint64_t sequence = ++init->last_sequence;
    struct init_event *event = &init->events[sequence % INIT_EVENTS_MAX];
    *event = (struct init_event){.version = INIT_PROTOCOL_VERSION,
                                 .kind = kind,
                                 .sequence = sequence,
                                 .realtime_ns = clock_realtime_ns(),
                                 .monotonic_ns = clock_monotonic_ns(),
                                 .value = value};
    memccpy(event->service, service, '\0', sizeof(event->service) - 1);
    return event;
}

/* Never waits: what the keeper does not take at once is counted, and the count sent when it takes
 * again. */
static void send_to_channel(struct init *init, struct init_event *event)
{
    struct channel_header header = channel_header_of(CHANNEL_INIT_EVENT, sizeof(*event));
    struct iovec parts[] = {{.iov_base = &header, .iov_len = sizeof(header)},
                            {.iov_base = event, .iov_len = sizeof(*event)}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(init->channel_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return;
    init->channel_lost++;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
        return;
    cleanup_close(&init->channel_fd); /* the keeper is gone */
}

void events_record(struct init *init, enum init_event_kind kind, const char *service,
                   uint32_t value)
{
    if (init->boot_program == NULL)
        return; /* nobody can ask a plain init */
    if (init->channel_fd >= 0 && init->channel_lost > 0) {
        uint32_t lost = init->channel_lost;
        init->channel_lost = 0;
        send_to_channel(init, append(init, INIT_EVENT_OVERFLOW, "", lost));
        if (init->channel_lost > 0)
            init->channel_lost = lost; /* still full */
    }
    struct init_event *event = append(init, kind, service, value);
    if (init->channel_fd >= 0)
        send_to_channel(init, event);
}

void events_open_channel(struct init *init, int fd)
{
    cleanup_close(&init->channel_fd);
    init->channel_fd = fd;
    for (uint64_t sequence = 1; sequence <= init->last_sequence && init->channel_fd >= 0;
         sequence++)
        send_to_channel(init, &init->events[sequence % INIT_EVENTS_MAX]);
}

const struct init_event *events_find(const struct init *init, uint64_t sequence)
{
    const struct init_event *event = &init->events[sequence % INIT_EVENTS_MAX];
    return event->sequence == sequence && sequence != 0 ? event : NULL;
}

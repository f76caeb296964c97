/* Descriptors that are watched for as long as they are open. */
#include "lib/base/watch.h"

#include <sys/epoll.h>

#include "lib/base/cleanup.h"

int watch_begin(struct watch *watch, struct event_loop *loop, int fd,
                event_loop_source_callback *callback, void *context)
{
    int source = fd < 0 ? fd : event_loop_add(loop, fd, EPOLLIN, callback, context);
    if (source < 0)
        cleanup_close(&fd);
    *watch = (struct watch){.loop = loop, .fd = fd, .source = source < 0 ? -1 : source};
    return source < 0 ? source : 0;
}

void watch_change(const struct watch *watch, uint32_t events)
{
    event_loop_modify(watch->loop, watch->source, events);
}

void watch_stop(struct watch *watch)
{
    if (watch->source >= 0)
        event_loop_remove(watch->loop, watch->source);
    watch->source = -1;
}

void watch_close(struct watch *watch)
{
    watch_stop(watch);
    cleanup_close(&watch->fd);
}

/* Adds, changes and removes one source of an event loop as interest in it changes. */
#include "sandbox/attach/watch.h"

struct watch watch_make(struct event_loop *loop, int fd, event_loop_source_callback *callback,
                        void *context)
{
    return (struct watch){
        .loop = loop, .fd = fd, .source = -1, .callback = callback, .context = context};
}

static int watch_begin(struct watch *watch, uint32_t events)
{
    int source = event_loop_add(watch->loop, watch->fd, events, watch->callback, watch->context);

    if (source < 0)
        return source;
    watch->source = source;
    watch->events = events;
    return 0;
}

int watch_set(struct watch *watch, uint32_t events)
{
    int result;

    if (watch->source < 0)
        return events == 0 ? 0 : watch_begin(watch, events);
    if (events == 0) {
        event_loop_remove(watch->loop, watch->source);
        watch->source = -1;
        return 0;
    }
    if (events == watch->events)
        return 0;
    result = event_loop_modify(watch->loop, watch->source, events);
    if (result == 0)
        watch->events = events;
    return result;
}

/* What services tell on their socket: that they are ready, that they live, what to keep for them.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/unix_socket.h"

/* The variable, each name and what separates them. */
#define STORE_TEXT_SIZE (sizeof(INIT_STORE_VARIABLE "=") + INIT_FDS_MAX * INIT_NAME_SIZE)

static void close_stored(struct service *service, uint32_t number)
{
    cleanup_close(&service->stored_fds[number]);
    service->stored_count--;
    for (uint32_t i = number; i < service->stored_count; i++) {
        service->stored_fds[i] = service->stored_fds[i + 1];
        memcpy(service->stored_names[i], service->stored_names[i + 1], INIT_NAME_SIZE);
    }
}

void notice_empty_store(struct service *service)
{
    while (service->stored_count > 0)
        close_stored(service, service->stored_count - 1);
}

static int hear_ready(struct service *service, const char *name, int *fd)
{
    (void)name;
    (void)fd;
    if (service->state == INIT_STATE_STARTING)
        supervisor_post(service->init, service, SERVICE_READY);
    return 0;
}

static int hear_alive(struct service *service, const char *name, int *fd)
{
    (void)name;
    (void)fd;
    if (service->state == INIT_STATE_READY)
        supervisor_watch(service);
    return 0;
}

/* Under a name that is taken it replaces what was there. */
static int hear_store(struct service *service, const char *name, int *fd)
{
    uint32_t number = service_find_stored(service, name);
    if (*fd < 0 || !service_is_name(name))
        return EINVAL;
    if (number == service->row.store_max)
        return ENOSPC;
    if (number < service->stored_count)
        cleanup_close(&service->stored_fds[number]);
    else
        service->stored_count++;
    service->stored_fds[number] = steal_fd(fd);
    memcpy(service->stored_names[number], name, INIT_NAME_SIZE);
    return 0;
}

static int hear_remove(struct service *service, const char *name, int *fd)
{
    (void)fd;
    uint32_t number = service_is_name(name) ? service_find_stored(service, name) : INIT_FDS_MAX;
    if (number >= service->stored_count)
        return ENOENT;
    close_stored(service, number);
    return 0;
}

/* clang-format off */
static const struct {
    char word[sizeof(((struct init_notice *)0)->word)];
    int (*hear)(struct service *service, const char *name, int *fd); /* 0 or a positive errno */
} notices[] = {
    {INIT_NOTICE_READY,  hear_ready},
    {INIT_NOTICE_ALIVE,  hear_alive},
    {INIT_NOTICE_STORE,  hear_store},
    {INIT_NOTICE_REMOVE, hear_remove},
};
/* clang-format on */

/* FD came with NOTICE, or is -1; taken by setting it to -1. 0, or the positive errno of a refusal.
 */
static int hear(struct service *service, const struct init_notice *notice, int *fd)
{
    for (size_t i = 0; i < ARRAY_LENGTH(notices); i++) {
        if (memcmp(notice->word, notices[i].word, sizeof(notice->word)) == 0)
            return notices[i].hear(service, notice->name, fd);
    }
    return EPROTO;
}

/* One message a wake: a service that talks without end takes turns with everything else. */
static void on_notice(void *context, uint32_t events)
{
    struct service *service = context;
    struct init_notice notice = {0};
    cleanup_fd int fd = -1;
    (void)events;
    ssize_t size = unix_socket_receive(service->notice_fd, &notice, sizeof(notice), &fd);
    if (size == -EAGAIN)
        return;
    if (size <= 0) { /* the end without the word leaves it to the timeouts */
        notice_close(service);
        return;
    }
    int error = hear(service, &notice, &fd);
    if (error != 0 && !service->is_notice_refused) {
        service->is_notice_refused = true;
        events_record(service->init, INIT_EVENT_NOTICE_REFUSED, service->row.name, (uint32_t)error);
    }
    if (service->state != INIT_STATE_STARTING && !notice_is_needed(service))
        notice_close(service);
}

bool notice_is_needed(const struct service *service)
{
    return service->row.watchdog_ms != 0 || service->row.store_max != 0;
}

int notice_open(struct service *service, int *theirs)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    *theirs = ends[1];
    service->notice_fd = ends[0];
    service->is_notice_refused = false;
    service->notice_source =
        event_loop_add(&service->init->loop, ends[0], EPOLLIN, on_notice, service);
    if (service->notice_source >= 0)
        return 0;
    int result = service->notice_source;
    notice_close(service);
    return result;
}

void notice_close(struct service *service)
{
    if (service->notice_source >= 0)
        event_loop_remove(&service->init->loop, service->notice_source);
    cleanup_close(&service->notice_fd);
    service->notice_source = -1;
}

const char *notice_describe_store(const struct service *service)
{
    static char text[STORE_TEXT_SIZE];
    char *at = mempcpy(text, INIT_STORE_VARIABLE, strlen(INIT_STORE_VARIABLE));
    *at++ = '=';
    for (uint32_t i = 0; i < service->stored_count; i++) {
        at = mempcpy(at, service->stored_names[i], strlen(service->stored_names[i]));
        *at++ = ':';
    }
    at[service->stored_count > 0 ? -1 : 0] = '\0';
    return text;
}

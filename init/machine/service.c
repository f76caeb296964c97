/* Which service may start or stop when, and what its end means. */
#include "init/machine/service.h"

#include <errno.h>
#include <string.h>

#include "lib/base/clock.h"

static bool is_well_formed(const struct init_service *row, uint32_t index)
{
    if (row->name[0] == '\0' || memchr(row->name, '\0', sizeof(row->name)) == NULL)
        return false;
    if (row->argument_count == 0 || row->strings_size > sizeof(row->strings) ||
        row->dependency_count > INIT_DEPENDENCIES_MAX)
        return false;
    for (uint32_t i = 0; i < row->dependency_count; i++) {
        if (row->dependencies[i] >= index)
            return false; /* only on earlier ones, so there is no cycle */
    }
    uint32_t strings = 0;
    for (uint32_t i = 0; i < row->strings_size; i++)
        strings += row->strings[i] == '\0';
    return strings == (uint32_t)row->argument_count + row->environment_count &&
           row->strings[row->strings_size - 1] == '\0';
}

void service_reset(struct service *service)
{
    service->state = INIT_STATE_WAITING;
    service->child = CHILD_NONE;
    service->ready_fd = -1;
    service->ready_source = -1;
    service->last_wait_status = -1;
}

int service_load(struct service *service, const struct init_service *row, uint32_t index)
{
    if (!is_well_formed(row, index))
        return -EINVAL;
    service_reset(service);
    service->row = *row;
    return 0;
}

static bool depends_on(const struct service *service, uint32_t index)
{
    for (uint32_t i = 0; i < service->row.dependency_count; i++) {
        if (service->row.dependencies[i] == index)
            return true;
    }
    return false;
}

const char *const *service_unpack(const struct service *service, const char *extra,
                                  const char **pointers)
{
    const char *string = service->row.strings;
    const char **environment = pointers + service->row.argument_count + 1;
    for (uint32_t i = 0; i < service->row.argument_count; i++, string += strlen(string) + 1)
        *pointers++ = string;
    *pointers++ = NULL;
    for (uint32_t i = 0; i < service->row.environment_count; i++, string += strlen(string) + 1)
        *pointers++ = string;
    *pointers++ = extra;
    *pointers = NULL;
    return environment;
}

bool service_has_process(const struct service *service)
{
    return service->state == INIT_STATE_STARTING || service->state == INIT_STATE_READY ||
           service->state == INIT_STATE_STOPPING;
}

enum service_event service_judge_start(const struct service *services, uint32_t index)
{
    const struct init_service *row = &services[index].row;
    enum service_event event = SERVICE_START;
    for (uint32_t i = 0; i < row->dependency_count; i++) {
        const struct service *dependency = &services[row->dependencies[i]];
        bool has_ended = dependency->state == INIT_STATE_EXITED;
        if (dependency->state == INIT_STATE_READY ||
            (has_ended && dependency->last_wait_status == 0))
            continue;
        if (has_ended || dependency->state == INIT_STATE_FAILED)
            return SERVICE_FAIL;
        event = SERVICE_EVENT_COUNT;
    }
    return event;
}

bool service_may_stop(const struct service *services, uint32_t count, uint32_t index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (service_has_process(&services[i]) && depends_on(&services[i], index))
            return false;
    }
    return true;
}

/* backoff_ms doubled for each restart in the window, at most backoff_max_ms. */
static uint32_t backoff_delay(const struct init_service *row, uint32_t restarts)
{
    uint64_t delay = (uint64_t)row->backoff_ms << (restarts < 31 ? restarts : 31);
    uint64_t maximum =
        row->backoff_max_ms < row->backoff_ms ? row->backoff_ms : row->backoff_max_ms;
    return (uint32_t)(delay < maximum ? delay : maximum);
}

enum service_event service_judge_end(struct service *service, int wait_status, uint64_t now_ns,
                                     bool is_stopping)
{
    const struct init_service *row = &service->row;
    service->last_wait_status = wait_status;
    if (is_stopping || service->is_stop_wanted || (row->flags & INIT_SERVICE_MAIN) != 0)
        return SERVICE_END;
    if (service->is_restart_wanted) {
        service->delay_ms = 0;
        return SERVICE_RETRY;
    }
    if ((row->flags & INIT_SERVICE_RESTART) == 0)
        return wait_status == 0 ? SERVICE_END : SERVICE_FAIL;
    uint64_t window_ns = row->restart_window_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    if (service->window_restarts == 0 ||
        (window_ns != 0 && now_ns - service->window_start_ns > window_ns)) {
        service->window_start_ns = now_ns;
        service->window_restarts = 0;
    }
    if (service->window_restarts >= row->restart_limit)
        return SERVICE_FAIL;
    service->delay_ms = backoff_delay(row, service->window_restarts++);
    return SERVICE_RETRY;
}

/* Which service may start or stop when, and what its end means. */
#include "init/machine/service.h"

#include <string.h>

#include "lib/base/clock.h"

bool service_is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name[0] != '\0' && memchr(name, '\0', INIT_NAME_SIZE) != NULL &&
           name[strspn(name, allowed)] == '\0';
}

bool service_has_name(const struct init_service *row)
{
    return service_is_name(row->name);
}

static bool has_good_strings(const struct init_service *row)
{
    if (row->argument_count == 0 || row->strings_size > sizeof(row->strings))
        return false;
    uint32_t strings = 0;
    for (uint32_t i = 0; i < row->strings_size; i++)
        strings += row->strings[i] == '\0';
    return strings == (uint32_t)row->argument_count + row->environment_count &&
           row->strings[row->strings_size - 1] == '\0';
}

/* Only on earlier ones, so there is no cycle. */
static bool has_good_dependencies(const struct init_service *row, uint32_t index)
{
    for (uint32_t i = 0; i < row->dependency_count; i++) {
        if (row->dependencies[i] >= index)
            return false;
    }
    return true;
}

static bool is_taken(const struct service *services, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(services[i].row.name, name) == 0)
            return true;
    }
    return false;
}

static const char *find_fault(const struct service *services, uint32_t index,
                              const struct init_service *row)
{
    if (!service_is_name(row->name))
        return "has a name that is none";
    if (is_taken(services, index, row->name))
        return "is described twice";
    if (!has_good_strings(row))
        return "has a malformed command or environment";
    if (row->dependency_count > INIT_DEPENDENCIES_MAX)
        return "has too many dependencies";
    if (!has_good_dependencies(row, index))
        return "depends on itself or on a later one, which would be a cycle";
    if (row->store_max > INIT_FDS_MAX)
        return "may store more descriptors than there is room for";
    return NULL;
}

void service_reset(struct service *service)
{
    service->state = INIT_STATE_WAITING;
    service->child = CHILD_NONE;
    service->notice_fd = -1;
    service->notice_source = -1;
    service->last_wait_status = -1;
}

const char *service_load(struct service *services, uint32_t index, const struct init_service *row)
{
    const char *fault = find_fault(services, index, row);
    if (fault != NULL)
        return fault;
    service_reset(&services[index]);
    /* The rest of the strings stays untouched memory, which costs nothing. */
    memcpy(&services[index].row, row, service_row_size(row));
    return NULL;
}

size_t service_row_size(const struct init_service *row)
{
    return offsetof(struct init_service, strings) + row->strings_size;
}

uint32_t service_find_stored(const struct service *service, const char *name)
{
    uint32_t number = 0;
    while (number < service->stored_count && strcmp(service->stored_names[number], name) != 0)
        number++;
    return number;
}

static bool depends_on(const struct service *service, uint32_t index)
{
    for (uint32_t i = 0; i < service->row.dependency_count; i++) {
        if (service->row.dependencies[i] == index)
            return true;
    }
    return false;
}

const char *const *service_unpack(const struct service *service, const char *const *extra,
                                  const char **pointers)
{
    const char *string = service->row.strings;
    const char **environment = pointers + service->row.argument_count + 1;
    for (uint32_t i = 0; i < service->row.argument_count; i++, string += strlen(string) + 1)
        *pointers++ = string;
    *pointers++ = NULL;
    for (uint32_t i = 0; i < service->row.environment_count; i++, string += strlen(string) + 1)
        *pointers++ = string;
    while (*extra != NULL)
        *pointers++ = *extra++;
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
        return wait_status == 0 && !service->is_timed_out ? SERVICE_END : SERVICE_FAIL;
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

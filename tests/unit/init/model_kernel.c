/* The fake kernel: what PID 1's code calls, in place of the C library and lib/base. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/unix_socket.h"
#include "tests/unit/init/model.h"
#include "tests/unit/init/model_kernel.h"

/* Descriptors that are no real ones. */
#define FIRST_FD 1000
#define FIRST_PID 2
/* A look past thousands. */
#define SLOW_NS 60000

static int next_fd;
static struct kernel_message next_message;

void kernel_reset(void)
{
    next_fd = FIRST_FD;
    next_message = (struct kernel_message){.fd = -1};
}

void kernel_send(const struct kernel_message *message)
{
    next_message = *message;
}

int kernel_add_process(enum process_kind kind)
{
    if (model.process_count == MODEL_PROCESSES_MAX)
        return -EAGAIN;
    model.processes[model.process_count] = (struct process){.kind = kind, .is_alive = true};
    return FIRST_PID + model.process_count++;
}

struct process *kernel_find(enum process_kind kind)
{
    for (int i = 0; i < model.process_count; i++) {
        if (model.processes[i].kind == kind && model.processes[i].is_alive)
            return &model.processes[i];
    }
    return NULL;
}

void kernel_end(struct process *process, int wait_status)
{
    process->is_alive = false;
    process->wait_status = wait_status;
}

static void deliver(struct process *process, int signal)
{
    if (signal != SIGKILL || !process->is_alive)
        return;
    process->got_kill = true;
    if (process->kind != PROCESS_STUCK)
        kernel_end(process, SIGKILL);
}

static enum process_kind kind_of(const char *const *argv)
{
    if (strcmp(argv[0], "web") == 0)
        return PROCESS_WEB;
    if (strcmp(argv[0], "main") == 0)
        return PROCESS_MAIN;
    if (argv[1] == NULL)
        return PROCESS_BOOT;
    return strcmp(argv[2], "--wipe-only") == 0 ? PROCESS_WIPE : PROCESS_SHUTDOWN;
}

int spawn(const struct spawn_spec *spec, struct child *child)
{
    enum process_kind kind = kind_of(spec->argv);
    model.shutdown_was_tried |= kind == PROCESS_SHUTDOWN;
    model.wipe_was_tried |= kind == PROCESS_WIPE;
    if ((kind >= PROCESS_WEB && model.init.state != INIT_SESSION_RUNNING) ||
        (kind == PROCESS_BOOT && model.init.state != INIT_SESSION_BOOTING))
        model.starts_while_not_running++;
    int pid = model.forks_fail ? -EAGAIN : kernel_add_process(kind);
    if (pid < 0)
        return pid;
    model.web_starts += kind == PROCESS_WEB;
    model.open_fds++;
    *child = (struct child){.pid = pid, .pidfd = next_fd++, .source = -1};
    return 0;
}

void child_signal(const struct child *child, int signal)
{
    if (child->pid != 0)
        deliver(&model.processes[child->pid - FIRST_PID], signal);
}

int kill(pid_t pid, int sig)
{
    bool is_anybody = false;
    (void)pid; /* always -1 */
    for (int i = 0; i < model.process_count; i++) {
        is_anybody |= model.processes[i].is_alive;
        deliver(&model.processes[i], sig);
    }
    errno = ESRCH;
    return is_anybody ? 0 : -1;
}

static struct process *find_dead(void)
{
    for (int i = 0; i < model.process_count; i++) {
        if (!model.processes[i].is_alive && model.processes[i].reaped == 0)
            return &model.processes[i];
    }
    return NULL;
}

bool kernel_has_dead(void)
{
    return find_dead() != NULL;
}

pid_t waitpid(pid_t pid, int *stat_loc, int options)
{
    struct process *process = find_dead();
    uint64_t spent_ns = model.looks_are_slow ? SLOW_NS : 0;
    (void)pid;
    (void)options;
    model.now_ns += spent_ns;
    model.cpu_ns += spent_ns;
    if (process == NULL)
        return 0;
    process->reaped++;
    *stat_loc = process->wait_status;
    return FIRST_PID + (int)(process - model.processes);
}

int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options)
{
    (void)idtype;
    (void)id;
    (void)infop;
    (void)options;
    for (int i = 0; i < model.process_count; i++) {
        if (model.processes[i].reaped == 0)
            return 0;
    }
    errno = ECHILD;
    return -1;
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    (void)domain;
    (void)type;
    (void)protocol;
    fds[0] = next_fd++;
    fds[1] = next_fd++;
    model.open_fds += 2;
    return 0;
}

int close(int fd)
{
    model.open_fds -= fd >= FIRST_FD;
    return 0;
}

int tcsetpgrp(int fd, pid_t pgrp_id)
{
    (void)fd;
    (void)pgrp_id;
    return 0;
}

ssize_t unix_socket_receive(int fd, void *data, size_t size, int *received)
{
    if (fd != next_message.fd)
        return -EAGAIN;
    next_message.fd = -1;
    *received = -1;
    memcpy(data, next_message.data, next_message.size < size ? next_message.size : size);
    return (ssize_t)next_message.size;
}

int event_loop_add(struct event_loop *loop, int fd, uint32_t events,
                   event_loop_source_callback *callback, void *context)
{
    (void)events;
    for (int i = 0; i < INIT_SOURCES_MAX; i++) {
        if (loop->sources[i].callback != NULL)
            continue;
        loop->sources[i] =
            (struct event_source){.fd = fd, .callback = callback, .context = context};
        return i;
    }
    return -ENOSPC;
}

void event_loop_remove(struct event_loop *loop, int source)
{
    loop->sources[source].callback = NULL;
}

void event_loop_set_timer(struct event_loop *loop, size_t index, uint64_t deadline_ns,
                          event_loop_timer_callback *callback, void *context)
{
    loop->timers[index] =
        (struct event_timer){.deadline_ns = deadline_ns, .callback = callback, .context = context};
}

void event_loop_clear_timer(struct event_loop *loop, size_t index)
{
    loop->timers[index].deadline_ns = 0;
}

/* Nothing but slow looks takes any time of the cpu. */
int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    (void)clock_id;
    *tp = (struct timespec){.tv_sec = (time_t)(model.cpu_ns / CLOCK_NANOSECONDS_PER_SECOND),
                            .tv_nsec = (long)(model.cpu_ns % CLOCK_NANOSECONDS_PER_SECOND)};
    return 0;
}

uint64_t clock_monotonic_ns(void)
{
    return model.now_ns;
}

uint64_t clock_realtime_ns(void)
{
    return model.now_ns;
}

void diagnostic_say(const char *first, ...)
{
    (void)first;
}

char *diagnostic_number(char text[DIAGNOSTIC_NUMBER_SIZE], uint64_t number)
{
    (void)number;
    text[0] = '\0';
    return text;
}

/* Nobody asks this PID 1 anything. */
void control_listen(struct init *init)
{
    (void)init;
}

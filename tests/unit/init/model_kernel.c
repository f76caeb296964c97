/* The fake kernel's processes: who lives, who is dead and not reaped, who was told what. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/base/spawn.h"
#include "tests/unit/init/model.h"
#include "tests/unit/init/model_kernel.h"

/* Waiting to be read: one of each kind, whatever came since. */
static struct {
    bool is_term;
    bool is_int;
    pid_t dead; /* the first; 0: no SIGCHLD */
} pending;

void kernel_reset_processes(void)
{
    memset(&pending, 0, sizeof(pending));
}

static struct process *process_of(pid_t pid)
{
    return &model.processes[pid - MODEL_FIRST_PID];
}

static pid_t pid_of(const struct process *process)
{
    return MODEL_FIRST_PID + (pid_t)(process - model.processes);
}

/* Whoever entered from outside is another one's to reap. */
static bool is_unreaped(const struct process *process)
{
    return process->reaped == 0 && process->kind != PROCESS_VISITOR;
}

int kernel_add_process(enum process_kind kind)
{
    if (model.process_count == MODEL_PROCESSES_MAX)
        return -EAGAIN;
    model.processes[model.process_count] = (struct process){.kind = kind, .is_alive = true};
    return MODEL_FIRST_PID + model.process_count++;
}

struct process *kernel_find(enum process_kind kind)
{
    for (int i = 0; i < model.process_count; i++) {
        if (model.processes[i].kind == kind && model.processes[i].is_alive)
            return &model.processes[i];
    }
    return NULL;
}

bool kernel_is_unreaped(enum process_kind kind)
{
    for (int i = 0; i < model.process_count; i++) {
        if (model.processes[i].kind == kind && is_unreaped(&model.processes[i]))
            return true;
    }
    return false;
}

bool kernel_is_alive(pid_t pid)
{
    return process_of(pid)->is_alive;
}

void kernel_end(struct process *process, int wait_status)
{
    process->is_alive = false;
    process->wait_status = wait_status;
    model.is_reap_vain = false;
    if (pending.dead == 0 && process->kind != PROCESS_VISITOR)
        pending.dead = pid_of(process);
}

void kernel_signal(int signal)
{
    pending.is_term |= signal == SIGTERM;
    pending.is_int |= signal == SIGINT;
}

bool kernel_has_signals(void)
{
    return pending.dead != 0 || pending.is_term || pending.is_int;
}

size_t kernel_read_signals(struct signalfd_siginfo *info)
{
    size_t count = 0;
    if (pending.is_int)
        info[count++] = (struct signalfd_siginfo){.ssi_signo = SIGINT};
    if (pending.is_term)
        info[count++] = (struct signalfd_siginfo){.ssi_signo = SIGTERM};
    if (pending.dead != 0)
        info[count++] =
            (struct signalfd_siginfo){.ssi_signo = SIGCHLD, .ssi_pid = (uint32_t)pending.dead};
    memset(&pending, 0, sizeof(pending));
    return count;
}

static void deliver(struct process *process, int signal)
{
    if (!process->is_alive)
        return;
    process->got_stop |= signal == SIGTERM || signal == SIGINT;
    if (signal == SIGTERM || signal == SIGINT)
        process->is_continued = false;
    process->is_continued |= signal == SIGCONT && process->got_stop;
    process->got_kill |= signal == SIGKILL;
    if (signal == SIGKILL && process->kind != PROCESS_STUCK && !model.is_kill_held)
        kernel_end(process, SIGKILL);
}

static enum process_kind kind_of(const char *const *argv)
{
    if (strcmp(argv[0], "web") == 0)
        return PROCESS_WEB;
    if (strcmp(argv[0], "main") == 0)
        return PROCESS_MAIN;
    if (strcmp(argv[0], "extra") == 0)
        return PROCESS_EXTRA;
    if (argv[1] == NULL)
        return PROCESS_BOOT;
    return strcmp(argv[2], "--wipe-only") == 0 ? PROCESS_WIPE : PROCESS_SHUTDOWN;
}

static void note_start(enum process_kind kind, const char *const *argv)
{
    model.shutdown_was_tried |= kind == PROCESS_SHUTDOWN;
    model.wipe_was_tried |= kind == PROCESS_WIPE;
    if ((kind >= PROCESS_WEB && model.init.state != INIT_SESSION_RUNNING) ||
        (kind == PROCESS_BOOT && model.init.state != INIT_SESSION_BOOTING))
        model.starts_while_not_running++;
    if (kind >= PROCESS_WEB)
        model.is_restart_wanted[kind - PROCESS_WEB] = false;
    else
        record_note_program(kind);
    for (; (kind == PROCESS_SHUTDOWN || kind == PROCESS_WIPE) && *argv != NULL; argv++) {
        if (strcmp(*argv, "--deadline-ns") == 0)
            promises_note_told(strtoull(argv[1], NULL, 10));
    }
}

/* What came of it. */
static void note_started(enum process_kind kind, bool has_failed)
{
    if (kind < PROCESS_WEB)
        return;
    int number = (int)(kind - PROCESS_WEB);
    model.failed_starts[number] = has_failed ? model.failed_starts[number] + 1 : 0;
    model.starts[number] += !has_failed;
    if (!has_failed)
        record_note_start();
}

int spawn(const struct spawn_spec *spec, struct child *child)
{
    enum process_kind kind = kind_of(spec->argv);
    note_start(kind, spec->argv);
    int pid = model.forks_fail ? -EAGAIN : kernel_add_process(kind);
    note_started(kind, pid < 0);
    if (pid < 0)
        return pid;
    *child = (struct child){.pid = pid, .pidfd = kernel_open(), .source = -1};
    return 0;
}

void child_signal(const struct child *child, int signal)
{
    if (child->pid == 0)
        return;
    promises_note_signal(child->pid, signal);
    record_note_signal(process_of(child->pid), signal);
    deliver(process_of(child->pid), signal);
}

int kill(pid_t pid, int sig)
{
    bool is_anybody = false;
    if (pid == -1)
        record_note_signal_to_all(sig);
    for (int i = 0; i < model.process_count; i++) {
        struct process *process = &model.processes[i];
        if (pid != -1 && pid != pid_of(process))
            continue;
        is_anybody |= process->is_alive || is_unreaped(process);
        deliver(process, sig);
    }
    errno = ESRCH;
    return is_anybody ? 0 : -1;
}

/* The dead child PID, or any one for -1. */
static struct process *find_dead(pid_t pid)
{
    for (int i = 0; i < model.process_count; i++) {
        struct process *process = &model.processes[i];
        if (!process->is_alive && is_unreaped(process) && (pid == -1 || pid == pid_of(process)))
            return process;
    }
    return NULL;
}

bool kernel_has_dead(void)
{
    return find_dead(-1) != NULL;
}

bool kernel_is_empty(void)
{
    for (int i = 0; i < model.process_count; i++) {
        if (model.processes[i].is_alive || is_unreaped(&model.processes[i]))
            return false;
    }
    return true;
}

static bool has_child(pid_t pid)
{
    for (int i = 0; i < model.process_count; i++) {
        if (is_unreaped(&model.processes[i]) && (pid == -1 || pid == pid_of(&model.processes[i])))
            return true;
    }
    return false;
}

size_t kernel_list_children(char *text, size_t size)
{
    size_t length = 0;
    for (int i = 0; i < model.process_count && length + 8 < size; i++) {
        if (is_unreaped(&model.processes[i]))
            length += (size_t)snprintf(text + length, size - length, "%d ", MODEL_FIRST_PID + i);
    }
    return length;
}

/* A look for any one walks past all who live; one for a number does not. */
pid_t waitpid(pid_t pid, int *stat_loc, int options)
{
    (void)options;
    if (pid == -1) {
        uint64_t spent_ns = model.looks_are_slow ? MODEL_SLOW_LOOK_NS : 0;
        model.look_ns = spent_ns + (model.looks_are_held ? MODEL_SLOW_LOOK_NS : 0);
        model.now_ns += model.look_ns;
        model.cpu_ns += spent_ns;
        model.is_walk = model.looks_are_slow;
        model.looked_ns = model.now_ns;
        model.promises[PROMISE_LOOK].due_ns = 0;
    }
    struct process *process = find_dead(pid);
    if (process == NULL) {
        errno = ECHILD;
        return has_child(pid) ? 0 : -1;
    }
    process->reaped++;
    *stat_loc = process->wait_status;
    return pid_of(process);
}

/* Only whether there is a child at all is ever asked for. */
int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options)
{
    (void)idtype;
    (void)id;
    (void)infop;
    (void)options;
    errno = ECHILD;
    return has_child(-1) ? 0 : -1;
}

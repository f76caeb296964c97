/* Moving the fake kernel. */
#ifndef INIT_MODEL_KERNEL_H
#define INIT_MODEL_KERNEL_H

#include <stddef.h>

#include "tests/unit/init/model.h"

/* What the next look at a socket finds. */
struct kernel_message {
    int fd; /* -1: none */
    const void *data;
    size_t size; /* 0: the peer is gone */
};

/* The one that PID 1 reads its signals from. */
#define MODEL_SIGNAL_FD 900
#define MODEL_FIRST_PID 2

struct signalfd_siginfo;

/* model_system.c; it resets the processes too. */
void kernel_reset(void);
/* A new descriptor, to be closed. */
int kernel_open(void);
void kernel_send(const struct kernel_message *message);
/* model_kernel.c: */
void kernel_reset_processes(void);
/* SIGNAL, which is TERM or INT, waits to be read. */
void kernel_signal(int signal);
bool kernel_has_signals(void);
/* What waits, into an array of three: how many. */
size_t kernel_read_signals(struct signalfd_siginfo *info);
/* The numbers of all children, as /proc lists them: the length. */
size_t kernel_list_children(char *text, size_t size);
/* The pid of a new process, or -EAGAIN when there is no room for it. */
int kernel_add_process(enum process_kind kind);
/* One that lives; NULL: none. */
struct process *kernel_find(enum process_kind kind);
bool kernel_is_alive(pid_t pid);
/* True when there is one of KIND, dead or alive, that was not reaped. */
bool kernel_is_unreaped(enum process_kind kind);
/* True when nobody but PID 1 is there, dead or alive. */
bool kernel_is_empty(void);
/* True when somebody waits to be reaped. */
bool kernel_has_dead(void);
/* PROCESS ends and, if it is a child, waits to be reaped. */
void kernel_end(struct process *process, int wait_status);

#endif

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

void kernel_reset(void);
void kernel_send(const struct kernel_message *message);
/* The pid of a new process, or -EAGAIN when there is no room for it. */
int kernel_add_process(enum process_kind kind);
/* One that lives; NULL: none. */
struct process *kernel_find(enum process_kind kind);
/* True when somebody waits to be reaped. */
bool kernel_has_dead(void);
/* PROCESS ends and waits to be reaped. */
void kernel_end(struct process *process, int wait_status);

#endif

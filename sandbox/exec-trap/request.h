/* Whether what a client sent is a request, before anything is done about it. Pure. */
#ifndef EXEC_TRAP_REQUEST_H
#define EXEC_TRAP_REQUEST_H

#include <stddef.h>

#include "lib/wire/task_protocol.h"

union request {
    struct task_header header;
    struct task_run run;
    struct task_request other;
};

/* SIZE bytes in REQUEST came with FD_COUNT descriptors. 0, or -EPROTO, -EINVAL, -E2BIG. */
int request_check(const union request *request, size_t size, size_t fd_count);

#endif

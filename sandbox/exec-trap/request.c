/* Sizes, counts and flags of requests, type by type. */
#include "sandbox/exec-trap/request.h"

#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define KNOWN_FLAGS (TASK_RUN_TICKET | TASK_RUN_DETACHED)
#define STREAMS_MAX 7u
/* The block and the working directory. */
#define RUN_DESCRIPTORS 2u
#define SIGNALS_MAX 64u

static int check_run(const struct task_run *run, size_t fd_count)
{
    if ((run->flags & ~(uint32_t)KNOWN_FLAGS) != 0 || run->flags == KNOWN_FLAGS ||
        run->stream_mask > STREAMS_MAX)
        return -EINVAL;
    if (fd_count != RUN_DESCRIPTORS + (size_t)__builtin_popcount(run->stream_mask))
        return -EPROTO;
    if (run->block_size > TASK_BLOCK_MAX || run->argument_count > TASK_STRINGS_MAX ||
        run->environment_count > TASK_STRINGS_MAX)
        return -E2BIG;
    /* A string takes at least its NUL, and the path of the directory comes after them. */
    if ((uint64_t)run->argument_count + run->environment_count + 1 > run->block_size)
        return -EINVAL;
    return 0;
}

/* clang-format off */
static const struct {
    enum task_message type;
    size_t fd_count;
} kinds[] = {
    {TASK_LIST,     0},
    {TASK_KILL,     0},
    {TASK_LOGS,     0},
    {TASK_STATUS,   0},
    {TASK_RELOAD,   0},
    {TASK_LISTENER, 1},
};
/* clang-format on */

int request_check(const union request *request, size_t size, size_t fd_count)
{
    if (size < sizeof(request->header) || request->header.version != TASK_PROTOCOL_VERSION)
        return -EPROTO;
    if (request->header.type == TASK_RUN)
        return size != sizeof(request->run) ? -EPROTO : check_run(&request->run, fd_count);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (request->header.type != kinds[i].type)
            continue;
        if (size != sizeof(request->other) || fd_count != kinds[i].fd_count)
            return -EPROTO;
        return memchr(request->other.id, '\0', sizeof(request->other.id)) == NULL ||
                       request->other.signal > SIGNALS_MAX
                   ? -EINVAL
                   : 0;
    }
    return -EPROTO;
}

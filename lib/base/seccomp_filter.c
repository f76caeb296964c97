/* Installs a ready-made BPF program as the calling thread's seccomp filter. */
#include "lib/base/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"

#define LISTENER_FLAGS (SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

int seccomp_filter_read(const char *path, struct sock_fprog *program, struct error *err)
{
    cleanup_free char *data = NULL;
    size_t size = 0;
    size_t limit = SECCOMP_FILTER_INSTRUCTIONS_MAX * sizeof(struct sock_filter);
    int result = fd_read_file(AT_FDCWD, path, limit, &data, &size, err);
    if (result < 0)
        return error_prefix(err, "load the seccomp filter");
    if (size == 0 || size % sizeof(struct sock_filter) != 0)
        return error_set(err, EINVAL,
                         "the seccomp filter '%s' is damaged (%zu bytes); rebuild the image", path,
                         size);
    program->len = (unsigned short)(size / sizeof(struct sock_filter));
    program->filter = (struct sock_filter *)(void *)data;
    data = NULL;
    return 0;
}

static int load(const char *path, unsigned int flags, struct error *err)
{
    struct sock_fprog program = {.len = 0};
    int result = seccomp_filter_read(path, &program, err);
    if (result < 0)
        return result;
    result = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
    free(program.filter);
    return result < 0 ? error_set(err, -result, "install the seccomp filter '%s'", path) : result;
}

int seccomp_filter_load(const char *path, struct error *err)
{
    return load(path, 0, err);
}

int seccomp_filter_listen(const char *path, struct error *err)
{
    return load(path, LISTENER_FLAGS, err);
}

int seccomp_filter_listen_to(const struct sock_fprog *program)
{
    /* The kernel reads it. */
    return sys_seccomp(SECCOMP_SET_MODE_FILTER, LISTENER_FLAGS, (void *)(uintptr_t)program);
}

/* Tells PID 1 that a service is ready. */
#include "sandbox/confine/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/fd.h"

int notify_find(int *fd, struct error *err)
{
    const char *text = getenv("NOTIFY_FD");
    char *end = NULL;
    long value;

    *fd = -1;
    if (text == NULL)
        return 0;
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value <= STDERR_FILENO || value > INT_MAX ||
        fcntl((int)value, F_GETFD) < 0)
        return error_set(err, EINVAL, "NOTIFY_FD is '%s', which is no open descriptor", text);
    *fd = (int)value;
    return 0;
}

void notify_ready(int fd)
{
    if (fd < 0)
        return;
    fd_write_text(fd, "READY=1\n");
    close(fd);
}

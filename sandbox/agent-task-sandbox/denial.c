/* Borrows the standard error of another process for one line. */
#include "sandbox/agent-task-sandbox/denial.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

static void write_to_terminal(const char *text, size_t size)
{
    cleanup_fd int fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && write(fd, text, size) < 0)
        return; /* stopped output: the line is lost, as it says */
}

/* RWF_NOWAIT: what would wait, and kinds of files that cannot promise not to, refuse. */
static void write_at_once(int fd, char *text, size_t size)
{
    struct iovec part = {.iov_base = text, .iov_len = size};
    struct stat status;

    if (fstat(fd, &status) < 0)
        return;
    if (S_ISCHR(status.st_mode))
        write_to_terminal(text, size);
    else if (S_ISREG(status.st_mode))
        (void)!write(fd, text, size);
    else
        (void)!pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
}

void denial_say(pid_t pid, const struct policy_judgement *judgement)
{
    char text[TASK_TEXT_SIZE];
    cleanup_fd int pidfd = sys_pidfd_open(pid, 0);
    cleanup_fd int fd = pidfd < 0 ? -1 : sys_pidfd_getfd(pidfd, STDERR_FILENO);

    if (fd < 0)
        return;
    policy_describe_denial(judgement, text, sizeof(text) - 1);
    text[strlen(text) + 1] = '\0';
    text[strlen(text)] = '\n';
    write_at_once(fd, text, strlen(text));
}

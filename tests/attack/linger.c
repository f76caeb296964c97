/* A TCP socket that lingers over data which nobody takes. */
#include "tests/attack/linger.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define LINGER_SECONDS 3600
#define MANY 20
/* In which a naive receiver would have ended. */
#define STILL_MS 300

const char *const linger_names[LINGER_WAYS] = {
    [LINGER_ONE] = "one",
    [LINGER_MANY] = "many",
    [LINGER_UNREAD] = "unread",
    [LINGER_INSIDE] = "inside",
};

/* Its other end stays open, and unread, until the process ends. */
static int make(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    const struct linger linger = {.l_onoff = 1, .l_linger = LINGER_SECONDS};
    static const char data[65536];
    cleanup_fd int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0 || fd < 0 || listen(door, 1) < 0 ||
        getsockname(door, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&address, size) < 0 ||
        accept4(door, NULL, NULL, SOCK_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    while (write(fd, data, sizeof(data)) > 0)
        continue;
    if (fcntl(fd, F_SETFL, 0) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
        return -errno;
    return steal_fd(&fd);
}

static int send_with(int socket, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(MANY * sizeof(int))];
    } control = {.space = {0}};
    char nonsense = 'x';
    struct iovec part = {.iov_base = &nonsense, .iov_len = 1};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        packet.msg_control = control.space;
        packet.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    return sendmsg(socket, &packet, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * Sends FDS (taken, closed) from a process that ends with that. The last copy but the one in the
 * message goes with it, and who ends does not linger: whoever receives it first, we never wait.
 */
static int send_last(int socket, int *fds, size_t count)
{
    int go[2];
    int status = 0;
    char byte;
    if (pipe2(go, O_CLOEXEC) < 0)
        return -errno;
    pid_t sender = fork();
    if (sender == 0) {
        close(go[1]);
        (void)!read(go[0], &byte, 1); /* until the others are closed */
        _exit(-send_with(socket, fds, count));
    }
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    close(go[0]);
    close(go[1]);
    if (sender < 0 || waitpid(sender, &status, 0) != sender || !WIFEXITED(status))
        return -ECHILD;
    return -WEXITSTATUS(status);
}

static int send_fresh(int socket, size_t count)
{
    int fds[MANY];
    for (size_t i = 0; i < count; i++) {
        fds[i] = make();
        if (fds[i] < 0)
            return fds[i];
    }
    return send_last(socket, fds, count);
}

static int send_inside(int socket)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int result = send_fresh(ends[0], 1);
    if (result == 0)
        result = send_last(socket, &ends[1], 1);
    close(ends[0]);
    return result;
}

int linger_send(int socket, enum linger_way way)
{
    if (way == LINGER_INSIDE)
        return send_inside(socket);
    int result = way == LINGER_UNREAD ? send_with(socket, NULL, 0) : 0;
    return result < 0 ? result : send_fresh(socket, way == LINGER_MANY ? MANY : 1);
}

static void stand(int told, int (*connect)(const void *context), const void *context)
{
    for (enum linger_way way = 0; way < LINGER_WAYS; way++) {
        int fd = connect(context);
        int result = fd < 0 ? fd : linger_send(fd, way);
        /* Refused by the kernel, or for who it is, before it was sent. */
        if (result < 0 &&
            (fd < 0 || (result != -EPERM && result != -EPIPE && result != -ECONNRESET)))
            _exit(1);
    }
    (void)!write(told, "s", 1);
    for (;;)
        pause();
}

pid_t linger_stand(uid_t uid, int (*connect)(const void *context), const void *context)
{
    int told[2];
    char byte;
    if (pipe2(told, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        /* Once it is another user: that clears it. */
        if (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 &&
            setresuid(uid, uid, uid) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
            stand(told[1], connect, context);
        _exit(1);
    }
    close(told[1]);
    bool stands = pid > 0 && read(told[0], &byte, 1) == 1;
    close(told[0]);
    if (pid > 0 && !stands)
        (void)waitpid(pid, NULL, 0);
    return stands ? pid : -1;
}

/* As who expects no descriptors reads a message and refuses it; from its own side nothing waits. */
static void receive_naively(int socket)
{
    char data;
    (void)!recv(socket, &data, sizeof(data), 0);
    close(socket);
    _exit(0);
}

bool linger_stops_naive(enum linger_way way)
{
    int ends[2];
    int start[2];
    char byte = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ||
        pipe2(start, O_CLOEXEC) < 0)
        return false;
    pid_t naive = fork();
    if (naive == 0) {
        close(ends[0]);
        (void)!read(start[0], &byte, 1);
        receive_naively(ends[1]);
    }
    close(ends[1]);
    int result = linger_send(ends[0], way);
    close(start[0]);
    (void)!write(start[1], &byte, 1);
    close(start[1]);
    /* How long it stands still nobody measures: it would else have ended. */
    (void)poll(NULL, 0, STILL_MS);
    bool stands = result == 0 && naive > 0 && waitpid(naive, NULL, WNOHANG) == 0;
    if (naive > 0) {
        (void)kill(naive, SIGKILL);
        (void)waitpid(naive, NULL, 0);
    }
    close(ends[0]);
    return stands;
}

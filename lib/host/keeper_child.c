/* How a process below the keeper begins. */
#include "lib/host/keeper_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"
#include "lib/host/session_relay.h"
#include "lib/host/session_socket.h"

/* Above what is placed. */
#define FREE_FD 64

/* clang-format off */
static const struct argp_option options[] = {
    {"session",            's', "ID",  0, "Serve this session", 0},
    {"container-root-uid", 'u', "UID", 0, "The uid on the host that root in the container is (default 0)", 0},
    {"keeper-fd",          'k', "FD",  0, "A SOCK_SEQPACKET socket to the keeper", 0},
    {"relay-fd",           'r', "FD",  0, "A SOCK_SEQPACKET socket to the session's sidecar", 0},
    {0},
};
/* clang-format on */

unsigned long keeper_child_number(const char *text, unsigned long most, struct argp_state *state)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || number > most)
        argp_error(state, "'%s' is no number up to %lu", text, most);
    return number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct keeper_child *child = state->input;
    switch (key) {
    case 's':
        if (!manifest_is_session_id(argument))
            argp_error(state, "'%s' is not a session id", argument);
        snprintf(child->session, sizeof(child->session), "%s", argument);
        return 0;
    case 'u':
        child->container_root_uid = (uid_t)keeper_child_number(argument, UINT32_MAX - 1, state);
        return 0;
    case 'k':
        child->keeper = (int)keeper_child_number(argument, INT32_MAX, state);
        return 0;
    case 'r':
        if (child->relay_count == KEEPER_CHILD_RELAYS)
            argp_error(state, "--relay-fd is said too often");
        child->relays[child->relay_count++] = (int)keeper_child_number(argument, INT32_MAX, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp keeper_child_argp = {.options = options, .parser = parse_option};

bool keeper_child_is_told(const struct keeper_child *child)
{
    return child->session[0] != '\0' && child->keeper >= KEEPER_CHILD_FD;
}

int keeper_child_hide(struct error *err)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return error_set(err, errno, "be out of the sight of others, and of core files");
    return 0;
}

/* Behind the keeper's, in their order; first out of each other's way. */
static int place_relays(struct keeper_child *child, struct error *err)
{
    for (size_t i = 0; i < child->relay_count; i++) {
        child->relays[i] = fcntl(child->relays[i], F_DUPFD_CLOEXEC, FREE_FD);
        if (child->relays[i] < 0)
            return error_set(err, errno, "keep the sidecar's descriptor");
    }
    for (size_t i = 0; i < child->relay_count; i++) {
        int place = KEEPER_CHILD_FD + 1 + (int)i;
        if (dup3(child->relays[i], place, O_CLOEXEC) < 0)
            return error_set(err, errno, "keep the sidecar's descriptor");
        child->relays[i] = place;
    }
    return 0;
}

int keeper_child_settle(struct keeper_child *child, struct error *err)
{
    child->keeper = fcntl(child->keeper, F_DUPFD_CLOEXEC, FREE_FD);
    int result = child->keeper < 0 ? error_set(err, errno, "keep the keeper's descriptor")
                                   : place_relays(child, err);
    if (result < 0)
        return result;
    if (dup2(child->keeper, KEEPER_CHILD_FD) < 0)
        return error_set(err, errno, "keep the keeper's descriptor");
    child->keeper = KEEPER_CHILD_FD;
    sys_close_range(KEEPER_CHILD_FD + 1 + (unsigned int)child->relay_count, UINT_MAX, 0);
    fd_set_close_on_exec(KEEPER_CHILD_FD, true);
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_set(err, errno, "end with the keeper");
    return keeper_child_hide(err);
}

int keeper_child_listen(const struct keeper_child *child, const struct keeper_child_door *door,
                        struct error *err)
{
    if (child->relay_count > 0) {
        int fd = fcntl(child->relays[0], F_DUPFD_CLOEXEC, 0);
        return fd < 0 ? error_set(err, errno, "keep the sidecar's descriptor") : fd;
    }
    if (door->type == SOCK_STREAM)
        return session_socket_listen_stream(door->directory, door->name, 0666, door->backlog, err);
    return session_socket_listen(door->directory, door->name, 0666, door->backlog, err);
}

int keeper_child_accept(const struct keeper_child *child, int listener, struct ucred *peer)
{
    socklen_t size = sizeof(*peer);
    if (child->relay_count > 0)
        return session_relay_take(listener, peer);
    cleanup_fd int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) < 0)
        return -errno;
    return steal_fd(&fd);
}

int keeper_child_read_map(const struct keeper_child *child, pid_t pid, struct uid_map *map,
                          struct error *err)
{
    if (child->relay_count == 0)
        return uid_map_read(pid, map, err);
    session_relay_map(map);
    return 0;
}

bool keeper_child_is_cut_off(const struct keeper_child *child)
{
    return child->relay_count > 0 && session_relay_is_gone(child->relays[0]);
}

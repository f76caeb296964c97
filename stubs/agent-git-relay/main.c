/* agent-git-relay: the container's end of the git proxy. agent-git-relay(8) */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/unix_message.h"
#include "lib/base/users.h"
#include "lib/wire/git_access.h"
#include "lib/wire/init_protocol.h"
#include "stubs/agent-git-relay/relay.h"

#define FILTER "/etc/coding-agents/seccomp/command.bpf"
#define LISTENER_NAME "listener"

static int tell_init(const char *word, int fd)
{
    struct init_notice notice = {.name = LISTENER_NAME};
    if (getenv(INIT_NOTIFY_VARIABLE) == NULL)
        return 0;
    memcpy(notice.word, word, strlen(word));
    const struct unix_message message = {
        .data = &notice, .size = sizeof(notice), .fds = &fd, .fd_count = fd >= 0 ? 1 : 0};
    return unix_message_send(INIT_NOTIFY_FD, &message);
}

/* PID 1 keeps it, so that no command of the session can take the port while we are started again.
 */
static int find_listener(struct error *err)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(GIT_ACCESS_PORT),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    const char *stored = getenv(INIT_STORE_VARIABLE);
    if (stored != NULL && strcmp(stored, LISTENER_NAME) == 0)
        return INIT_STORE_FD;
    cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, RELAY_PAIRS) < 0)
        return error_set(err, errno, "listen at port %d of the loopback address", GIT_ACCESS_PORT);
    int result = tell_init(INIT_NOTICE_STORE, fd);
    return result < 0 ? error_set(err, -result, "have the listener kept") : steal_fd(&fd);
}

/* Where the socket lies only root comes; who is there already needs no way. */
static int enter_directory(char *path, const char **name, struct error *err)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return error_set(err, EINVAL, "'%s' is no path of a socket", path);
    *slash = '\0';
    *name = slash + 1;
    return chdir(path) < 0 ? error_set(err, errno, "enter '%s'", path) : 0;
}

static int become_nobody_else(struct error *err)
{
    struct user user;
    int result = users_find(USERS_FILE, GIT_ACCESS_IDENTITY, &user, err);
    if (result < 0)
        return result;
    result = capability_clear_bounding();
    if (result < 0)
        return error_set(err, -result, "empty the capability bounding set");
    if (setgroups(0, NULL) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
        setresuid(user.uid, user.uid, user.uid) < 0)
        return error_set(err, errno, "become %s", user.name);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, errno, "set no_new_privs");
    return seccomp_filter_load(FILTER, err);
}

static int prepare(struct relay *relay, char *path, struct error *err)
{
    if (getenv(INIT_NOTIFY_VARIABLE) != NULL)
        fd_set_close_on_exec(INIT_NOTIFY_FD, true);
    relay->listener = find_listener(err);
    if (relay->listener < 0)
        return relay->listener;
    int result = enter_directory(path, &relay->socket, err);
    if (result == 0)
        result = become_nobody_else(err);
    if (result == 0) {
        result = tell_init(INIT_NOTICE_READY, -1);
        if (result < 0)
            error_set(err, -result, "say that it is ready");
    }
    return result;
}

int main(int argc, char **argv)
{
    static struct relay relay;
    struct error err = ERROR_INITIALIZER;
    if (argc != 2) {
        diagnostic_print("usage: agent-git-relay SOCKET\n");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    int result = prepare(&relay, argv[1], &err);
    if (result == 0) {
        result = relay_run(&relay);
        error_set(&err, -result, "hand bytes on");
    }
    diagnostic_say(error_text(&err), NULL);
    return 1;
}

/* agent-broker-relay: the sidecar of a session, which takes connections for processes of the host.
 * agent-broker-relay(8) */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/mux.h"
#include "lib/base/path.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/manifest.h"
#include "lib/wire/relay.h"

#define FILTER "/etc/coding-agents/seccomp/" RELAY_FILTER
#define BACKLOG 128

/* PID 1 has no default action for it. */
static void on_term(int signal)
{
    (void)signal;
    _exit(0);
}

static int make_parent(const char *path, struct error *err)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return 0;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    if (mkdir(parent, 0711) < 0 && errno != EEXIST)
        return error_set(err, errno, "make directory '%s'", parent);
    return chmod(parent, 0711) < 0 ? error_set(err, errno, "open '%s'", parent) : 0;
}

static int listen_as(struct mux *mux, const char *name, struct mux_service *services,
                     struct error *err)
{
    unsigned int number = relay_service_find(name);
    if (number == RELAY_SERVICE_COUNT)
        return error_set(err, EINVAL, "there is no service '%.40s'", name);
    const struct relay_service_row *row = &relay_services[number];
    int result = make_parent(row->path, err);
    if (result < 0)
        return result;
    int fd = row->service.type == SOCK_STREAM ? unix_socket_listen_stream(row->path, 0666, BACKLOG)
                                              : unix_socket_listen(row->path, 0666, BACKLOG);
    if (fd < 0)
        return error_set(err, -fd, "listen at '%s'", row->path);
    services[number] = row->service;
    result = mux_listen(mux, number, fd);
    return result < 0 ? error_set(err, -result, "watch '%s'", row->path) : 0;
}

/* What is left is to hand bytes on. */
static int confine(struct error *err)
{
    struct capability_sets sets;
    int result = capability_get(&sets);
    if (result < 0)
        return error_set(err, -result, "look at the capabilities");
    if (sets.permitted != 0)
        return error_set(err, EPERM, "start it without capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, errno, "set no_new_privs");
    return seccomp_filter_load(FILTER, err);
}

static int prepare(struct mux *mux, char **names, struct error *err)
{
    static struct mux_service services[MUX_SERVICES];
    const struct mux_plan plan = {
        .input = STDIN_FILENO, .output = STDOUT_FILENO, .services = services};
    if (chdir(MANIFEST_SOCKET_DIRECTORY) < 0 || chmod(".", 0711) < 0)
        return error_set(err, errno, "open '" MANIFEST_SOCKET_DIRECTORY "'");
    fd_set_nonblocking(STDIN_FILENO, true);
    fd_set_nonblocking(STDOUT_FILENO, true);
    int result = mux_open(mux, &plan);
    if (result < 0)
        return error_set(err, -result, "make the event loop");
    for (; result == 0 && *names != NULL; names++)
        result = listen_as(mux, *names, services, err);
    return result < 0 ? result : confine(err);
}

int main(int argc, char **argv)
{
    static struct mux mux;
    struct error err = ERROR_INITIALIZER;
    if (argc < 2) {
        diagnostic_print("usage: agent-broker-relay SERVICE...\n");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_term);
    umask(0);
    int result = prepare(&mux, argv + 1, &err);
    if (result < 0) {
        diagnostic_say(error_text(&err), NULL);
        return 1;
    }
    mux_say_ready(&mux);
    while (result == 0)
        result = mux_run_once(&mux, -1);
    if (result != -EPIPE) {
        error_set(&err, -result, "hand bytes on: %s", error_text(&mux.reason));
        diagnostic_say(error_text(&err), NULL);
        return 1;
    }
    return 0;
}

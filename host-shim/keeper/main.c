/* coding-agents-keeper: keeps one session's audit log and waits for its container.
 * coding-agents-keeper(8) */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/wire/session.h"

/* Where the launcher's end is put, so that everything above can be closed. */
#define CONTROL_FD 3

/* clang-format off */
static const struct argp_option options[] = {
    {"session",            's', "ID",  0, "Keep this session", 0},
    {"control-fd",         'c', "FD",  0, "A stream socket to the launcher", 0},
    {"container-root-uid", 'u', "UID", 0, "The uid on the host that root in the container is (default 0)", 0},
    {"sidecar",            'r', NULL,  0, "The container's connections come through a sidecar, as its engine can mount no socket of the host", 0},
    {"no-data",            'n', NULL,  0, "The agent gets nothing of earlier sessions, and leaves nothing behind", 0},
    {0},
};
/* clang-format on */

static bool parse_number(const char *text, unsigned long most, unsigned long *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number <= most;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct keeper *keeper = state->input;
    unsigned long number = 0;
    switch (key) {
    case 's':
        if (!manifest_is_session_id(argument))
            argp_error(state, "'%s' is not a session id", argument);
        snprintf(keeper->session, sizeof(keeper->session), "%s", argument);
        return 0;
    case 'c':
        if (!parse_number(argument, INT_MAX, &number) || number < CONTROL_FD ||
            fcntl((int)number, F_GETFD) < 0)
            argp_error(state, "'%s' is not an open descriptor from 3 up", argument);
        keeper->control_fd = (int)number;
        return 0;
    case 'u':
        if (!parse_number(argument, UINT_MAX - 1, &number))
            argp_error(state, "'%s' is not a uid", argument);
        keeper->container_root_uid = (uid_t)number;
        return 0;
    case 'n':
        keeper->is_without_data = true;
        return 0;
    case 'r':
        keeper->has_sidecar = true;
        return 0;
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN;
    case ARGP_KEY_END:
        if (keeper->session[0] == '\0' || keeper->control_fd < 0)
            argp_error(state, "--session and --control-fd are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Two forks: the keeper belongs to no terminal, can get none, and is nobody's child who must be
 * waited for. */
static int detach(void)
{
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return -errno;
        if (pid > 0)
            _exit(0);
        if (i == 0 && setsid() < 0)
            return -errno;
    }
    return chdir("/") < 0 ? -errno : 0;
}

/* Standard streams to /dev/null and keeper.log, the launcher's end to its place, the rest closed.
 */
static int place_descriptors(struct keeper *keeper, struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/keeper.log", keeper->state_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    if (keeper->control_fd != CONTROL_FD && dup2(keeper->control_fd, CONTROL_FD) < 0)
        return error_set(err, errno, "keep the launcher's descriptor");
    keeper->control_fd = CONTROL_FD;
    sys_close_range(CONTROL_FD + 1, UINT_MAX, 0);
    fd_set_close_on_exec(CONTROL_FD, true);
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    cleanup_fd int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (null < 0 || log < 0)
        return error_set(err, errno, "open '%s'", log < 0 ? path : "/dev/null");
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        return error_set(err, errno, "place the standard streams");
    return 0;
}

/* Nothing of it in a core file or under a debugger of the same user, and nothing it makes for
 * others. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    umask(0077);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
}

static int start(struct keeper *keeper, struct error *err)
{
    struct stat status;
    int result = session_state_directory(keeper->session, keeper->state_directory, err);
    if (result < 0)
        return result;
    if (stat(keeper->state_directory, &status) < 0)
        return error_set(err, errno, "session %s, in '%s'", keeper->session,
                         keeper->state_directory);
    result = detach();
    if (result < 0)
        return error_set(err, -result, "detach from the launcher");
    result = place_descriptors(keeper, err);
    return result < 0 ? result : keeper_open(keeper, err);
}

int main(int argc, char **argv)
{
    static struct keeper keeper = {.control_fd = -1, .listener = -1};
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .doc = "Keeps the audit log of one session and waits for its container. Started by "
               "coding-agents.",
    };
    struct error err = ERROR_INITIALIZER;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &keeper);
    harden();
    int result = start(&keeper, &err);
    if (result < 0) {
        control_say(&keeper, "FAILED %s\n", error_text(&err));
        log_note("%s", error_text(&err));
        keeper_close(&keeper);
        return EXIT_AUDIT;
    }
    log_note("process %d keeps session %s", getpid(), keeper.session);
    control_say(&keeper, keeper.secrets.broker.pid > 0 ? "READY LOGIN\n" : "READY\n");
    while (keeper.phase != KEEPER_DONE && result == 0)
        result = event_loop_run_once(&keeper.loop, -1);
    if (result < 0)
        log_note("the event loop: %s", strerror(-result));
    keeper_close(&keeper);
    return result < 0 ? EXIT_AUDIT : 0;
}

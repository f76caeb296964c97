/* What doctor looks at for logins and remotes: whether a broker and a git proxy can be confined,
 * and whether containers reach them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/commands/doctor.h"
#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/base/unix_socket.h"
#include "lib/host/install_paths.h"
#include "lib/host/printable.h"
#include "lib/wire/redeem.h"
#include "lib/wire/session.h"

#define KIBIBYTE 1024ull
/* docs/secrets.md: a broker with its libraries locks not half of it; a login on its way takes more.
 */
#define LOCKED_NEEDED (8 * 1024 * KIBIBYTE)
#define CHECK_MS 20000

#define DETAIL(finding, ...) snprintf((finding)->detail, sizeof((finding)->detail), __VA_ARGS__)
#define REMEDY(finding, ...) snprintf((finding)->remedy, sizeof((finding)->remedy), __VA_ARGS__)

/* How much memory a process of ours may lock; RLIM_INFINITY with the capability that knows no
 * limit. */
static unsigned long long lockable(void)
{
    struct rlimit limit = {.rlim_cur = 0};
    struct capability_sets sets;
    if (capability_get(&sets) == 0 && (sets.effective & CAPABILITY_BIT(CAP_IPC_LOCK)) != 0)
        return RLIM_INFINITY;
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_cur;
}

/* Why the program NAME, which is WHAT, cannot do what it is for, owned; NULL when it can. FOR_IMAGE
 * is an image it is to be tried with, or NULL. */
static char *try_program(const char *name, const char *what, const char *for_image)
{
    char program[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    struct process_result result = {.output = NULL};
    int status = install_path_libexec(name, program, &err);
    const char *const plain[] = {program, "--check", NULL};
    const char *const with_image[] = {program,   "--check", "--image", for_image,
                                      "--serve", "root",    NULL};
    const char *const *argv = for_image == NULL ? plain : with_image;
    const struct process_spec spec = {
        .argv = argv,
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = -1,
        .timeout_ms = CHECK_MS,
    };
    if (status == 0)
        status = process_run(&spec, &result, &err);
    if (status < 0)
        return strdup(error_text(&err));
    char *reason =
        process_is_success(result.wait_status) ? NULL : printable_last_line(result.error_output);
    if (reason == NULL && !process_is_success(result.wait_status) &&
        asprintf(&reason, "%s ended when it tried", what) < 0)
        reason = NULL;
    process_result_free(&result);
    return reason;
}

/* A session without a login runs, so none of it is a failure. */
void doctor_check_logins(struct doctor_report *report)
{
    unsigned long long limit = lockable();
    cleanup_free char *reason = try_program("coding-agents-broker", "the broker", NULL);
    bool is_short = limit != RLIM_INFINITY && limit < LOCKED_NEEDED;
    struct doctor_finding *finding =
        doctor_add(report, "logins", reason == NULL && !is_short ? DOCTOR_OK : DOCTOR_WARN);
    if (reason != NULL)
        DETAIL(finding, "no login can be given to a session: %.400s", reason);
    else if (is_short)
        DETAIL(finding, "%llu KiB of memory can be locked, and a broker may need %llu",
               limit / KIBIBYTE, LOCKED_NEEDED / KIBIBYTE);
    else
        DETAIL(finding,
               "a broker can lock its memory, and confine itself with Landlock and seccomp");
    if (is_short)
        REMEDY(finding,
               "raise memlock to 8192 or more in /etc/security/limits.conf and log in again, "
               "or LimitMEMLOCK= of the service");
    else if (reason != NULL)
        REMEDY(finding,
               "until then: coding-agents secrets set AGENT --none, and sessions start without");
}

/* Nor is that: a session starts without its remotes. */
void doctor_check_git(struct doctor_report *report)
{
    cleanup_free char *reason = try_program("coding-agents-git-proxy", "the git proxy", NULL);
    struct doctor_finding *finding =
        doctor_add(report, "git-proxy", reason == NULL ? DOCTOR_OK : DOCTOR_WARN);
    if (reason != NULL) {
        DETAIL(finding, "no session reaches a remote over https: %.400s", reason);
        REMEDY(finding, "see docs/git.md");
    } else {
        DETAIL(finding, "a git proxy can lock its heap, and confine itself with Landlock and "
                        "seccomp");
    }
}

int doctor_socket_open(struct doctor_socket *socket, struct error *err)
{
    char path[PATH_MAX];
    char root[PATH_MAX];
    *socket = (struct doctor_socket){.listener = -1};
    int result = session_runtime_root(root, err);
    if (result < 0)
        return result;
    if (path_format(path, "%s/doctor.XXXXXX", root) < 0)
        return error_set(err, ENAMETOOLONG, "the runtime directory");
    if (mkdtemp(path) == NULL || chmod(path, 0711) < 0)
        return error_set(err, errno, "make a directory in '%s'", root);
    memcpy(socket->directory, path, sizeof(path));
    if (path_format(path, "%s/" REDEEM_SOCKET, socket->directory) < 0)
        return error_set(err, ENAMETOOLONG, "the runtime directory");
    socket->listener = unix_socket_listen(path, 0666, 1);
    return socket->listener < 0 ? error_set(err, -socket->listener, "listen at '%s'", path) : 0;
}

void doctor_socket_check(struct doctor_report *report, const struct doctor_socket *socket)
{
    uid_t uid = 0;
    uid_t root = report->engine.container_root_uid;
    cleanup_fd int fd = unix_socket_accept(socket->listener, &uid);
    struct doctor_finding *finding =
        doctor_add(report, "login-peer", fd >= 0 && uid == root ? DOCTOR_OK : DOCTOR_WARN);
    if (fd < 0)
        DETAIL(finding, "no container reaches a socket of the host: no login can be redeemed");
    else
        DETAIL(finding, "root of a container is uid %u to a broker%s", (unsigned int)uid,
               uid == root ? "" : ", which trusts another one");
    if (finding->verdict != DOCTOR_OK)
        REMEDY(finding, fd < 0
                            ? "start sessions with --broker sidecar, if that works here (broker)"
                            : "use an engine of this machine itself, and an image of this version");
}

static const char *engine_kind(const struct engine_facts *engine)
{
    return engine->is_rootless        ? "a rootless engine"
           : engine->has_userns_remap ? "an engine with userns-remap"
                                      : "the engine's default";
}

void doctor_check_broker(struct doctor_report *report, const struct doctor_socket *socket,
                         const char *image)
{
    struct error err = ERROR_INITIALIZER;
    struct pollfd came = {.fd = socket->listener, .events = POLLIN};
    bool is_reached = poll(&came, 1, 0) > 0 && engine_check_sockets(&report->engine, &err) == 0;
    cleanup_free char *reason =
        is_reached ? NULL : try_program("coding-agents-sidecar", "the sidecar", image);
    struct doctor_finding *finding = doctor_add(report, "broker",
                                                is_reached       ? DOCTOR_OK
                                                : reason == NULL ? DOCTOR_WARN
                                                                 : DOCTOR_FAIL);
    if (is_reached) {
        DETAIL(finding, "socket: containers reach a socket of this machine (%s)",
               engine_kind(&report->engine));
    } else if (reason == NULL) {
        DETAIL(finding,
               "sidecar: containers reach no socket of this machine, and one beside theirs (%s)",
               engine_kind(&report->engine));
        REMEDY(finding, "start sessions with --broker sidecar");
    } else {
        DETAIL(finding, "containers reach no socket of this machine, and no sidecar: %.300s",
               reason);
        REMEDY(finding, "use an engine of this machine itself, and an image of this version");
    }
}

void doctor_socket_close(struct doctor_socket *socket)
{
    cleanup_close(&socket->listener);
    if (socket->directory[0] != '\0')
        (void)path_remove_tree(AT_FDCWD, socket->directory, NULL);
}

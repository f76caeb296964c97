/* What doctor looks at on the host: engine, runtime, directories, space, git. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host-shim/commands/doctor.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/host/install_paths.h"
#include "lib/wire/session.h"

#define MEBIBYTE (1024ull * 1024)
#define SPACE_NEEDED (256 * MEBIBYTE)
#define SPACE_ADVISED (4096 * MEBIBYTE)
/* `git worktree list -z`. */
#define GIT_MAJOR 2
#define GIT_MINOR 36

struct doctor_finding *doctor_add(struct doctor_report *report, const char *name,
                                  enum doctor_verdict verdict)
{
    if (report->count < ARRAY_LENGTH(report->findings))
        report->count++;
    struct doctor_finding *finding = &report->findings[report->count - 1];
    *finding = (struct doctor_finding){.name = name, .verdict = verdict};
    return finding;
}

#define DETAIL(finding, ...) snprintf((finding)->detail, sizeof((finding)->detail), __VA_ARGS__)
#define REMEDY(finding, ...) snprintf((finding)->remedy, sizeof((finding)->remedy), __VA_ARGS__)

/* Client, daemon, place, versions and seccomp: engine_detect refuses each by name. */
static void check_engine(struct doctor_report *report)
{
    struct error err = ERROR_INITIALIZER;
    report->has_engine = engine_detect(&report->engine, &err) == 0;
    struct doctor_finding *finding =
        doctor_add(report, "engine", report->has_engine ? DOCTOR_OK : DOCTOR_FAIL);
    if (report->has_engine)
        DETAIL(finding, "Docker Engine %s with %s, seccomp on", report->engine.engine_version,
               report->engine.client);
    else
        DETAIL(finding, "%.500s", error_text(&err));
    if (!report->has_engine && strcasestr(error_text(&err), "permission denied") != NULL)
        REMEDY(finding,
               "add yourself to the group docker (sudo usermod -aG docker $USER) and log in again");
}

struct runc_escape {
    unsigned int version[3]; /* the first that has the repair */
    const char *names;
};

static const struct runc_escape runc_escapes[] = {
    {{1, 1, 12}, "CVE-2024-21626"},
    {{1, 2, 8}, "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881"},
};

static bool is_older(const unsigned int *version, const unsigned int *other)
{
    for (size_t i = 0; i < 3; i++) {
        if (version[i] != other[i])
            return version[i] < other[i];
    }
    return false;
}

static void check_runc(struct doctor_report *report)
{
    unsigned int version[3] = {0, 0, 0};
    const char *text = report->engine.runc_version;
    (void)sscanf(text, "%u.%u.%u", &version[0], &version[1], &version[2]);
    for (size_t i = 0; i < ARRAY_LENGTH(runc_escapes); i++) {
        if (!is_older(version, runc_escapes[i].version))
            continue;
        struct doctor_finding *finding = doctor_add(report, "runc", DOCTOR_WARN);
        DETAIL(finding, "runc %s: upstream repaired ways out of a container (%s) in %u.%u.%u", text,
               runc_escapes[i].names, runc_escapes[i].version[0], runc_escapes[i].version[1],
               runc_escapes[i].version[2]);
        REMEDY(finding,
               "install a newer runc, unless your distribution carries the repair in this one");
        return;
    }
    DETAIL(doctor_add(report, "runc", DOCTOR_OK), "runc %s", text);
}

static void check_apparmor(struct doctor_report *report)
{
    bool has_apparmor = report->engine.has_apparmor;
    struct doctor_finding *finding =
        doctor_add(report, "apparmor", has_apparmor ? DOCTOR_OK : DOCTOR_WARN);
    DETAIL(finding, has_apparmor
                        ? "the engine confines with AppArmor"
                        : "no AppArmor: the second belt is missing, Landlock and seccomp remain");
    if (!has_apparmor)
        REMEDY(finding, "use a kernel with AppArmor enabled, where you can choose");
}

static void check_cgroup(struct doctor_report *report)
{
    const struct engine_facts *engine = &report->engine;
    bool is_second = strcmp(engine->cgroup_version, "2") == 0;
    bool is_limiting = strcmp(engine->cgroup_driver, "none") != 0;
    struct doctor_finding *finding =
        doctor_add(report, "cgroup", is_second && is_limiting ? DOCTOR_OK : DOCTOR_WARN);
    DETAIL(finding, "cgroup version %s%s", engine->cgroup_version,
           is_limiting ? "" : ", not for this engine: no limit of a session holds");
    if (!is_limiting)
        REMEDY(finding, "boot with cgroup v2 and systemd, which lets a rootless engine set limits");
    else if (!is_second)
        REMEDY(finding,
               "boot with cgroup v2: an out-of-memory kill then takes the whole session, and "
               "limits hold for writeback too");
}

static void check_user_namespaces(struct doctor_report *report)
{
    const struct engine_facts *engine = &report->engine;
    bool is_plain = !engine->is_rootless && !engine->has_userns_remap;
    struct doctor_finding *finding =
        doctor_add(report, "user-namespaces", is_plain ? DOCTOR_OK : DOCTOR_WARN);
    if (is_plain) {
        DETAIL(finding, "container root is host uid %u", (unsigned int)engine->container_root_uid);
        return;
    }
    DETAIL(finding, "%s: idmapped views are refused there, so a shared group takes their place",
           engine->is_rootless ? "rootless engine" : "engine with userns-remap");
    REMEDY(finding, engine->is_rootless ? "nothing to do"
                                        : "give others the right to read what a session is to see "
                                          "(chmod -R o+rX): the engine knows nobody like you");
}

static void check_access(struct doctor_report *report)
{
    gid_t groups[256];
    const struct group *docker = getgrnam("docker");
    int count = getgroups((int)ARRAY_LENGTH(groups), groups);
    bool is_member = geteuid() == 0;
    for (int i = 0; docker != NULL && i < count; i++)
        is_member = is_member || groups[i] == docker->gr_gid;
    struct doctor_finding *finding =
        doctor_add(report, "access", is_member || report->has_engine ? DOCTOR_OK : DOCTOR_FAIL);
    DETAIL(finding, "uid %u %s", (unsigned int)geteuid(),
           geteuid() == 0 ? "is root"
           : is_member    ? "is in the group docker, which is as good as root"
                          : "is not in the group docker");
    if (finding->verdict == DOCTOR_FAIL)
        REMEDY(finding, "sudo usermod -aG docker $USER, and log in again");
}

static void check_directory(struct doctor_report *report, const char *name,
                            int (*find)(char path[PATH_MAX], struct error *err))
{
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    int result = find(path, &err);
    struct doctor_finding *finding =
        doctor_add(report, name, result == 0 ? DOCTOR_OK : DOCTOR_FAIL);
    DETAIL(finding, "%.500s", result == 0 ? path : error_text(&err));
    if (result < 0)
        REMEDY(finding, "make it a directory of yours with mode 0700, or set XDG_%s",
               find == session_state_root ? "STATE_HOME" : "RUNTIME_DIR");
}

static void check_space(struct doctor_report *report)
{
    char path[PATH_MAX];
    struct statvfs status;
    if (session_state_root(path, NULL) < 0 || statvfs(path, &status) < 0)
        return;
    unsigned long long available = (unsigned long long)status.f_bavail * status.f_frsize;
    enum doctor_verdict verdict = available < SPACE_NEEDED    ? DOCTOR_FAIL
                                  : available < SPACE_ADVISED ? DOCTOR_WARN
                                                              : DOCTOR_OK;
    struct doctor_finding *finding = doctor_add(report, "disk-space", verdict);
    DETAIL(finding, "%llu MiB free at %.400s", available / MEBIBYTE, path);
    if (verdict != DOCTOR_OK)
        REMEDY(finding, "make room: coding-agents remove, docker system prune");
}

static void check_git(struct doctor_report *report)
{
    static const char *const arguments[] = {"git", "--version", NULL};
    struct process_spec spec = {
        .argv = arguments, .standard_input = -1, .standard_output = -1, .standard_error = -1};
    struct process_result result = {.output = NULL};
    unsigned int major = 0;
    unsigned int minor = 0;
    if (process_run(&spec, &result, NULL) == 0)
        (void)sscanf(result.output, "git version %u.%u", &major, &minor);
    process_result_free(&result);
    bool is_new = major > GIT_MAJOR || (major == GIT_MAJOR && minor >= GIT_MINOR);
    struct doctor_finding *finding = doctor_add(report, "git", is_new ? DOCTOR_OK : DOCTOR_FAIL);
    DETAIL(finding, major == 0 ? "git is not installed" : "git %u.%u", major, minor);
    if (!is_new)
        REMEDY(finding, "install git %d.%d or newer", GIT_MAJOR, GIT_MINOR);
}

static void check_installation(struct doctor_report *report)
{
    static const char *const programs[] = {"coding-agents-keeper", "coding-agents-broker",
                                           "coding-agents-sidecar", "coding-agents-collect",
                                           "coding-agents-transport"};
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    bool is_whole = install_path_share("policies/seccomp/agent.json", path, &err) == 0 &&
                    access(path, R_OK) == 0;
    for (size_t i = 0; is_whole && i < ARRAY_LENGTH(programs); i++)
        is_whole = install_path_libexec(programs[i], path, &err) == 0 && access(path, X_OK) == 0;
    struct doctor_finding *finding =
        doctor_add(report, "installation", is_whole ? DOCTOR_OK : DOCTOR_FAIL);
    if (is_whole) {
        DETAIL(finding, "version %s, complete", CODING_AGENTS_VERSION);
        return;
    }
    DETAIL(finding, "%.500s is missing", path);
    REMEDY(finding, "install coding-agents again (make install)");
}

void doctor_check_ptrace(struct doctor_report *report, const char *path)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    bool is_there = fd_read_file(AT_FDCWD, path, 64, &text, &size, NULL) == 0;
    bool is_restricted = is_there && strtol(text, NULL, 10) > 0;
    struct doctor_finding *finding =
        doctor_add(report, "ptrace-scope", is_restricted ? DOCTOR_OK : DOCTOR_WARN);
    if (is_restricted) {
        DETAIL(finding, "kernel.yama.ptrace_scope is %ld", strtol(text, NULL, 10));
        return;
    }
    DETAIL(finding,
           "kernel.yama.ptrace_scope is %s: a process entered with docker exec -u agentuser is "
           "outside the command filter, and the session's commands may trace it",
           is_there ? "0" : "missing");
    REMEDY(finding, is_there ? "set kernel.yama.ptrace_scope=1 with sysctl"
                             : "use a kernel with Yama, and set kernel.yama.ptrace_scope=1");
}

void doctor_check_host(struct doctor_report *report)
{
    check_installation(report);
    doctor_check_ptrace(report, "/proc/sys/kernel/yama/ptrace_scope");
    check_git(report);
    check_directory(report, "state-directory", session_state_root);
    check_directory(report, "runtime-directory", session_runtime_root);
    check_space(report);
    doctor_check_logins(report);
    doctor_check_git(report);
    check_engine(report);
    check_access(report);
    if (!report->has_engine)
        return;
    check_runc(report);
    check_apparmor(report);
    check_cgroup(report);
    check_user_namespaces(report);
}

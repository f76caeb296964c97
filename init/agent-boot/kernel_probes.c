/* Tries what a session needs of the kernel: in a child where trying changes the process. */
#include "init/agent-boot/kernel_probes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/apparmor_label.h"
#include "lib/base/cleanup.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
#define LANDLOCK_ABI 2

/* Runs PROBE in a child; its errno, or 0, comes back as the exit status. */
static int probe_in_child(int (*probe)(void), const char *what, struct error *err)
{
    pid_t child = fork();
    if (child < 0)
        return error_set(err, errno, "%s", what);
    if (child == 0)
        _exit(probe());
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        if (boot_is_interrupted())
            kill(child, SIGKILL);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return error_set(err, EPROTO, "%s: killed by signal %d", what, WTERMSIG(status));
    return error_set(err, WEXITSTATUS(status), "%s", what);
}

int probe_kernel_version(struct boot_context *context, struct error *err)
{
    struct utsname name;
    int major = 0;
    int minor = 0;
    if (uname(&name) < 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2)
        return error_set(err, EPROTO, "the kernel does not tell its version");
    boot_set_detail(context, "Linux %s", name.release);
    if (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR))
        return error_set(err, EPROTO, "Linux %s is older than %d.%d", name.release, KERNEL_MAJOR,
                         KERNEL_MINOR);
    return 0;
}

int probe_landlock(struct boot_context *context, struct error *err)
{
    int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0)
        return error_set(err, -abi, "Landlock");
    if (abi < LANDLOCK_ABI)
        return error_set(err, EPROTO, "Landlock ABI %d is older than %d", abi, LANDLOCK_ABI);
    boot_set_detail(context, "Landlock ABI %d", abi);
    return 0;
}

/* A filter that lets everything pass but has a listener: refused with EBUSY when one is above us.
 */
static int try_user_notify(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = 1, .filter = &allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    int fd = sys_seccomp(SECCOMP_SET_MODE_FILTER,
                         SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                         &program);
    return fd < 0 ? -fd : 0;
}

int probe_user_notify(struct boot_context *context, struct error *err)
{
    boot_set_detail(context, "with WAIT_KILLABLE_RECV");
    return probe_in_child(try_user_notify, "seccomp user notification", err);
}

static int try_pidfd(void)
{
    int fd = sys_pidfd_open(getpid(), 0);
    if (fd < 0)
        return -fd;
    int result = sys_pidfd_send_signal(fd, 0, 0);
    return result < 0 ? -result : 0;
}

int probe_pidfd(struct boot_context *context, struct error *err)
{
    (void)context;
    return probe_in_child(try_pidfd, "pidfd_open and pidfd_send_signal", err);
}

static int try_close_range(void)
{
    int result = sys_close_range(100, 101, 0);
    return result < 0 ? -result : 0;
}

int probe_close_range(struct boot_context *context, struct error *err)
{
    (void)context;
    return probe_in_child(try_close_range, "close_range", err);
}

/* Seizes a child that waits: what the task runner will do to every trapped command. */
static int try_ptrace(void)
{
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0) {
        pause();
        _exit(0);
    }
    int number = 0;
    if (ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
        number = errno;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return number;
}

int probe_ptrace(struct boot_context *context, struct error *err)
{
    (void)context;
    return probe_in_child(try_ptrace, "ptrace of a child", err);
}

int probe_no_new_privs(struct boot_context *context, struct error *err)
{
    (void)context;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return error_set(err, EPROTO, "processes may gain privileges by exec");
    return 0;
}

int probe_seccomp_mode(struct boot_context *context, struct error *err)
{
    (void)context;
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
        return error_set(err, EPROTO, "no seccomp profile is in force");
    return 0;
}

int probe_read_only_root(struct boot_context *context, struct error *err)
{
    (void)context;
    struct statvfs status;
    if (statvfs("/", &status) < 0)
        return error_set(err, errno, "statvfs '/'");
    if ((status.f_flag & ST_RDONLY) == 0)
        return error_set(err, EPROTO, "the root file system is writable");
    return 0;
}

/* Docker hides /proc/kcore behind /dev/null and makes /proc/sys read-only. */
int probe_masked_proc(struct boot_context *context, struct error *err)
{
    (void)context;
    struct statvfs status;
    if (statvfs("/proc/sys", &status) < 0 || (status.f_flag & ST_RDONLY) == 0)
        return error_set(err, EPROTO, "/proc/sys is writable");
    char byte;
    cleanup_fd int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &byte, 1) > 0)
        return error_set(err, EPROTO, "/proc/kcore is readable");
    return 0;
}

/* As every sandbox has it: a tree of processes, and a /proc that shows it. */
static int try_fresh_proc(void)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
        return errno;
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0) {
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
            _exit(errno);
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EPROTO;
}

int probe_fresh_proc(struct boot_context *context, struct error *err)
{
    (void)context;
    return probe_in_child(try_fresh_proc, "mount a /proc of its own", err);
}

int probe_pid_one(struct boot_context *context, struct error *err)
{
    if (context->mode == BOOT_MODE_CHECK)
        return BOOT_SKIPPED;
    if (getppid() != 1)
        return error_set(err, EPROTO, "agent-init is not PID 1 of this container");
    return 0;
}

/* Commands and agentcli stack their own profiles on this label, and refuse to start on any other.
 */
int probe_apparmor(struct boot_context *context, struct error *err)
{
    char label[APPARMOR_LABEL_SIZE];
    int length = apparmor_label_read(label);
    if (length < 0)
        return error_set(err, -length, "read the AppArmor label");
    if (length == 0) {
        boot_set_detail(context, "not in this kernel: Landlock and seccomp confine alone");
        return BOOT_SKIPPED;
    }
    boot_set_detail(context, "label %s", label);
    if (strcmp(label, APPARMOR_CONTAINER " (enforce)") != 0)
        return error_set(err, EPROTO, "the label is '%s', not '" APPARMOR_CONTAINER " (enforce)'",
                         label);
    return 0;
}

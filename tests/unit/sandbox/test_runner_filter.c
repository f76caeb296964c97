/*
 * The shipped filter of the task runner on the running kernel. Each refusal stands beside its
 * control: the same call without the filter must end otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "tests/unit/sandbox/filter_probe.h"

/* clang-format off */
/* An allow-list: what is not named is refused, and the half that the runner uses works. */
static const struct expected_call runner_calls[] = {
    {"execve",             SYS_execve, {0, 0, 0}, EPERM},
    {"execveat",           SYS_execveat, {(uint64_t)-1, 0, 0}, EPERM},
    {"clone",              SYS_clone, {SIGCHLD}, EPERM},
    {"clone3",             SYS_clone3, {0, 0}, EPERM},
    {"own filter",         SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 0}, EPERM},
    {"prctl",              SYS_prctl, {PR_SET_DUMPABLE, 1, 0}, EPERM},
    {"setuid",             SYS_setuid, {(uint64_t)-1}, EPERM},
    {"unlink",             SYS_unlinkat, {(uint64_t)AT_FDCWD, 0, 0}, EPERM},
    {"mkdir",              SYS_mkdirat, {(uint64_t)AT_FDCWD, 0, 0}, EPERM},
    {"creating a file",    SYS_openat, {(uint64_t)AT_FDCWD, 0, O_CREAT | O_WRONLY}, EPERM},
    {"O_TMPFILE",          SYS_openat, {(uint64_t)AT_FDCWD, 0, O_TMPFILE | O_WRONLY}, EPERM},
    {"opening a file",     SYS_openat, {(uint64_t)AT_FDCWD, 0, O_RDONLY}, 0},
    {"unix socket",        SYS_socket, {AF_UNIX, SOCK_SEQPACKET, 0}, 0},
    {"inet socket",        SYS_socket, {AF_INET, SOCK_STREAM, 0}, EPERM},
    {"netlink socket",     SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, EPERM},
    {"bind",               SYS_bind, {(uint64_t)-1, 0, 0}, EPERM},
    {"listen",             SYS_listen, {(uint64_t)-1, 0, 0}, EPERM},
    {"TIOCSTI",            SYS_ioctl, {(uint64_t)-1, TIOCSTI, 0}, EPERM},
    {"receiving",          SYS_ioctl, {(uint64_t)-1, SECCOMP_IOCTL_NOTIF_RECV, 0}, 0},
    {"ptrace seize",       SYS_ptrace, {PTRACE_SEIZE, 0, 0}, 0},
    {"ptrace attach",      SYS_ptrace, {PTRACE_ATTACH, 0, 0}, EPERM},
    {"ptrace poke",        SYS_ptrace, {PTRACE_POKEDATA, 0, 0}, EPERM},
    {"ptrace traceme",     SYS_ptrace, {PTRACE_TRACEME, 0, 0}, EPERM},
    {"process_vm_writev",  SYS_process_vm_writev, {(uint64_t)-1, 0, 0}, 0},
    {"pidfd_getfd",        SYS_pidfd_getfd, {(uint64_t)-1, 0, 0}, EPERM},
    {"setfsuid",           SYS_setfsuid, {(uint64_t)-1}, 0},
    {"code in memory",     SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC}, EPERM},
    {"data made code",     SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}, EPERM},
    {"mount",              SYS_mount, {0, 0, 0}, EPERM},
    {"setns",              SYS_setns, {(uint64_t)-1, 0}, EPERM},
    {"bpf",                SYS_bpf, {(uint64_t)-1, 0, 0}, EPERM},
    {"io_uring_setup",     SYS_io_uring_setup, {0, 0}, EPERM},
    {"kill",               SYS_kill, {0, 0, 0}, 0},
};
/* clang-format on */

static int choose_filter(void **state)
{
    (void)state;
    return filter_choose("runner.bpf");
}

static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(runner_calls); i++)
        filter_check(&runner_calls[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_calls, choose_filter)};
    return cmocka_run_group_tests(tests, filter_find, NULL);
}

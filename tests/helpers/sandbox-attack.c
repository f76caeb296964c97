/* Tries one thing that a command in a sandbox must not be able to do, and prints how the kernel
 * answered: "success", or the name of the errno. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

#define FLOOD 100000

/* 0 or -errno, like the rest. */
static int result_of(long value)
{
    return value < 0 ? -errno : 0;
}

static int join_user_namespace(int more)
{
    return result_of(unshare(CLONE_NEWUSER | more));
}

static int try_unshare(const char *argument)
{
    (void)argument;
    return join_user_namespace(0);
}

static int try_clone(const char *argument)
{
    pid_t pid = sys_fork(CLONE_NEWUSER, NULL);

    (void)argument;
    if (pid == 0)
        _exit(0);
    return pid < 0 ? pid : 0;
}

static int try_mount(const char *argument)
{
    int result = join_user_namespace(CLONE_NEWNS);

    return result < 0 ? result : result_of(mount("x", argument, "tmpfs", 0, NULL));
}

static int try_unmount(const char *argument)
{
    return result_of(umount2(argument, MNT_DETACH));
}

static int try_chroot(const char *argument)
{
    int result = join_user_namespace(0);

    return result < 0 ? result : result_of(chroot(argument));
}

static int try_setns(const char *argument)
{
    cleanup_fd int fd = open(argument, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : result_of(setns(fd, 0));
}

static int try_io_uring(const char *argument)
{
    struct io_uring_params parameters = {0};

    (void)argument;
    return result_of(syscall(SYS_io_uring_setup, 1, &parameters));
}

static int try_netlink(const char *argument)
{
    (void)argument;
    return result_of(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
}

static int try_family(const char *argument)
{
    return result_of(socket((int)strtol(argument, NULL, 10), SOCK_STREAM, 0));
}

static int try_key(const char *argument)
{
    (void)argument;
    return result_of(syscall(SYS_add_key, "user", "x", "y", 1, -2)); /* this process's ring */
}

static int try_userfaultfd(const char *argument)
{
    (void)argument;
    return result_of(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
}

static int try_bpf(const char *argument)
{
    (void)argument;
    return result_of(syscall(SYS_bpf, -1, NULL, 0));
}

static int try_perf(const char *argument)
{
    (void)argument;
    return result_of(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

/* The kernel looks at the low 32 bits of a request. */
static int try_ioctl(const char *argument)
{
    return result_of(
        syscall(SYS_ioctl, STDIN_FILENO, strtoull(argument, NULL, 0) | UINT64_C(1) << 32, "x"));
}

static int try_listener(const char *argument)
{
    (void)argument;
    return result_of(sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, NULL));
}

static int try_trace(const char *argument)
{
    return result_of(ptrace(PTRACE_SEIZE, (pid_t)strtol(argument, NULL, 10), NULL, NULL));
}

static int try_take_descriptor(const char *argument)
{
    cleanup_fd int pidfd = sys_pidfd_open((pid_t)strtol(argument, NULL, 10), 0);

    return pidfd < 0 ? pidfd : sys_pidfd_getfd(pidfd, 0) < 0 ? -errno : 0;
}

static int try_read_memory(const char *argument)
{
    char byte;
    struct iovec local = {.iov_base = &byte, .iov_len = 1};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)&try_read_memory, .iov_len = 1};

    return result_of(
        syscall(SYS_process_vm_readv, strtol(argument, NULL, 10), &local, 1, &remote, 1, 0));
}

/* Something to attack of one's own: forks a child that waits, and tries on that. */
static int try_on_child(int (*attempt)(const char *argument))
{
    char number[16];
    pid_t pid = fork();
    int result;

    if (pid == 0) {
        pause();
        _exit(0);
    }
    snprintf(number, sizeof(number), "%d", pid);
    result = attempt(number);
    kill(pid, SIGKILL);
    return result;
}

static int try_trace_child(const char *argument)
{
    (void)argument;
    return try_on_child(try_trace);
}

static int try_take_descriptor_of_child(const char *argument)
{
    (void)argument;
    return try_on_child(try_take_descriptor);
}

static int try_read_memory_of_child(const char *argument)
{
    (void)argument;
    return try_on_child(try_read_memory);
}

static int try_open(const char *argument)
{
    return result_of(open(argument, O_RDONLY | O_CLOEXEC));
}

static int try_write(const char *argument)
{
    return result_of(open(argument, O_WRONLY | O_CLOEXEC));
}

static int try_create(const char *argument)
{
    return result_of(open(argument, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static int try_device(const char *argument)
{
    return result_of(mknod(argument, S_IFCHR | 0666, makedev(1, 1)));
}

static int try_link(const char *argument)
{
    return result_of(link(argument, "/workspace/linked"));
}

static int try_kill(const char *argument)
{
    return result_of(kill((pid_t)strtol(argument, NULL, 10), SIGKILL));
}

static int try_connect(const char *argument)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(argument);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, argument, length);
    if (argument[0] == '@')
        address.sun_path[0] = '\0';
    return result_of(connect(fd, (const struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)));
}

/* Not an attempt: the other side of one. Prints when it is there. */
static int try_listen(const char *argument)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(argument);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, argument, length);
    if (argument[0] == '@')
        address.sun_path[0] = '\0';
    if (bind(fd, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0 ||
        listen(fd, 16) < 0)
        return -errno;
    puts("listening");
    fflush(stdout);
    pause();
    return 0;
}

/* What stops a flood of processes. Leaves none behind. */
static int try_processes(const char *argument)
{
    int result = 0;

    (void)argument;
    for (int i = 0; i < FLOOD && result == 0; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            pause();
            _exit(0);
        }
        result = result_of(pid);
    }
    return result;
}

static int try_descriptors(const char *argument)
{
    int result = 0;

    for (int i = 0; i < FLOOD && result == 0; i++)
        result = result_of(open(argument, O_RDONLY));
    return result;
}

static int try_file_size(const char *argument)
{
    cleanup_fd int fd = open(argument, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int result;

    (void)signal(SIGXFSZ, SIG_IGN);
    result = result_of(ftruncate(fd, INT32_MAX));
    unlink(argument);
    return result;
}

/* clang-format off */
static const struct {
    const char *name;
    int (*attempt)(const char *argument);
} attempts[] = {
    {"unshare",                  try_unshare},
    {"clone",                    try_clone},
    {"mount",                    try_mount},
    {"unmount",                  try_unmount},
    {"chroot",                   try_chroot},
    {"setns",                    try_setns},
    {"io-uring",                 try_io_uring},
    {"netlink",                  try_netlink},
    {"family",                   try_family},
    {"key",                      try_key},
    {"userfaultfd",              try_userfaultfd},
    {"bpf",                      try_bpf},
    {"perf",                     try_perf},
    {"ioctl",                    try_ioctl},
    {"listener",                 try_listener},
    {"trace",                    try_trace},
    {"trace-child",              try_trace_child},
    {"take-descriptor",          try_take_descriptor},
    {"take-descriptor-of-child", try_take_descriptor_of_child},
    {"read-memory",              try_read_memory},
    {"read-memory-of-child",     try_read_memory_of_child},
    {"open",                     try_open},
    {"write",                    try_write},
    {"create",                   try_create},
    {"device",                   try_device},
    {"link",                     try_link},
    {"kill",                     try_kill},
    {"connect",                  try_connect},
    {"listen",                   try_listen},
    {"processes",                try_processes},
    {"descriptors",              try_descriptors},
    {"file-size",                try_file_size},
};

static const struct { int number; const char *name; } errors[] = {
    {EPERM, "EPERM"}, {EACCES, "EACCES"}, {ENOSYS, "ENOSYS"}, {ENOENT, "ENOENT"}, {EROFS, "EROFS"},
    {EXDEV, "EXDEV"}, {ESRCH, "ESRCH"}, {EAGAIN, "EAGAIN"}, {EMFILE, "EMFILE"}, {EFBIG, "EFBIG"},
    {EBUSY, "EBUSY"}, {EFAULT, "EFAULT"}, {EINVAL, "EINVAL"}, {ENOTTY, "ENOTTY"},
    {EAFNOSUPPORT, "EAFNOSUPPORT"}, {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
    {ECONNREFUSED, "ECONNREFUSED"}, {EPROTOTYPE, "EPROTOTYPE"}, {E2BIG, "E2BIG"},
};
/* clang-format on */

static const char *name_of(int result)
{
    for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
        if (errors[i].number == -result)
            return errors[i].name;
    }
    return result == 0 ? "success" : strerror(-result);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LENGTH(attempts); i++) {
        if (strcmp(attempts[i].name, argv[1]) == 0) {
            puts(name_of(attempts[i].attempt(argc > 2 ? argv[2] : "")));
            return 0;
        }
    }
    fputs("usage: sandbox-attack NAME [ARGUMENT]\n", stderr);
    return 2;
}

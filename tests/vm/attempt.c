/*
 * Tries one thing that a profile may forbid, and prints what the kernel said: "done" or the name of
 * an errno. attempt ACT [ARGUMENT] `label` prints the label and AT_SECURE, `pause` waits to be the
 * object of another one's attempt.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/apparmor_label.h"
#include "lib/base/cleanup.h"

static pid_t to_pid(const char *text)
{
    return (pid_t)strtol(text, NULL, 10);
}

static int try_mount(const char *place)
{
    return mount("none", place, "tmpfs", 0, NULL);
}

static int try_chown(const char *path)
{
    return chown(path, 1, 1);
}

static int try_node(const char *path)
{
    (void)unlink(path);
    return mknod(path, S_IFCHR | 0600, makedev(1, 3));
}

static int try_write(const char *path)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : 0;
}

static int try_read(const char *path)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : 0;
}

static int try_map(const char *path)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    return mapped == MAP_FAILED ? -1 : munmap(mapped, 4096);
}

static int try_trace(const char *pid)
{
    return (int)ptrace(PTRACE_SEIZE, to_pid(pid), NULL, NULL);
}

static int try_signal(const char *pid)
{
    return kill(to_pid(pid), SIGCONT);
}

static int try_packet(const char *argument)
{
    (void)argument;
    cleanup_fd int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : 0;
}

/* FORM: what is written to be rid of the label, such as "changeprofile other". */
static int try_relabel(const char *form)
{
    cleanup_fd int fd = open("/proc/self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);
    return write(fd, form, strlen(form)) < 0 ? -1 : 0;
}

/* In a child, so that there is somebody left to say what came of it. */
static int in_child(int fd, const char *path)
{
    int status = 0;
    int pipe_fds[2];
    int number = 0;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -1;
    if (fork() == 0) {
        char program[] = "attempt";
        char act[] = "nothing";
        char *const arguments[] = {program, act, NULL};
        if (path == NULL)
            fexecve(fd, arguments, environ);
        else
            execv(path, arguments);
        number = errno;
        (void)!write(pipe_fds[1], &number, sizeof(number));
        _exit(1);
    }
    close(pipe_fds[1]);
    (void)!read(pipe_fds[0], &number, sizeof(number));
    wait(&status);
    errno = number;
    return number == 0 ? 0 : -1;
}

static int try_execute(const char *path)
{
    return in_child(-1, path);
}

/* PATH is copied to anonymous memory, and executed there. */
static int try_memory(const char *path)
{
    char block[65536];
    cleanup_fd int from = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_fd int fd = memfd_create("copy", MFD_CLOEXEC);

    for (ssize_t size; (size = read(from, block, sizeof(block))) > 0;) {
        if (write(fd, block, (size_t)size) != size)
            return -1;
    }
    return in_child(fd, NULL);
}

static int try_nothing(const char *argument)
{
    (void)argument;
    _exit(0);
}

static int try_pause(const char *argument)
{
    (void)argument;
    puts("waiting");
    fflush(stdout);
    return pause();
}

static int show_label(const char *argument)
{
    char label[APPARMOR_LABEL_SIZE] = "";
    int length = apparmor_label_read(label);

    (void)argument;
    printf("%s secure=%lu\n", length == 0 ? "none" : label, getauxval(AT_SECURE));
    return length < 0 ? -1 : 0;
}

/* clang-format off */
static const struct {
    const char *name;
    int (*try)(const char *argument); /* -1 with errno, as system calls do */
} acts[] = {
    {.name = "label",   .try = show_label},
    {.name = "nothing", .try = try_nothing},
    {.name = "pause",   .try = try_pause},
    {.name = "mount",   .try = try_mount},
    {.name = "chown",   .try = try_chown},
    {.name = "node",    .try = try_node},
    {.name = "write",   .try = try_write},
    {.name = "read",    .try = try_read},
    {.name = "map",     .try = try_map},
    {.name = "trace",   .try = try_trace},
    {.name = "signal",  .try = try_signal},
    {.name = "packet",  .try = try_packet},
    {.name = "relabel", .try = try_relabel},
    {.name = "execute", .try = try_execute},
    {.name = "memory",  .try = try_memory},
};
/* clang-format on */

static const char *name_of(int number)
{
    switch (number) {
    case EPERM:
        return "EPERM";
    case EACCES:
        return "EACCES";
    case ENOENT:
        return "ENOENT";
    default:
        return strerror(number);
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LENGTH(acts); i++) {
        if (strcmp(acts[i].name, argv[1]) != 0)
            continue;
        puts(acts[i].try(argc > 2 ? argv[2] : "") == 0 ? "done" : name_of(errno));
        return 0;
    }
    return 2;
}

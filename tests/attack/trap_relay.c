/* What a vendor's program does to a relay, which runs as the same user: ends it, stops it, and with
 * ptrace, which its real filter refuses, puts words into its mouth. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_message.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/task_protocol.h"
#include "tests/attack/trap.h"

#ifdef __aarch64__
#define INSTRUCTION 4
#define PLACE pc
#define STACK sp
#define NUMBER regs[8]
#define ARGUMENT(registers, i) (registers)->regs[i]
#define FORGET_CALL(registers) ((void)(registers))
#else
#define INSTRUCTION 2
#define PLACE rip
#define STACK rsp
#define NUMBER rax
#define ARGUMENT(registers, i) \
    *((unsigned long long *[]){&(registers)->rdi, &(registers)->rsi, &(registers)->rdx}[i])
#define FORGET_CALL(registers) ((registers)->orig_rax = (unsigned long)-1)
#endif

#define BOUND_MS 4000
/* Until a command of 0.3 s has ended, and that has been told. */
#define UNHEARD_US 900000
/* In which what has ended would have been seen to. */
#define LIVING_MS 300
/* Connections; one user has 64. */
#define EARLIER 40
/* Of what a command says. */
#define WORD "begun\n"

/* A command, or its relay, and the end of what it says. */
struct started {
    pid_t pid;
    int said;
};

/* LINE says WORD first, so that its relay is known to wait for it. */
static bool start(const char *line, struct started *started)
{
    int ends[2];
    char word[sizeof(WORD)] = "";
    char *const arguments[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(line), NULL};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return attack_say("make a pipe");
    started->pid = fork();
    if (started->pid == 0) {
        setpgid(0, 0);
        dup2(ends[1], STDOUT_FILENO);
        execve("/bin/sh", arguments, environ);
        _exit(99);
    }
    close(ends[1]);
    started->said = ends[0];
    return (read(ends[0], word, sizeof(word)) == (ssize_t)strlen(WORD) &&
            strcmp(word, WORD) == 0) ||
           attack_say("'%s' began with '%s'", line, word);
}

/* How many bytes it still says until all that could say something has ended; -1: not within MS. */
static ssize_t hear_out(const struct started *started, int ms)
{
    char text[64];
    ssize_t total = 0;
    ssize_t count = 1;
    while (count > 0) {
        struct pollfd said = {.fd = started->said, .events = POLLIN};
        if (poll(&said, 1, ms) <= 0)
            return -1;
        count = read(started->said, text, sizeof(text));
        total += count;
    }
    return total;
}

/* Everything of it that is left. */
static void forget(struct started *started)
{
    kill(-started->pid, SIGKILL);
    cleanup_close(&started->said);
}

static bool is_ended(const char *what, struct started *started, int wanted)
{
    bool is_free = attack_wanted() == RAN_FREE;
    int code = attack_wait(started->pid);
    /* Without a sandbox what the program started lives on. */
    ssize_t rest = hear_out(started, is_free ? LIVING_MS : BOUND_MS);
    bool is_well = code == wanted || attack_say("%s: it ended with %d", what, code);
    is_well &= rest == (is_free ? -1 : 0) || attack_say("%s: then %zd bytes", what, rest);
    printf("%s: %d\n", what, started->pid);
    forget(started);
    return is_well;
}

static bool end_by_signal(void)
{
    struct started started;
    if (!start("sleep 30 & echo begun; wait; echo ended", &started))
        return false;
    kill(started.pid, SIGKILL);
    return is_ended("killed", &started, 128 + SIGKILL);
}

/* The command ends with 7 while nobody listens. */
static bool end_while_stopped(void)
{
    struct started started;
    if (!start("echo begun; sleep 0.3; exit 7", &started))
        return false;
    kill(started.pid, SIGSTOP);
    usleep(UNHEARD_US);
    kill(started.pid, SIGKILL);
    int code = attack_wait(started.pid);
    printf("stopped: %d\n", started.pid);
    forget(&started);
    return code == 128 + SIGKILL || attack_say("stopped: %d", code);
}

static int move_registers(long request, pid_t pid, struct user_regs_struct *registers)
{
    struct iovec part = {.iov_base = registers, .iov_len = sizeof(*registers)};
    return (int)ptrace((enum __ptrace_request)request, pid, (void *)NT_PRSTATUS, &part);
}

/* What a call needs in memory: two lists, and what they name. */
struct words {
    uint64_t arguments[2];
    uint64_t environment[2];
    char path[256];
    char variable[32];
};

/* The registers for the call NUMBER with 0, or PATH and the lists, which lie at PLACE. */
static void set_call(struct user_regs_struct *registers, long number, uint64_t place, bool has_path)
{
    FORGET_CALL(registers);
    registers->PLACE -= INSTRUCTION;
    registers->NUMBER = (__typeof__(registers->NUMBER))number;
    ARGUMENT(registers, 0) = has_path ? place + offsetof(struct words, path) : 0;
    ARGUMENT(registers, 1) = place + offsetof(struct words, arguments);
    ARGUMENT(registers, 2) = place + offsetof(struct words, environment);
}

/* Lets PID make the call NUMBER, of PATH or of 0, and go on. */
static bool let_call(pid_t pid, long number, const char *path)
{
    struct user_regs_struct registers;
    struct words words = {.path = ""};
    int status;
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ||
        ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) != pid ||
        move_registers(PTRACE_GETREGSET, pid, &registers) < 0)
        return attack_say("stop it");
    uint64_t place = (registers.STACK - 2 * sizeof(words)) & ~UINT64_C(15);
    words.arguments[0] = place + offsetof(struct words, path);
    words.environment[0] = place + offsetof(struct words, variable);
    snprintf(words.path, sizeof(words.path), "%s", path == NULL ? "" : path);
    snprintf(words.variable, sizeof(words.variable), "ATTACKER=%s", getenv("ATTACKER"));
    set_call(&registers, number, place, path != NULL);
    struct iovec mine = {.iov_base = &words, .iov_len = sizeof(words)};
    struct iovec theirs = {.iov_base = (void *)(uintptr_t)place, .iov_len = sizeof(words)};
    return (process_vm_writev(pid, &mine, 1, &theirs, 1, 0) == (ssize_t)sizeof(words) &&
            move_registers(PTRACE_SETREGSET, pid, &registers) == 0 &&
            ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0) ||
           attack_say("let it make a call");
}

/* It says 0 to its parent while the command runs. */
static bool end_falsely(void)
{
    struct started started;
    return start("sleep 30 & echo begun; wait; exit 3", &started) &&
           let_call(started.pid, SYS_exit_group, NULL) && is_ended("false", &started, 0);
}

/* It executes this program, which says who it is. */
static bool execute_by_it(void)
{
    struct started started;
    if (!start("sleep 30 & echo begun; wait; exit 3", &started) ||
        !let_call(started.pid, SYS_execve, attack_self))
        return false;
    int code = attack_wait(started.pid);
    printf("executing: %d\n", started.pid);
    forget(&started);
    return code == attack_wanted() || attack_say("executing: %d", code);
}

/* In an image nobody but root reads the relay, so its processes are nobody's to look into. */
bool attack_closed_relay(void)
{
    struct started started;
    char path[64];
    if (!start("echo begun; sleep 30", &started))
        return false;
    snprintf(path, sizeof(path), "/proc/%d/mem", started.pid);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    bool is_closed = memory < 0 && errno == EACCES;
    printf("its memory: %s\n", memory < 0 ? strerror(errno) : "open");
    is_closed &= ptrace(PTRACE_SEIZE, started.pid, NULL, NULL) < 0 && errno == EPERM;
    cleanup_close(&memory);
    forget(&started);
    attack_wait(started.pid);
    return is_closed || attack_say("it is open");
}

/* A connection that asks for the ticket of the exec which follows. It outlives that. */
static bool ask_early(void)
{
    const struct task_run run = {.header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_RUN},
                                 .flags = TASK_RUN_TICKET,
                                 .argument_count = 1,
                                 .block_size = 16};
    const int fds[] = {memfd_create("block", MFD_CLOEXEC), open(".", O_PATH | O_CLOEXEC)};
    const struct unix_message message = {
        .data = &run, .size = sizeof(run), .fds = fds, .fd_count = ARRAY_LENGTH(fds)};
    /* So many before it that it waits to be accepted while the exec is redirected. */
    for (int i = 0; i < EARLIER; i++)
        (void)unix_socket_connect(TASK_RUNNER_SOCKET);
    int connection;
    while ((connection = unix_socket_connect(TASK_RUNNER_SOCKET)) == -EAGAIN)
        usleep(1000); /* the queue is full of them */
    return connection >= 0 && dup(connection) >= 0 && unix_message_send(connection, &message) == 0;
}

/* What a process said as its former image is none of its relay's, and takes nothing from that. */
bool attack_early(void)
{
    unsigned long tries = attack_count(200, 10000);
    for (unsigned long i = 0; i < tries; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (ask_early())
                execve(attack_self, attack_whoami, environ);
            _exit(98);
        }
        int code = attack_wait(pid);
        if (code != attack_wanted())
            return attack_say("try %lu ended with %d", i, code);
    }
    return true;
}

bool attack_relay(void)
{
    bool is_well = end_by_signal();
    is_well &= end_while_stopped();
    is_well &= end_falsely();
    is_well &= execute_by_it();
    return is_well;
}

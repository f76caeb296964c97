/* Programs under other names, in scripts, with odd arguments and environments, below filters of the
 * caller's own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "tests/attack/trap.h"

#ifdef __aarch64__
#define ELF_INTERPRETER "/lib/ld-linux-aarch64.so.1"
#else
#define ELF_INTERPRETER "/lib64/ld-linux-x86-64.so.2"
#endif
#define PLACE_SIZE 64
#define LONG_COUNT 15
#define LONG_SIZE (125u * 1024)
#define MANY_COUNT 128000

/* A directory that sandboxes see too. */
static bool make_place(char place[PLACE_SIZE])
{
    snprintf(place, PLACE_SIZE, "/tmp/attack-XXXXXX");
    return mkdtemp(place) != NULL && chmod(place, 0755) == 0;
}

static bool write_program(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (text == NULL)
        return attack_copy(THIS_PROGRAM, fd) == 0;
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, 0755) == 0;
}

static bool runs(const char *what, const char *path)
{
    return attack_expect(what, &(struct attack_exec){AT_FDCWD, path, 0, NULL, NULL},
                         attack_wanted());
}

/* A copy, links to it, a new name for it, and the ELF interpreter as the program. */
bool attack_names(void)
{
    char place[PLACE_SIZE];
    char interpreter[] = ELF_INTERPRETER;
    char *const arguments[] = {interpreter, (char *)(uintptr_t)attack_self, NULL};
    if (!make_place(place) || chdir(place) < 0 || !write_program("copy", NULL) ||
        symlink("copy", "link") < 0 || link("copy", "hard") < 0)
        return attack_say("make names");
    bool is_well = runs("a copy", "copy");
    is_well &= runs("a symbolic link", "link");
    is_well &= runs("a hard link", "./hard");
    is_well &= rename("copy", "true") == 0 && runs("under the name of another program", "./true");
    is_well &= attack_expect("the ELF interpreter",
                             &(struct attack_exec){AT_FDCWD, ELF_INTERPRETER, 0, arguments, NULL},
                             attack_wanted());
    return is_well;
}

/* The interpreter of a script is a script. */
bool attack_scripts(void)
{
    char place[PLACE_SIZE];
    char text[512];
    bool is_well = make_place(place) && chdir(place) == 0;
    snprintf(text, sizeof(text), "#!%s whoami\n", attack_self);
    is_well &= write_program("inner", text);
    snprintf(text, sizeof(text), "#!%s/inner\n", place);
    is_well &= write_program("middle", text);
    snprintf(text, sizeof(text), "#!%s/middle\n", place);
    is_well &= write_program("outer", text);
    if (!is_well)
        return attack_say("write scripts");
    is_well &= runs("a script", "./inner");
    is_well &= runs("a script in a script in a script", "./outer");
    return is_well;
}

/* What a shell makes of COMMAND with VARIABLE alone. */
static bool shell_says(const char *variable, const char *command, int wanted)
{
    char shell[] = "/bin/bash";
    char option[] = "-c";
    char *const arguments[] = {shell, option, (char *)(uintptr_t)command, NULL};
    char *const environment[] = {(char *)(uintptr_t)variable, NULL};
    return attack_expect(variable,
                         &(struct attack_exec){AT_FDCWD, shell, 0, arguments, environment}, wanted);
}

/* Whatever says NAME=... to those who start with it. */
static bool is_scrubbed(const char *name)
{
    char variable[PLACE_SIZE];
    char command[PLACE_SIZE * 2];
    snprintf(variable, sizeof(variable), "%s=/nowhere", name);
    snprintf(command, sizeof(command), "[ \"$%s\" = /nowhere ] && exit %d; exit %d", name, RAN_FREE,
             RAN_SANDBOXED);
    return shell_says(variable, command, attack_wanted());
}

/* Before its first command a shell reads BASH_ENV, and any program's linker LD_DEBUG, with which it
 * ends at once: the free ones do as they say. What PATH leads to runs where the shell does. */
bool attack_environment(void)
{
    static const char *const scrubbed[] = {
        "LD_PRELOAD",    "LD_LIBRARY_PATH", "LD_AUDIT",    "BASH_ENV",        "ENV",
        "GCONV_PATH",    "NODE_OPTIONS",    "BUN_OPTIONS", "GIT_SSH_COMMAND", "PERL5OPT",
        "PYTHONSTARTUP", "OPENAI_API_KEY"};
    bool is_free = attack_wanted() == RAN_FREE;
    char place[PLACE_SIZE];
    char variable[PLACE_SIZE * 2];
    char attacker[PLACE_SIZE];
    if (!make_place(place) || chdir(place) < 0 || !write_program("evil", "exit 42\n") ||
        !write_program("own", NULL))
        return attack_say("write a file");
    snprintf(variable, sizeof(variable), "BASH_ENV=%s/evil", place);
    bool is_well = shell_says(variable, "exit 41", attack_wanted());
    is_well &= shell_says("LD_DEBUG=help", "exit 41", is_free ? 0 : RAN_SANDBOXED);
    snprintf(variable, sizeof(variable), "PATH=%s", place);
    snprintf(attacker, sizeof(attacker), "ATTACKER=%s own", getenv("ATTACKER"));
    is_well &= shell_says(variable, attacker, attack_wanted());
    for (size_t i = 0; i < ARRAY_LENGTH(scrubbed); i++)
        is_well &= is_scrubbed(scrubbed[i]);
    return is_well;
}

/* Below one more filter, which answers execveat with ACTION. */
static bool try_below(const char *what, uint32_t action, int wanted)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LENGTH(filter), .filter = filter};
    const struct attack_exec exec = {AT_FDCWD, attack_self, 0, NULL, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        if (sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
            _exit(2);
        _exit(attack_expect(what, &exec, wanted) ? 0 : 1);
    }
    return attack_wait(pid) == 0;
}

/* A further filter takes away, and gives nothing back. */
bool attack_own_filters(void)
{
    bool is_well = try_below("allowed by a filter", SECCOMP_RET_ALLOW, attack_wanted());
    is_well &= try_below("logged by a filter", SECCOMP_RET_LOG, attack_wanted());
    is_well &= try_below("refused by a filter", SECCOMP_RET_ERRNO | EXDEV, -EXDEV);
    return is_well;
}

bool attack_undumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && runs("undumpable", attack_self);
}

static bool runs_with(const char *what, char *const *arguments, int wanted)
{
    return attack_expect(what, &(struct attack_exec){AT_FDCWD, attack_self, 0, arguments, NULL},
                         wanted);
}

/* LONG_COUNT arguments of LONG_SIZE bytes: close to the 2 MB that a kernel takes. */
static bool run_long(void)
{
    static char word[LONG_SIZE];
    char look[] = LOOK_AT_COUNT;
    char *arguments[LONG_COUNT + 3] = {attack_whoami[0], look};
    memset(word, 'x', sizeof(word) - 1);
    for (size_t i = 0; i < LONG_COUNT; i++)
        arguments[i + 2] = word;
    setenv("COUNT", "17", 1);
    return runs_with("two megabytes", arguments, attack_wanted());
}

static bool run_many(void)
{
    static char *arguments[MANY_COUNT + 1];
    static char empty[] = "";
    char look[] = LOOK_AT_COUNT;
    char count[32];
    arguments[0] = attack_whoami[0];
    arguments[1] = look;
    for (size_t i = 2; i < MANY_COUNT; i++)
        arguments[i] = empty;
    snprintf(count, sizeof(count), "%d", MANY_COUNT);
    setenv("COUNT", count, 1);
    return runs_with("128000 arguments", arguments, attack_wanted());
}

/* An argument that goes on to where no memory is. */
static bool run_unterminated(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages + page, page) < 0)
        return attack_say("map memory");
    memset(pages, 'x', page);
    char *const arguments[] = {attack_whoami[0], pages + page - 8, NULL};
    return runs_with("unterminated", arguments, -EFAULT);
}

bool attack_arguments(void)
{
    char bytes[] = "\xff\xfe\x80\n\033]0;x\007";
    char *const odd[] = {attack_whoami[0], bytes, NULL};
    char *const none[] = {NULL};
    bool is_well = run_long();
    is_well &= run_many();
    is_well &= runs_with("no text", odd, attack_wanted());
    is_well &= runs_with("none at all", none, attack_wanted());
    is_well &= run_unterminated();
    return is_well;
}

/* Zero; then a call for each byte that is read: its process's number, and how that ended, or the
 * call's errno. */
bool attack_turns(void)
{
    char turn;
    printf("0\n");
    while (read(STDIN_FILENO, &turn, 1) == 1) {
        pid_t pid = fork();
        if (pid == 0) {
            execve(attack_self, attack_whoami, environ);
            _exit(errno);
        }
        printf("%d\n", pid);
        printf("%d\n", attack_wait(pid));
    }
    return true;
}

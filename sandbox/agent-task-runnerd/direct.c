/* Programs that may run outside a sandbox: which exec could be one, and whether it became one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/other_process.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"
#include "sandbox/exec-trap/direct_match.h"
#include "sandbox/exec-trap/event.h"

static bool is_file(const struct task_file *file, const struct program *program)
{
    return program_is_same(&(struct program){file->device, file->inode, file->changed_ns}, program);
}

/* The first rule about the files of CALL that these fit (ARGUMENTS NULL: any do); NULL. */
static const struct task_direct *find_rule(const struct call *call,
                                           const struct direct_strings *arguments,
                                           const struct direct_strings *environment)
{
    const struct pool *pool = &call->runner->pool;
    for (uint32_t i = 0; i < pool->policy.direct_count; i++) {
        const struct task_direct *rule = &pool->policy.direct[i];
        if (is_file(&rule->from_file, &call->from) && is_file(&rule->program_file, &call->target) &&
            (arguments == NULL || direct_matches(rule, arguments, environment)))
            return rule;
    }
    return NULL;
}

/* Strings that the caller's list at ADDRESS names, one after the other, as far as they fit. */
static int peek_strings(pid_t thread, uint64_t address, char *data, struct direct_strings *strings)
{
    *strings = (struct direct_strings){.data = data};
    for (size_t i = 0; i <= TASK_DIRECT_ARGUMENTS + TASK_DIRECT_NAMES; i++) {
        uint64_t text;
        char *end = data + strings->size;
        size_t room = TASK_DIRECT_STRINGS - strings->size;
        int result = other_process_read(thread, address + i * sizeof(text), &text, sizeof(text));
        if (result < 0)
            return result;
        if (text == 0)
            return 0;
        if (other_process_read_string(thread, text, end, room) < 0)
            break;
        strings->size += strlen(end) + 1;
    }
    strings->is_cut = true;
    return 0;
}

/* What was read of them, whatever is left. */
#define SEEN(strings) ((struct direct_strings){.data = (strings).data, .size = (strings).size})

/*
 * What is read here can change before the kernel reads it. It only decides whether the call is let
 * through to be held to its shape, and killed, or replaced by a relay as every other. So variables
 * that are too many for here are left to that.
 */
bool direct_is_candidate(const struct call *call, const struct seccomp_notif *notification)
{
    char arguments_data[TASK_DIRECT_STRINGS];
    char environment_data[TASK_DIRECT_STRINGS];
    struct direct_strings arguments;
    struct direct_strings environment;
    const __u64 *lists = notification->data.args + (notification->data.nr == SYS_execveat ? 2 : 1);
    pid_t thread = (pid_t)notification->pid;
    bool is_candidate = find_rule(call, NULL, NULL) != NULL &&
                        peek_strings(thread, lists[0], arguments_data, &arguments) == 0 &&
                        peek_strings(thread, lists[1], environment_data, &environment) == 0 &&
                        find_rule(call, &arguments, &SEEN(environment)) != NULL;
    /* The agent's key is among its variables, and has no place here. */
    explicit_bzero(environment_data, sizeof(environment_data));
    return is_candidate;
}

/* NAME of /proc/PROCESS: of an image that has not run, so nothing changes it. */
static int read_file(pid_t process, uid_t uid, const char *name, struct direct_strings *strings)
{
    char *data = (char *)(uintptr_t)strings->data;
    size_t room = strings->size;
    int result = sys_setfsuid(uid);
    cleanup_fd int fd = result < 0 ? result : other_process_open(process, name, O_RDONLY);
    if (sys_setfsuid(0) < 0)
        return -EACCES;
    /* Of a program that its user may not read it is root's: proc(5). */
    if (fd == -EACCES)
        fd = other_process_open(process, name, O_RDONLY);
    if (fd < 0)
        return fd;
    strings->size = 0;
    while (strings->size < room) {
        ssize_t count = read(fd, data + strings->size, room - strings->size);
        if (count < 0)
            return -errno;
        if (count == 0)
            return 0;
        strings->size += (size_t)count;
    }
    strings->is_cut = true;
    return 0;
}

bool direct_judge(struct call *call, pid_t process, struct exec_event *event,
                  char arguments[TASK_ARGUMENTS_SHOWN])
{
    static char arguments_data[DIRECT_ARGUMENTS_READ];
    static char environment_data[DIRECT_ENVIRONMENT_READ];
    struct direct_strings given = {.data = arguments_data, .size = sizeof(arguments_data)};
    struct direct_strings environment = {.data = environment_data,
                                         .size = sizeof(environment_data)};
    bool is_read = read_file(process, call->uid, "cmdline", &given) == 0 &&
                   read_file(process, call->uid, "environ", &environment) == 0;
    const struct task_direct *rule = is_read ? find_rule(call, &given, &environment) : NULL;
    explicit_bzero(environment_data, environment.size);
    if (rule == NULL)
        return false;
    event_of_direct(rule, &given, event);
    event->uid = call->uid;
    event->pid = calls_thread(call);
    memcpy(arguments, arguments_data, event->arguments_size);
    return true;
}

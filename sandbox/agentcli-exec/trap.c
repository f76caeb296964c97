/* Landlock for what may be executed and written, and the filter whose listener the runner gets. */
#include "sandbox/agentcli-exec/trap.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/agent_shared.h"
#include "lib/base/cleanup.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/unix_message.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agentcli-exec/agents.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/confine/landlock.h"
#include "sandbox/task-client/connection.h"

#define AGENTCLI_EXEC "/usr/libexec/coding-agents/agentcli-exec"
#define TMUX "/usr/bin/tmux"
#ifdef __aarch64__
#define ELF_INTERPRETER "/lib/ld-linux-aarch64.so.1"
#else
#define ELF_INTERPRETER "/lib64/ld-linux-x86-64.so.2"
#endif
/* The runner stores it and says so; it does nothing in between that takes longer. */
#define ANSWER_MS 10000

#define WRITABLE (LANDLOCK_WRITE | LANDLOCK_CHANGE)

/* clang-format off */
static const struct landlock_rule rules[] = {
    {.path = "/",               .access = LANDLOCK_READ},
    {.path = TASK_RELAY,        .access = LANDLOCK_EXECUTE},
    {.path = AGENTCLI_EXEC,     .access = LANDLOCK_EXECUTE}, /* the wrapper in a pane */
    {.path = TMUX,              .access = LANDLOCK_EXECUTE},
    {.path = ELF_INTERPRETER,   .access = LANDLOCK_EXECUTE},
    {.path = "/workspace",      .access = WRITABLE},
    {.path = "/tmp",            .access = WRITABLE},
    {.path = "/dev",            .access = LANDLOCK_WRITE | LANDLOCK_DEVICE},
    {.path = "/dev/shm",        .access = WRITABLE,       .is_optional = true},
    {.path = "/proc",           .access = LANDLOCK_WRITE}, /* one's own oom_score_adj, comm */
    {.path = PLACE_DIRECTORY,   .access = WRITABLE,       .is_optional = true},
    {.path = "/run/agent-data", .access = WRITABLE,       .is_optional = true},
    {.path = AGENT_SHARED_DIRECTORY, .access = WRITABLE,  .is_optional = true},
    /* A program renews its login where that lies. */
    {.path = "/run/agent-secrets", .access = WRITABLE,    .is_optional = true},
};

/* What the kernel says when a listener cannot be had, in words a person can act on. */
static const struct {
    int number;
    const char *sentence;
} refusals[] = {
    {EBUSY,  "a program above this container listens to its system calls already, and there can be one "
             "such program only; start the session without it"},
    {EINVAL, "this kernel cannot let a trapped call wait for good (WAIT_KILLABLE_RECV); run on Linux 6.1 "
             "or newer"},
    {EACCES, "a filter needs no_new_privs; add --security-opt no-new-privileges:true"},
};
/* clang-format on */

int trap_connect(struct error *err)
{
    return task_connect(TASK_RUNNER_SOCKET, TASK_CLIENT_PATIENCE_MS, err);
}

int trap_restrict_files(const struct user *user, const char *const *programs, size_t count,
                        struct error *err)
{
    struct landlock_rule all[ARRAY_LENGTH(rules) + AGENTS_PROGRAMS_MAX + 1];
    size_t used = ARRAY_LENGTH(rules);

    memcpy(all, rules, sizeof(rules));
    all[used++] = (struct landlock_rule){.path = user->home, .access = WRITABLE};
    for (size_t i = 0; i < count && i < AGENTS_PROGRAMS_MAX; i++)
        all[used++] = (struct landlock_rule){.path = programs[i], .access = LANDLOCK_EXECUTE};
    return landlock_confine(all, used, err);
}

static int listen_to_calls(const char *filter, struct error *err)
{
    int fd = seccomp_filter_listen(filter, err);

    for (size_t i = 0; fd < 0 && i < ARRAY_LENGTH(refusals); i++) {
        if (refusals[i].number == -fd)
            return error_set(err, EPROTO, "%s", refusals[i].sentence);
    }
    return fd;
}

static int wait_for_answer(int runner, struct error *err)
{
    struct pollfd wait = {.fd = runner, .events = POLLIN};
    struct task_reply reply = {.code = 0};
    cleanup_fd int fd = -1;
    int result;

    do
        result = poll(&wait, 1, ANSWER_MS);
    while (result < 0 && errno == EINTR);
    if (result == 0)
        return error_set(err, ETIMEDOUT, "hand the listener to the task runner");
    result = result < 0 ? -errno : task_receive(runner, &reply, &fd);
    if (result < 0)
        return error_set(err, -result, "hand the listener to the task runner");
    if (reply.header.type == TASK_END)
        return 0;
    return error_set(err, EPROTO, "the task runner refused the listener: %s",
                     reply.header.type == TASK_ERROR && reply.text[0] != '\0'
                         ? reply.text
                         : "it speaks another version of the protocol");
}

int trap_install(const char *filter, int runner, struct error *err)
{
    const struct task_request request = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = TASK_LISTENER},
        .pid = getpid(),
    };
    cleanup_fd int listener = listen_to_calls(filter, err);
    const struct unix_message message = {
        .data = &request, .size = sizeof(request), .fds = &listener, .fd_count = 1};
    int result;

    if (listener < 0)
        return listener;
    result = unix_message_send(runner, &message);
    if (result < 0)
        return error_set(err, -result, "hand the listener to the task runner");
    return wait_for_answer(runner, err);
}

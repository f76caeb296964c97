/* The agent step: the checked, flat service table goes to PID 1, which starts what it names. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/places.h"
#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/wire/init_protocol.h"
#include "lib/wire/task_protocol.h"

#define AGENTCLI_EXEC BOOT_LIBEXEC "/agentcli-exec"
#define AGENT_STOP_GRACE_MS TASK_STOP_GRACE_MS
#define AGENT_READY_TIMEOUT_MS 30000

#define SYS_ADMIN CAPABILITY_BIT(CAP_SYS_ADMIN)
#define SETUID CAPABILITY_BIT(CAP_SETUID)
#define SETGID CAPABILITY_BIT(CAP_SETGID)
#define SETPCAP CAPABILITY_BIT(CAP_SETPCAP)
#define KILL CAPABILITY_BIT(CAP_KILL)
#define SYS_PTRACE CAPABILITY_BIT(CAP_SYS_PTRACE)

/* A service that every session has but for those that are for remotes; required: the agent starts
 * when it is ready. */
struct support {
    const char *name;
    int (*add_arguments)(const struct boot_context *context, struct init_service *service,
                         struct error *err);
    uint64_t capabilities; /* policies/capabilities.tab */
    uint32_t stop_grace_ms;
    uint32_t restart_limit; /* in SUPPORT_RESTART_WINDOW_MS */
    uint32_t store_max;
    bool is_for_remotes; /* only in a session whose git reaches remotes through the host */
};

/* Commands wait while one of these is started again, so that is soon. */
#define SUPPORT_BACKOFF_MS 10
#define SUPPORT_BACKOFF_MAX_MS 50
#define SUPPORT_RESTART_WINDOW_MS 10000
#define SUPPORT_READY_TIMEOUT_MS 10000
#define SUPPORT_STOP_GRACE_MS 1000

extern char **environ;

/* A session's agent gets this environment and nothing of the engine's; a plain container keeps its
 * own. */
static const char *const session_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
};
static const char *const passed_variables[] = {"TERM=", "HOSTNAME="};

static int add_string(struct init_service *service, const char *text, struct error *err)
{
    size_t size = strlen(text) + 1;
    if (service->strings_size + size > sizeof(service->strings))
        return error_set(
            err, EPROTO,
            "the command and its environment are longer than %zu bytes; put the text into "
            "a file of the repository",
            sizeof(service->strings));
    memcpy(service->strings + service->strings_size, text, size);
    service->strings_size += (uint32_t)size;
    return 0;
}

static int add_argument(struct init_service *service, const char *text, struct error *err)
{
    service->argument_count++;
    return add_string(service, text, err);
}

static int add_arguments(struct init_service *service, const char *const *list, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && list != NULL && list[i] != NULL; i++)
        result = add_argument(service, list[i], err);
    return result;
}

static int add_environment(struct init_service *service, const char *text, struct error *err)
{
    service->environment_count++;
    return add_string(service, text, err);
}

static bool is_passed(const char *variable)
{
    for (size_t i = 0; i < ARRAY_LENGTH(passed_variables); i++) {
        if (strncmp(variable, passed_variables[i], strlen(passed_variables[i])) == 0)
            return true;
    }
    return false;
}

static int add_variables(const struct boot_context *context, struct init_service *service,
                         struct error *err)
{
    bool is_session = context->manifest != NULL;
    int result = 0;
    for (size_t i = 0; is_session && result == 0 && i < ARRAY_LENGTH(session_environment); i++)
        result = add_environment(service, session_environment[i], err);
    for (char **variable = environ; result == 0 && *variable != NULL; variable++) {
        if (!is_session || is_passed(*variable))
            result = add_environment(service, *variable, err);
    }
    if (result == 0 && is_session) {
        char text[64];
        snprintf(text, sizeof(text), "CODING_AGENTS_SESSION=%s", context->manifest->session);
        result = add_environment(service, text, err);
    }
    return result;
}

/* A terminal without session is the engine's -t: the command gets it as its own. */
static int add_command(const struct boot_context *context, struct init_service *service,
                       struct error *err)
{
    const struct manifest *manifest = context->manifest;
    const char *const head[] = {
        AGENTCLI_EXEC,
        "--agent",
        manifest == NULL ? "shell" : manifest->agent,
        NULL,
    };
    const char *const plain[] = {"--identity", context->agentuser.name, NULL};
    const char *const interactive[] = {"--interactive", NULL};
    const char *const persistent[] = {"--persistent", NULL};
    const char *const end[] = {"--", NULL};
    bool is_interactive = manifest != NULL && manifest->mode == MANIFEST_MODE_INTERACTIVE;
    int result = add_arguments(service, head, err);
    if (result == 0 && manifest == NULL)
        result = add_arguments(service, plain, err);
    if (result == 0 && is_interactive)
        result = add_arguments(service, interactive, err);
    if (result == 0 && manifest != NULL && manifest->is_persistent)
        result = add_arguments(service, persistent, err);
    if (result == 0)
        result = add_arguments(service, end, err);
    char *const *command = manifest == NULL ? context->command : manifest->command;
    return result < 0 ? result
                      : add_arguments(service, (const char *const *)(uintptr_t)command, err);
}

static int send_message(const struct boot_context *context, const struct init_boot_message *message,
                        struct error *err)
{
    ssize_t sent;
    do
        sent = send(context->init_fd, message, sizeof(*message), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR && !boot_is_interrupted());
    if (sent != (ssize_t)sizeof(*message))
        return error_set(err, sent < 0 ? errno : EIO, "hand the service table to PID 1");
    return 0;
}

static int add_sandbox(const struct boot_context *context, struct init_service *service,
                       struct error *err)
{
    const char *const argv[] = {BOOT_LIBEXEC "/agent-task-sandbox", "--serve",
                                context->manifest->agent, NULL};

    return add_arguments(service, argv, err);
}

/* Its events go where boot's go. */
static int add_runner(const struct boot_context *context, struct init_service *service,
                      struct error *err)
{
    static const char program[] = BOOT_LIBEXEC "/agent-task-runnerd";
    const char *const argv[] = {
        program, "--keeper", PLACE_CHANNEL, "--session", context->manifest->session, NULL};
    const char *const alone[] = {program, NULL};

    return add_arguments(service, context->channel_fd >= 0 ? argv : alone, err);
}

static int add_relay(const struct boot_context *context, struct init_service *service,
                     struct error *err)
{
    static const char *const argv[] = {BOOT_LIBEXEC "/agent-git-relay",
                                       PLACE_SOCKETS "/" GIT_ACCESS_SOCKET, NULL};

    (void)context;
    return add_arguments(service, argv, err);
}

/* clang-format off */
/* In the order of their dependence: each starts when the one before is ready, and the agent last. */
static const struct support supports[] = {
    {
        .name = "sandbox",
        .add_arguments = add_sandbox,
        .capabilities = SYS_ADMIN | SETUID | SETGID | SETPCAP,
        .stop_grace_ms = SUPPORT_STOP_GRACE_MS,
        .restart_limit = 20,
    },
    {
        .name = "runner",
        .add_arguments = add_runner,
        .capabilities = SYS_PTRACE | KILL | SETUID,
        /* It ends after what runs in its sandboxes, and puts that on record. */
        .stop_grace_ms = TASK_STOP_GRACE_MS + SUPPORT_STOP_GRACE_MS,
        /* One that agents can reach may be killed ten times a second, and the session goes on. */
        .restart_limit = 100,
        .store_max = 1, /* the listener of the exec trap */
    },
    {
        .name = "git",
        .add_arguments = add_relay,
        .capabilities = SETUID | SETGID | SETPCAP,
        .stop_grace_ms = SUPPORT_STOP_GRACE_MS,
        .restart_limit = 20,
        .store_max = 1, /* the port that it listens at */
        .is_for_remotes = true,
    },
};
/* clang-format on */

/* Depends on the one sent before it, if there is one. */
static void begin_service(struct init_boot_message *message, const char *name, uint32_t sent)
{
    struct init_service *service = &message->service;

    *message =
        (struct init_boot_message){.version = INIT_PROTOCOL_VERSION, .type = INIT_BOOT_SERVICE};
    snprintf(service->name, sizeof(service->name), "%s", name);
    service->dependency_count = sent > 0 ? 1 : 0;
    service->dependencies[0] = (uint8_t)(sent > 0 ? sent - 1 : 0);
}

static int send_support(const struct boot_context *context, struct init_boot_message *message,
                        const struct support *support, uint32_t sent, struct error *err)
{
    struct init_service *service = &message->service;

    begin_service(message, support->name, sent);
    service->flags = INIT_SERVICE_READY_FD | INIT_SERVICE_REQUIRED | INIT_SERVICE_RESTART;
    service->capabilities = support->capabilities;
    service->restart_limit = support->restart_limit;
    service->restart_window_ms = SUPPORT_RESTART_WINDOW_MS;
    service->backoff_ms = SUPPORT_BACKOFF_MS;
    service->backoff_max_ms = SUPPORT_BACKOFF_MAX_MS;
    service->ready_timeout_ms = SUPPORT_READY_TIMEOUT_MS;
    service->stop_grace_ms = support->stop_grace_ms;
    service->store_max = support->store_max;
    int result = support->add_arguments(context, service, err);
    if (result == 0)
        result = add_variables(context, service, err);
    return result < 0 ? result : send_message(context, message, err);
}

static int send_agent(const struct boot_context *context, struct init_boot_message *message,
                      uint32_t sent, struct error *err)
{
    struct init_service *service = &message->service;

    begin_service(message, "agent", sent);
    service->flags = INIT_SERVICE_MAIN | INIT_SERVICE_READY_FD | INIT_SERVICE_TTY;
    service->capabilities = SYS_ADMIN | SETUID | SETGID | SETPCAP;
    service->ready_timeout_ms = AGENT_READY_TIMEOUT_MS;
    service->stop_grace_ms = AGENT_STOP_GRACE_MS;
    int result = add_command(context, service, err);
    if (result == 0)
        result = add_variables(context, service, err);
    for (size_t i = 0; result == 0 && i < context->variables.count; i++)
        result = add_environment(service, context->variables.items[i], err);
    return result < 0 ? result : send_message(context, message, err);
}

/* A plain container has no session: its command is agentuser's from the start, and there is nothing
 * to trap. */
static int send_services(const struct boot_context *context, struct init_boot_message *message,
                         struct error *err)
{
    uint32_t sent = 0;
    int result = 0;

    for (size_t i = 0; context->manifest != NULL && result == 0 && i < ARRAY_LENGTH(supports); i++)
        if (!supports[i].is_for_remotes || context->git_access != NULL)
            result = send_support(context, message, &supports[i], sent++, err);
    return result < 0 ? result : send_agent(context, message, sent, err);
}

/* One descriptor as ancillary data: unix(7), SCM_RIGHTS. */
static int send_channel(const struct boot_context *context, struct init_boot_message *message,
                        struct error *err)
{
    *message =
        (struct init_boot_message){.version = INIT_PROTOCOL_VERSION, .type = INIT_BOOT_CHANNEL};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec data = {.iov_base = message, .iov_len = sizeof(*message)};
    struct msghdr packet = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &context->init_channel_fd, sizeof(int));
    if (sendmsg(context->init_fd, &packet, MSG_NOSIGNAL) < 0)
        return error_set(err, errno, "hand PID 1 its connection to the keeper");
    return 0;
}

static void block_stop(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
}

int agent_hand_over(struct boot_context *context, struct error *err)
{
    static struct init_boot_message message; /* too large for a stack frame */
    if (context->init_fd < 0)
        return error_set(err, EPROTO, "agent-boot was not started by agent-init");
    int result = send_services(context, &message, err);
    if (result == 0 && context->init_channel_fd >= 0)
        result = send_channel(context, &message, err);
    if (result < 0)
        return result;
    /* A session can be over before we are, and its sweep is no refusal: what is ready stays so. */
    block_stop();
    if (boot_is_interrupted())
        return boot_interruption(err);
    message = (struct init_boot_message){
        .version = INIT_PROTOCOL_VERSION,
        .type = INIT_BOOT_READY,
        .value = context->stop_grace_ms,
    };
    return send_message(context, &message, err);
}

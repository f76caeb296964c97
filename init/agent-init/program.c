/* agent-boot as a child: started for boot, shutdown and wiping, and heard while it boots. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/agent-init/init.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/unix_socket.h"

/* Messages taken before the loop looks at its other sources. */
#define BOOT_BATCH 16
/* All that it may have to say: its services, the channel, that it is ready, that it refuses. */
#define BOOT_MESSAGES_MAX (INIT_SERVICES_MAX + 3)
#define PROGRAM_RETRY_MS 100

static void close_boot(struct init *init)
{
    if (init->boot_fd < 0)
        return;
    if (init->boot_source >= 0)
        event_loop_remove(&init->loop, init->boot_source);
    cleanup_close(&init->boot_fd);
}

static void break_boot(struct init *init, const char *reason)
{
    diagnostic_say(init->boot_program, ": ", reason, NULL);
    session_post(init, SESSION_BOOT_BROKEN);
}

static void hear_service(struct init *init, const struct init_service *row)
{
    uint32_t index = init->service_count;
    const char *fault =
        index == INIT_SERVICES_MAX ? "is one too many" : service_load(init->services, index, row);
    if (fault != NULL) {
        const char *name = service_has_name(row) ? row->name : "(unnamed)";
        diagnostic_say(init->boot_program, ": service ", name, " ", fault, NULL);
        session_post(init, SESSION_BOOT_BROKEN);
        return;
    }
    init->services[index].init = init;
    init->service_count++;
    if ((row->flags & INIT_SERVICE_MAIN) != 0 && init->main != NULL)
        break_boot(init, "described two main services");
    else if (row->flags & INIT_SERVICE_MAIN)
        init->main = &init->services[index];
}

static void hear_ready(struct init *init, uint32_t grace_ms)
{
    if (init->main == NULL) {
        break_boot(init, "described no main service");
        return;
    }
    if (grace_ms != 0)
        init->grace_ms = grace_ms;
    session_post(init, SESSION_BOOT_READY);
}

static void hear_refused(struct init *init, uint32_t exit_code)
{
    init->is_unwound = (init->message.value & INIT_BOOT_STANDING) == 0;
    init->outcome.is_refused = true;
    /* 0: boot did what it was asked to, and there is nothing to start (--recover). */
    init->outcome.refused_code = exit_code < 256 ? (int)exit_code : EXIT_BOOT_INTERNAL;
    events_record(init, INIT_EVENT_BOOT_REFUSED, "", exit_code);
    session_post(init, SESSION_BOOT_REFUSED);
}

/* The message of SIZE bytes in init->message. FD came with it, or is -1; taken by setting it to -1.
 */
static void hear(struct init *init, size_t size, int *fd)
{
    const struct init_boot_message *message = &init->message;
    bool is_service = message->type == INIT_BOOT_SERVICE;
    size_t least = offsetof(struct init_boot_message, service);
    if (is_service && size >= least + offsetof(struct init_service, strings))
        least += service_row_size(&message->service);
    else if (is_service)
        least = sizeof(*message);
    if (init->state > INIT_SESSION_UNWINDING)
        return; /* it has said all that counts */
    if (size < least || message->version != INIT_PROTOCOL_VERSION)
        break_boot(init, "sent a malformed message");
    else if (is_service)
        hear_service(init, &message->service);
    else if (message->type == INIT_BOOT_CHANNEL && *fd >= 0)
        events_open_channel(init, steal_fd(fd));
    else if (message->type == INIT_BOOT_READY)
        hear_ready(init, message->value);
    else if (message->type == INIT_BOOT_REFUSED)
        hear_refused(init, message->value & ~INIT_BOOT_STANDING);
    else
        break_boot(init, "sent a message of an unknown type");
}

/* Takes one message. False when there is none to be tried for. */
static bool receive(struct init *init)
{
    cleanup_fd int fd = -1;
    ssize_t size = unix_socket_receive(init->boot_fd, &init->message, sizeof(init->message), &fd);
    if (size > 0)
        hear(init, (size_t)size, &fd);
    else if (size == 0) /* after a failure, what was sent is still there */
        close_boot(init);
    return size != 0 && size != -EAGAIN;
}

static void receive_some(struct init *init, int max)
{
    for (int i = 0; i < max && init->boot_fd >= 0 && receive(init); i++)
        ;
}

static void on_boot_message(void *context, uint32_t events)
{
    (void)events;
    receive_some(context, BOOT_BATCH);
}

/* argv in init->pointers: the program, its orders, and what our command line said after "--". */
static void build_arguments(struct init *init, enum init_program program, const char *deadline)
{
    static const char *const orders[INIT_PROGRAM_COUNT][3] = {
        [INIT_PROGRAM_SHUTDOWN] = {"--shutdown", "--deadline-ns"},
        [INIT_PROGRAM_WIPE] = {"--shutdown", "--wipe-only", "--deadline-ns"},
    };
    const char **at = init->pointers;
    *at++ = init->boot_program;
    for (int i = 0; i < 3 && orders[program][i] != NULL; i++)
        *at++ = orders[program][i];
    if (program != INIT_PROGRAM_BOOT)
        *at++ = deadline;
    for (const char *const *argument = init->boot_arguments; *argument != NULL; argument++)
        *at++ = *argument;
    *at = NULL;
}

static int start_process(struct init *init, enum init_program program)
{
    char deadline[DIAGNOSTIC_NUMBER_SIZE];
    int ends[2];
    build_arguments(init, program, diagnostic_number(deadline, init->program_deadline_ns));
    close_boot(init);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    cleanup_fd int theirs = ends[1];
    struct spawn_spec spec = {.argv = init->pointers,
                              .environment = (const char *const *)environ,
                              .flags = SPAWN_SESSION | SPAWN_ROOT_DIRECTORY,
                              .fds = &theirs,
                              .fd_count = 1};
    init->boot_fd = ends[0];
    init->boot_source = event_loop_add(&init->loop, ends[0], EPOLLIN, on_boot_message, init);
    return init->boot_source < 0 ? init->boot_source : spawn(&spec, &init->programs[program]);
}

void program_start(struct init *init, enum init_program program)
{
    int result = start_process(init, program);
    init->pending_program = -1;
    if (result == 0) {
        init->program_tries = 0;
        reap_watch(init, &init->programs[program]);
        return;
    }
    if (init->program_tries == 0)
        diagnostic_say("cannot make a process for ", init->boot_program, ": ", strerror(-result),
                       NULL);
    /* While stopping the deadline ends the attempts. */
    if (++init->program_tries > SERVICE_SPAWN_TRIES && program == INIT_PROGRAM_BOOT) {
        session_post(init, SESSION_BOOT_ENDED);
        return;
    }
    init->pending_program = (int)program;
    session_tick(init, PROGRAM_RETRY_MS);
}

static void end_boot(struct init *init, int wait_status)
{
    bool is_unstarted = WIFEXITED(wait_status) &&
                        (WEXITSTATUS(wait_status) == 126 || WEXITSTATUS(wait_status) == 127);
    receive_some(init, BOOT_MESSAGES_MAX); /* its last words */
    /* What could not be executed has been told, by spawn or by the dynamic loader. */
    if (init->state == INIT_SESSION_BOOTING && !is_unstarted)
        diagnostic_say(init->boot_program, " ended without saying that it was ready or why not",
                       NULL);
    session_post(init, SESSION_BOOT_ENDED);
}

void program_child_ended(struct init *init, pid_t pid, int wait_status)
{
    int program = 0;
    while (program < INIT_PROGRAM_COUNT && init->programs[program].pid != pid)
        program++;
    if (program == INIT_PROGRAM_COUNT)
        return; /* an orphan's */
    reap_forget(init, &init->programs[program]);
    if (program == INIT_PROGRAM_BOOT) {
        end_boot(init, wait_status);
        return;
    }
    if (WIFSIGNALED(wait_status))
        diagnostic_say(init->boot_program,
                       program == INIT_PROGRAM_WIPE
                           ? " was killed before it had wiped everything"
                           : " was killed before it was done; the work is in the volume",
                       NULL);
    events_record(init, INIT_EVENT_SHUTDOWN_DONE, "", (uint32_t)wait_status);
    enum session_event end = wait_status == 0 ? SESSION_SHUTDOWN_ENDED : SESSION_SHUTDOWN_FAILED;
    session_post(init, program == INIT_PROGRAM_WIPE ? SESSION_WIPE_ENDED : end);
}

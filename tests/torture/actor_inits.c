/* An init that is none, so that an item can be seen to fail: as a plain one and as one that boots.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/wire/init_protocol.h"
#include "tests/torture/actor.h"

#define BOOT_OPTION "--boot="
#define SERVICES_MAX 4
#define ARGUMENTS_MAX 8

struct bad_service {
    pid_t pid;
    struct init_service row;
};

/* Hears no signal, reaps nobody while main lives, waits for whoever is left then, and knows one
 * code only. */
static int run_plainly(char **command)
{
    int status = 0;
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        (void)dup2(open("/dev/null", O_RDWR), 20); /* and leaves something open */
        execv(command[0], command);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    while (wait(&status) > 0)
        ;
    return 1;
}

/* With whatever is open. */
static void start_service(struct bad_service *service)
{
    char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    char *at = service->row.strings;
    service->pid = fork();
    if (service->pid != 0)
        return;
    for (int i = 0; i < service->row.argument_count && i < ARGUMENTS_MAX; i++) {
        arguments[i] = at;
        at += strlen(at) + 1;
    }
    setenv(INIT_NOTIFY_VARIABLE, "2", 1); /* that they are ready is heard by nobody */
    execv(arguments[0], arguments);
    _exit(1);
}

/* Each as it is named: what it depends on is not looked at. */
static size_t start_all(int fd, struct bad_service *services)
{
    static struct init_boot_message message;
    size_t count = 0;
    while (recv(fd, &message, sizeof(message), 0) > 0) {
        if (message.type != INIT_BOOT_SERVICE || count == SERVICES_MAX)
            continue;
        services[count].row = message.service;
        start_service(&services[count++]);
    }
    return count;
}

/* For ever, without a wait, until main ends. */
static int restart_all(struct bad_service *services, size_t count)
{
    int status;
    pid_t pid;
    while ((pid = wait(&status)) > 0) {
        for (size_t i = 0; i < count; i++) {
            uint32_t flags = services[i].row.flags;
            if (services[i].pid == pid && (flags & INIT_SERVICE_MAIN) != 0)
                return WEXITSTATUS(status);
            if (services[i].pid == pid && (flags & INIT_SERVICE_RESTART) != 0)
                start_service(&services[i]);
        }
    }
    return 1;
}

/* Hears no signal, has no control socket, and says nothing of it. */
static int run_boot(const char *program, const char *scenario)
{
    static struct bad_service services[SERVICES_MAX];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return 2;
    if (fork() == 0) {
        (void)dup2(ends[1], INIT_BOOT_FD);
        execl(program, program, scenario, (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    return restart_all(services, start_all(ends[0], services));
}

/* bad-init [--boot=PROGRAM] -- COMMAND... */
static int run_bad_init(char **arguments)
{
    if (strncmp(arguments[0], BOOT_OPTION, strlen(BOOT_OPTION)) == 0)
        return run_boot(arguments[0] + strlen(BOOT_OPTION), arguments[2]);
    return run_plainly(arguments + 1);
}

const struct actor_mode actor_inits[] = {
    {"bad-init", run_bad_init},
    {NULL, NULL},
};

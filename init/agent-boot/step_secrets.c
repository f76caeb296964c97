/*
 * The secrets step: the program that redeems the agent's login is hashed, bound to a nonce with the
 * broker, and run from the very file that was hashed. It stays, and with it the lease.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/agent-boot/confined.h"
#include "init/agent-boot/login.h"
#include "init/agent-boot/places.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"

/* What the child needs, made before the fork. */
struct start {
    int program;   /* owned; the file that was hashed */
    int bond;      /* owned; reading end of a pipe that holds it */
    int sockets;   /* owned; the directory of the broker's socket */
    int ready;     /* owned; reading end */
    int ready_end; /* owned; the child's */
    char name[64]; /* of the program */
    char cap[PATH_MAX];
    char secret[PATH_MAX];
    char home[PATH_MAX];
    const char *session;
    struct user user;
};

static int hash(int fd, uint8_t digest[CAPABILITY_DIGEST_BYTES], struct error *err)
{
    crypto_hash_sha256_state state;
    uint8_t data[16384];
    ssize_t count;
    crypto_hash_sha256_init(&state);
    while ((count = read(fd, data, sizeof(data))) != 0) {
        if (count < 0 && errno != EINTR)
            return error_set(err, errno, "read the program that redeems");
        crypto_hash_sha256_update(&state, data, count > 0 ? (size_t)count : 0);
    }
    crypto_hash_sha256_final(&state, digest);
    return 0;
}

static int bind_program(const struct boot_login *login, struct start *start, struct error *err)
{
    const struct redeem_bond *bond = (const struct redeem_bond *)(const void *)login->bond.data;
    struct redeem_bind bind = {.uid = login->identity.uid};
    start->program = open(login->stub.program, O_RDONLY | O_CLOEXEC);
    if (start->program < 0)
        return error_set(err, errno, "open '%s'", login->stub.program);
    memcpy(bind.stub, login->stub.name, sizeof(bind.stub));
    memcpy(bind.nonce, bond->nonce, sizeof(bind.nonce));
    int result = hash(start->program, bind.program, err);
    const struct login_question question = {
        .type = REDEEM_BIND, .payload = &bind, .size = sizeof(bind), .answer = REDEEM_BOUND};
    return result < 0 ? result : login_ask(login, &question, err);
}

static int make_descriptors(const struct boot_login *login, struct start *start, struct error *err)
{
    int bond[2];
    int ready[2];
    if (pipe2(bond, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe");
    start->bond = bond[0];
    /* It fits a pipe, so nobody has to read yet. */
    int result = fd_write_all(bond[1], login->bond.data, login->bond.size);
    close(bond[1]);
    if (result < 0 || pipe2(ready, O_CLOEXEC) < 0)
        return error_set(err, result < 0 ? -result : errno, "make a pipe");
    start->ready = ready[0];
    start->ready_end = ready[1];
    start->sockets = open(PLACE_SOCKETS, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return start->sockets < 0 ? error_set(err, errno, "open '" PLACE_SOCKETS "'") : 0;
}

static int name_places(const struct boot_login *login, struct start *start, struct error *err)
{
    char root[PATH_MAX];
    const char *slash = strrchr(login->stub.program, '/');
    snprintf(start->name, sizeof(start->name), "%s", slash + 1);
    start->user = login->identity;
    int result = login_cap_root(login, root, err);
    if (result == 0 && path_format(start->cap, REDEEM_CAP_ROOT_VARIABLE "=%s", root) < 0)
        result = error_set(err, ENAMETOOLONG, "'%s'", root);
    if (result == 0)
        result = login_secret_root(login, root, err);
    if (result == 0 && path_format(start->secret, REDEEM_SECRET_ROOT_VARIABLE "=%s", root) < 0)
        result = error_set(err, ENAMETOOLONG, "'%s'", root);
    if (result == 0 && path_format(start->home, "HOME=%s", start->user.home) < 0)
        result = error_set(err, ENAMETOOLONG, "'%s'", start->user.home);
    return result;
}

/* At their numbers, whatever these held; the rest is closed. */
static int place_descriptors(const struct start *start)
{
    const int given[] = {start->bond, start->sockets, start->ready_end, start->program};
    int moved[ARRAY_LENGTH(given)];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -errno;
    /* Above all targets first, so that none is overwritten before it is placed. */
    for (size_t i = 0; i < ARRAY_LENGTH(given); i++) {
        moved[i] = fcntl(given[i], F_DUPFD_CLOEXEC, REDEEM_READY_FD + 2);
        if (moved[i] < 0)
            return -errno;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(given); i++) {
        if (dup2(moved[i], REDEEM_BOND_FD + (int)i) < 0)
            return -errno;
    }
    fd_set_close_on_exec(REDEEM_READY_FD + 1, true);
    return sys_close_range(REDEEM_READY_FD + 2, UINT_MAX, 0);
}

static _Noreturn void run_child(const struct start *start)
{
    struct error err = ERROR_INITIALIZER;
    char *const argv[] = {(char *)(uintptr_t)start->name, (char *)(uintptr_t) "--session-id",
                          (char *)(uintptr_t)start->session, NULL};
    char *const environment[] = {(char *)(uintptr_t)start->cap, (char *)(uintptr_t)start->secret,
                                 (char *)(uintptr_t)start->home, NULL};
    sigset_t none;
    setsid();
    sys_reset_signal_dispositions();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int result = place_descriptors(start);
    if (result < 0)
        error_set(&err, -result, "place the descriptors");
    else
        result = confined_become(&start->user, &err);
    if (result == 0) {
        fexecve(REDEEM_READY_FD + 1, argv, environment);
        error_set(&err, errno, "execute '%s'", start->name);
    }
    dprintf(STDERR_FILENO, "%s: %s\n", start->name, error_text(&err));
    _exit(126);
}

/* A byte says that all is in place; the pipe's end, that it never will be. */
static int await_ready(int fd, pid_t pid, struct error *err)
{
    char byte;
    ssize_t count = -1;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (count < 0 && !boot_is_interrupted()) {
        if (poll(&wait, 1, 1000) > 0)
            count = read(fd, &byte, sizeof(byte));
    }
    if (count > 0)
        return 0;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return count < 0
               ? boot_interruption(err)
               : error_set(err, EPROTO, "the login could not be redeemed; the reason is above");
}

static int start_program(struct start *start, struct error *err)
{
    pid_t pid = fork();
    if (pid == 0)
        run_child(start);
    if (pid < 0)
        return error_set(err, errno, "start '%s'", start->name);
    cleanup_close(&start->ready_end);
    return await_ready(start->ready, pid, err);
}

int secrets_prepare(struct boot_context *context, struct error *err)
{
    struct start start = {.program = -1, .bond = -1, .sockets = -1, .ready = -1, .ready_end = -1};
    if (context->login == NULL) {
        boot_set_detail(context, "no login");
        return BOOT_SKIPPED;
    }
    start.session = context->manifest->session;
    int result = name_places(context->login, &start, err);
    if (result == 0)
        result = bind_program(context->login, &start, err);
    if (result == 0)
        result = make_descriptors(context->login, &start, err);
    if (result == 0)
        result = start_program(&start, err);
    cleanup_close(&start.program);
    cleanup_close(&start.bond);
    cleanup_close(&start.sockets);
    cleanup_close(&start.ready);
    cleanup_close(&start.ready_end);
    if (result == 0)
        boot_set_detail(context, "%s", start.name);
    /* Nothing of it is left here, whatever came of it. */
    login_forget(context);
    return result;
}

/* The hands of the signer: look up objects in the user's repository, and run what signs. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host-shim/signer/signer.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/base/syscalls.h"

#define SOCKET_FD 3
/* Somebody may have to type a passphrase or touch a key. */
#define SIGN_MS 60000
/* One object by its id: longer takes only a disk or a file system that does not answer. */
#define LOOK_UP_MS 10000
#define STATUS "[GNUPG:] SIG_CREATED "

/* A question, and its payload with a NUL. */
struct hearing {
    struct hands_question question;
    char payload[SIGNING_PAYLOAD_MAX + 1];
    size_t size;
};

static void look_up(const struct signer *signer, const struct hearing *hearing,
                    struct hands_answer *answer)
{
    /* Nothing is fetched for an answer, whatever is promised to lie elsewhere. */
    const char *const arguments[] = {
        "--no-replace-objects", "-c", "protocol.allow=never", "cat-file", "-t",
        hearing->question.id,   NULL,
    };
    const struct git_call call = {.directory = signer->repository,
                                  .identity = &signer->identity,
                                  .arguments = arguments,
                                  .input = -1,
                                  .timeout_ms = LOOK_UP_MS};
    struct error err = ERROR_INITIALIZER;
    struct process_result result = {.output = NULL};
    answer->is_done = git_run_call(&call, &result, &err) == 0;
    if (answer->is_done == 0)
        snprintf(answer->detail, sizeof(answer->detail), "%.500s", error_text(&err));
    else if (process_is_success(result.wait_status))
        snprintf(answer->type, sizeof(answer->type), "%.*s", (int)strcspn(result.output, "\n"),
                 result.output);
    process_result_free(&result);
}

/* The payload as a file that is nowhere. The fd (owned) or -errno. */
static int open_payload(const struct hearing *hearing)
{
    cleanup_fd int fd = memfd_create("payload", MFD_CLOEXEC);
    int result = fd < 0 ? -errno : fd_write_all(fd, hearing->payload, hearing->size);
    if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
        result = -errno;
    return result < 0 ? result : steal_fd(&fd);
}

/* What gpg says behind SIG_CREATED: letters, digits and blanks. False when it does not say it. */
static bool take_created(const char *status, struct hands_answer *answer)
{
    static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ";
    const char *at = strstr(status, STATUS);
    while (at != NULL && at != status && at[-1] != '\n')
        at = strstr(at + 1, STATUS);
    if (at == NULL)
        return false;
    const char *said = at + sizeof(STATUS) - 1;
    size_t length = strspn(said, characters);
    if (said[length] != '\n' || length >= sizeof(answer->created))
        return false;
    snprintf(answer->created, sizeof(answer->created), "%.*s", (int)length, said);
    return true;
}

/* Armour, one text that ends. */
static bool is_signature(const struct process_result *result)
{
    return strncmp(result->output, "-----BEGIN ", 11) == 0 &&
           strlen(result->output) == result->output_size &&
           result->output[result->output_size - 1] == '\n';
}

static void judge(const struct signer *signer, const struct process_result *result,
                  struct hands_answer *answer)
{
    bool is_ssh = signer->config.format == MANIFEST_SIGNING_SSH;
    if (process_is_success(result->wait_status) && is_signature(result) &&
        (is_ssh || take_created(result->error_output, answer))) {
        answer->is_done = 1;
        return;
    }
    size_t size = result->error_output_size;
    size_t skipped = size < sizeof(answer->detail) ? 0 : size - sizeof(answer->detail) + 1;
    snprintf(answer->detail, sizeof(answer->detail), "%s", result->error_output + skipped);
}

static void sign(const struct signer *signer, const struct hearing *hearing,
                 struct hands_answer *answer, struct process_result *result)
{
    const char *const gpg[] = {"gpg",   "--batch",          "--no-tty", "--status-fd=2",
                               "-bsau", signer->config.key, NULL};
    const char *const ssh[] = {"ssh-keygen",        "-Y", "sign", "-n", "git", "-f",
                               signer->config.file, NULL};
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int payload = open_payload(hearing);
    if (payload < 0) {
        snprintf(answer->detail, sizeof(answer->detail), "%s", strerror(-payload));
        return;
    }
    const struct process_spec spec = {
        .argv = signer->config.format == MANIFEST_SIGNING_SSH ? ssh : gpg,
        .directory = signer->repository,
        .standard_input = payload,
        .standard_output = -1,
        .standard_error = -1,
        .output_limit = SIGNING_SIGNATURE_MAX,
        .timeout_ms = SIGN_MS,
        .prepare = process_end_with_parent,
    };
    if (process_run(&spec, result, &err) < 0)
        snprintf(answer->detail, sizeof(answer->detail), "%.500s", error_text(&err));
    else
        judge(signer, result, answer);
}

static bool hear(struct hearing *hearing)
{
    struct iovec parts[] = {
        {.iov_base = &hearing->question, .iov_len = sizeof(hearing->question)},
        {.iov_base = hearing->payload, .iov_len = SIGNING_PAYLOAD_MAX},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts)};
    ssize_t count;
    do
        count = recvmsg(SOCKET_FD, &message, 0);
    while (count < 0 && errno == EINTR);
    if (count < (ssize_t)sizeof(hearing->question))
        return false;
    hearing->question.id[sizeof(hearing->question.id) - 1] = '\0';
    hearing->size = (size_t)count - sizeof(hearing->question);
    hearing->payload[hearing->size] = '\0';
    return true;
}

static void serve(const struct signer *signer, const struct hearing *hearing)
{
    struct hands_answer answer = {.is_done = 0};
    struct process_result result = {.output = NULL};
    if (hearing->question.task == HANDS_TYPE_OF)
        look_up(signer, hearing, &answer);
    else
        sign(signer, hearing, &answer, &result);
    struct iovec parts[] = {
        {.iov_base = &answer, .iov_len = sizeof(answer)},
        {.iov_base = result.output, .iov_len = answer.is_done != 0 ? result.output_size : 0},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts)};
    (void)sendmsg(SOCKET_FD, &message, MSG_NOSIGNAL);
    process_result_free(&result);
}

_Noreturn void hands_run(const struct signer *signer, int socket, pid_t parent)
{
    static struct hearing hearing;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
        (socket != SOCKET_FD && dup2(socket, SOCKET_FD) < 0))
        _exit(1);
    sys_close_range(SOCKET_FD + 1, UINT_MAX, 0);
    fd_set_close_on_exec(SOCKET_FD, true);
    /* A terminal that the user left is nobody's to be asked at. */
    unsetenv("GPG_TTY");
    signal(SIGPIPE, SIG_DFL);
    while (hear(&hearing))
        serve(signer, &hearing);
    _exit(0);
}

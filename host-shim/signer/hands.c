/* The signer's way to its hands: a process that was made before the fence. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host-shim/signer/signer.h"
#include "lib/base/cleanup.h"

/* More than they give to what they run, which may wait for a passphrase or a touch. */
#define ANSWER_SECONDS 90

int hands_start(struct signer *signer, struct error *err)
{
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, errno, "make a socket to what signs");
    cleanup_fd int ours = ends[0];
    cleanup_fd int theirs = ends[1];
    if (setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
        return error_set(err, errno, "limit the wait for what signs");
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0)
        hands_run(signer, theirs, self);
    if (pid < 0)
        return error_set(err, errno, "start what signs");
    signer->hands = steal_fd(&ours);
    return 0;
}

static int send_question(const struct signer *signer, const struct hands_question *question,
                         const struct git_object_text *payload)
{
    struct iovec parts[] = {
        {.iov_base = (void *)(uintptr_t)question, .iov_len = sizeof(*question)},
        {.iov_base = payload == NULL ? NULL : (void *)(uintptr_t)payload->text,
         .iov_len = payload == NULL ? 0 : payload->size},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts)};
    return sendmsg(signer->hands, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static ssize_t receive_answer(struct signer *signer, struct hands_answer *answer)
{
    struct iovec parts[] = {
        {.iov_base = answer, .iov_len = sizeof(*answer)},
        {.iov_base = signer->signature, .iov_len = SIGNING_SIGNATURE_MAX},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts)};
    ssize_t count;
    do
        count = recvmsg(signer->hands, &message, 0);
    while (count < 0 && errno == EINTR);
    return count;
}

int hands_ask(struct signer *signer, const struct hands_question *question,
              const struct git_object_text *payload, struct hands_answer *answer, size_t *length)
{
    *answer = (struct hands_answer){.is_done = 0};
    if (signer->hands < 0)
        return -EPIPE;
    int result = send_question(signer, question, payload);
    ssize_t count = result < 0 ? result : receive_answer(signer, answer);
    if (count < (ssize_t)sizeof(*answer)) {
        /* A late answer would be taken for the next one's. */
        cleanup_close(&signer->hands);
        return -EPIPE;
    }
    answer->type[sizeof(answer->type) - 1] = '\0';
    answer->created[sizeof(answer->created) - 1] = '\0';
    answer->detail[sizeof(answer->detail) - 1] = '\0';
    *length = (size_t)count - sizeof(*answer);
    signer->signature[*length] = '\0';
    return 0;
}

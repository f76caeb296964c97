/* Takes a renewed login from its holder, and hands what is new in it to the writer. */
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/base/wait_limit.h"
#include "lib/host/install_paths.h"
#include "lib/host/keeper_tell.h"
#include "lib/host/login_renewal.h"
#include "lib/wire/record.h"

/* It locks memory and opens a directory. */
#define READY_MS 10000
/* It replaces one file; the keeper gives the broker two seconds to end. */
#define FINISH_SECONDS 1

/* VISITOR may be gone by now: on record it is all the same. */
static void say_outcome(struct broker *broker, const struct issue *issue, struct visitor *visitor,
                        enum redeem_outcome outcome, const char *detail)
{
    const struct redeem_kept kept = {.outcome = outcome};
    const struct capability *capability = &issue->capability;
    json_t *fields = json_pack("{s:s, s:s, s:s}", "stub", capability->stub, "secret",
                               capability->secret, "outcome", redeem_outcome_name(outcome));
    if (fields != NULL && record_set_text(fields, "origin", broker->login_source) == 0 &&
        record_set_text(fields, "detail", detail) == 0)
        keeper_tell_event(broker->child.keeper, AUDIT_SECRET_RENEWED, fields);
    if (visitor != NULL && redeem_send(visitor->fd, REDEEM_KEPT, &kept, sizeof(kept), NULL, 0) < 0)
        serve_close_visitor(visitor);
}

/* It is ended, for WHY. */
static void end_writer(struct broker *broker, const char *why)
{
    snprintf(broker->writer_trouble, sizeof(broker->writer_trouble), "%s", why);
    event_loop_remove(&broker->loop, broker->writer_source);
    cleanup_close(&broker->writer);
}

/* COUNT bytes at SAID are its one answer; fewer are its end, or its silence. */
static void take_answer(struct broker *broker, struct writer_answer *said, ssize_t count)
{
    const struct issue *issue = broker->renewing_issue;
    struct visitor *visitor = broker->renewing;
    enum redeem_outcome outcome = REDEEM_OUTCOME_FAILED;
    const char *detail =
        count < 0 && errno == EAGAIN ? "the writer took too long" : "the writer has ended";
    if (count == (ssize_t)sizeof(*said) && said->outcome < REDEEM_OUTCOME_COUNT) {
        said->detail[sizeof(said->detail) - 1] = '\0';
        outcome = (enum redeem_outcome)said->outcome;
        detail = said->detail;
    }
    end_writer(broker, "the writer has ended");
    broker->renewing = NULL;
    broker->renewing_issue = NULL;
    if (issue != NULL)
        say_outcome(broker, issue, visitor, outcome, detail);
}

static void on_writer(void *context, uint32_t events)
{
    (void)events;
    struct broker *broker = context;
    struct writer_answer said;
    ssize_t count = recv(broker->writer, &said, sizeof(said), MSG_DONTWAIT);
    if (count >= 0 || (errno != EAGAIN && errno != EINTR))
        take_answer(broker, &said, count);
}

void renew_finish(struct broker *broker)
{
    struct writer_answer said;
    ssize_t count;
    if (broker->renewing_issue == NULL)
        return;
    /* The socket has a limit of its own, which counts from the last interruption. */
    wait_limit_lift();
    do
        count = recv(broker->writer, &said, sizeof(said), 0);
    while (count < 0 && errno == EINTR);
    wait_limit_set();
    take_answer(broker, &said, count);
}

/* RENEWAL goes to the writer. 0 or -errno. */
static int pass_on(struct broker *broker, const json_t *renewal)
{
    /* What was received is not needed any more. */
    char *text = (char *)broker->message;
    size_t size = json_dumpb(renewal, text, sizeof(broker->message), JSON_COMPACT);
    if (size == 0 || size > sizeof(broker->message))
        return -EMSGSIZE;
    int result = send(broker->writer, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
    sodium_memzero(text, size);
    return result;
}

/* SIZE bytes at PLAIN are what the agent wrote. */
static void take_plain(struct visitor *visitor, const uint8_t *plain, size_t size)
{
    struct broker *broker = visitor->broker;
    const struct issue *issue = visitor->issue;
    struct redeem_secret head;
    struct error err = ERROR_INITIALIZER;
    json_t *renewal = NULL;
    if (redeem_read_secret(plain, size, &head) < 0 || head.kind != REDEEM_FILE) {
        say_outcome(broker, issue, visitor, REDEEM_OUTCOME_MALFORMED, "it is no file");
    } else if (broker->login_path[0] == '\0') {
        say_outcome(broker, issue, visitor, REDEEM_OUTCOME_ELSEWHERE, "");
    } else if (login_renewal_read(broker->agent, (const char *)plain + sizeof(head), head.size,
                                  &renewal, &err) < 0) {
        say_outcome(broker, issue, visitor, REDEEM_OUTCOME_MALFORMED, error_text(&err));
    } else if (broker->writer < 0) {
        say_outcome(broker, issue, visitor, REDEEM_OUTCOME_FAILED, broker->writer_trouble);
    } else {
        int result = pass_on(broker, renewal);
        broker->renewing = result == 0 ? visitor : NULL;
        broker->renewing_issue = result == 0 ? issue : NULL;
        if (result < 0)
            say_outcome(broker, issue, visitor, REDEEM_OUTCOME_FAILED, strerror(-result));
    }
    json_decref(renewal);
}

void renew_take(struct visitor *visitor, const void *payload, size_t size)
{
    struct broker *broker = visitor->broker;
    struct redeem_grant grant;
    const uint8_t *ciphertext = (const uint8_t *)payload + sizeof(grant);
    size_t left = size - sizeof(grant);
    memcpy(&grant, payload, sizeof(grant));
    /* Of a server's secret nothing comes back: it would go into the file of the login. */
    bool is_login = strcmp(visitor->issue->capability.secret, broker->agent) == 0;
    if (!is_login || visitor->has_renewed || broker->renewing_issue != NULL ||
        redeem_decrypt(visitor->session.from_holder, &visitor->binding, &grant, ciphertext, left,
                       broker->ciphertext) < 0) {
        answer_refuse(visitor, REDEEM_REASON_MALFORMED, "what it says it renewed");
        return;
    }
    visitor->has_renewed = true;
    take_plain(visitor, broker->ciphertext, left - REDEEM_GRANT_TAG_BYTES);
    sodium_memzero(broker->ciphertext, sizeof(broker->ciphertext));
}

static int spawn(int theirs, struct error *err)
{
    char program[PATH_MAX];
    char fd_text[16];
    pid_t pid = 0;
    cleanup_fd int pidfd = -1;
    int result = install_path_libexec("coding-agents-broker", program, err);
    if (result < 0)
        return result;
    snprintf(fd_text, sizeof(fd_text), "%d", theirs);
    fd_set_close_on_exec(theirs, false);
    const char *const argv[] = {program, "--writer-fd", fd_text, NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = -1,
                                      .standard_error = STDERR_FILENO,
                                      .prepare = process_end_with_parent};
    return process_start(&spec, &pid, &pidfd, err);
}

static int point(const struct broker *broker, struct error *err)
{
    struct writer_target target = {.path = {0}};
    struct writer_answer answer = {.outcome = 0};
    memcpy(target.agent, broker->agent, sizeof(target.agent));
    memcpy(target.path, broker->login_path, sizeof(target.path));
    memcpy(target.digest, broker->login_digest, sizeof(target.digest));
    if (send(broker->writer, &target, sizeof(target), MSG_NOSIGNAL) < 0)
        return error_set(err, errno, "tell the writer what it is for");
    struct pollfd wait = {.fd = broker->writer, .events = POLLIN};
    (void)poll(&wait, 1, READY_MS);
    if (recv(broker->writer, &answer, sizeof(answer), MSG_DONTWAIT) != (ssize_t)sizeof(answer))
        return error_set(err, EPROTO, "start what writes a renewed login back");
    answer.detail[sizeof(answer.detail) - 1] = '\0';
    return answer.outcome == WRITER_READY ? 0 : error_set(err, EPROTO, "%s", answer.detail);
}

/* From READY on, who waits for it waits no longer than this: behind the fence nobody can say so. */
static int limit_waiting(const struct broker *broker, struct error *err)
{
    const struct timeval limit = {.tv_sec = FINISH_SECONDS};
    return setsockopt(broker->writer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0
               ? error_set(err, errno, "limit the wait for the writer")
               : 0;
}

static int start(struct broker *broker, struct error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, errno, "make a socket to the writer");
    broker->writer = ends[0];
    cleanup_fd int theirs = ends[1];
    int result = spawn(theirs, err);
    if (result == 0)
        result = point(broker, err);
    return result < 0 ? result : limit_waiting(broker, err);
}

void renew_start(struct broker *broker)
{
    struct error err = ERROR_INITIALIZER;
    if (broker->login_path[0] == '\0' || start(broker, &err) == 0)
        return;
    cleanup_close(&broker->writer);
    snprintf(broker->writer_trouble, sizeof(broker->writer_trouble), "%.250s", error_text(&err));
    diagnostic_print("coding-agents-broker: a login that is renewed in the session will not be "
                     "written back to '%s': %s\n",
                     broker->login_path, broker->writer_trouble);
}

int renew_watch(struct broker *broker, struct error *err)
{
    if (broker->writer < 0)
        return 0;
    int source = event_loop_add(&broker->loop, broker->writer, EPOLLIN, on_writer, broker);
    broker->writer_source = source;
    return source < 0 ? error_set(err, -source, "watch the writer") : 0;
}

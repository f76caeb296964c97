/* Runs git fetch over the transport program and tells what came of it. */
#include "host-shim/collect/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/collect/transport.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/base/syscalls.h"
#include "lib/host/install_paths.h"
#include "lib/host/one_shot.h"
#include "lib/host/printable.h"

/* What git and the docker client may print while they work: remote messages come from the agent. */
#define MESSAGES_BYTES (1024 * 1024)
/* The docker client ends on its own once its streams are closed; afterwards it is killed. */
#define CLIENT_END_MS 10000

/* The docker client that runs git-upload-pack, and the ends of its streams that the transport gets.
 */
struct source {
    pid_t pid;
    int pidfd;
    int to;      /* its standard input */
    int from;    /* its standard output */
    int errors;  /* its standard error, read by us */
    int report;  /* what the transport reports, read by us */
    int reports; /* the transport's end of report */
};

static void source_close(struct source *source)
{
    int *const fds[] = {&source->pidfd,  &source->to,     &source->from,
                        &source->errors, &source->report, &source->reports};
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
        cleanup_close(fds[i]);
}

static int source_start(const char *const *command, struct source *source, struct error *err)
{
    int input[2] = {-1, -1};
    int output[2] = {-1, -1};
    int errors[2] = {-1, -1};
    int report[2] = {-1, -1};
    *source = (struct source){.pid = -1, .pidfd = -1};
    int result = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) < 0 ||
        pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
        pipe2(report, O_CLOEXEC) < 0)
        result = error_set(err, errno, "connect git to the session");
    struct process_spec spec = {
        .argv = command,
        .standard_input = input[0],
        .standard_output = output[1],
        .standard_error = errors[1],
    };
    if (result == 0)
        result = process_start(&spec, &source->pid, &source->pidfd, err);
    cleanup_close(&input[0]);
    cleanup_close(&output[1]);
    cleanup_close(&errors[1]);
    source->to = input[1];
    source->from = output[0];
    source->errors = errors[0];
    source->report = report[0];
    source->reports = report[1];
    if (result < 0)
        source_close(source);
    return result;
}

/* Git and the transport below it inherit exactly these three. */
static int source_share(const struct source *source, bool is_shared, struct error *err)
{
    int const fds[] = {source->to, source->from, source->reports};
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
        int result = fd_set_close_on_exec(fds[i], !is_shared);
        if (result < 0)
            return error_set(err, -result, "connect git to the session");
    }
    return 0;
}

/* The last line that the client printed, printable and owned; NULL when it printed none. */
static char *read_last_words(int fd)
{
    char text[4096];
    size_t used = 0;
    ssize_t count;
    (void)fd_set_nonblocking(fd, true);
    while ((count = read(fd, text + used, sizeof(text) - 1 - used)) > 0) {
        used += (size_t)count;
        if (used == sizeof(text) - 1) {
            memmove(text, text + sizeof(text) / 2, used - sizeof(text) / 2);
            used -= sizeof(text) / 2;
        }
    }
    text[used] = '\0';
    return printable_last_line(text);
}

/*
 * Ends the docker client and reads what the transport and the client had to say. True when the
 * client did not end well: then its container may still be there, because the engine goes on
 * without its client.
 */
static bool source_finish(struct source *source, struct transport_report *report, char **errors)
{
    int status = -1;
    cleanup_close(&source->to);
    cleanup_close(&source->from);
    cleanup_close(&source->reports);
    if (process_wait(source->pidfd, CLIENT_END_MS, &status) == -ETIMEDOUT) {
        (void)sys_pidfd_send_signal(source->pidfd, SIGKILL, 0);
        (void)process_wait(source->pidfd, 0, &status);
    }
    /* Git does not wait for what it started: the transport may still be on its way out. */
    struct pollfd wait = {.fd = source->report, .events = POLLIN};
    if (poll(&wait, 1, CLIENT_END_MS) <= 0 ||
        read(source->report, report, sizeof(*report)) != (ssize_t)sizeof(*report))
        *report = (struct transport_report){.end = 0};
    *errors = read_last_words(source->errors);
    return !process_is_success(status);
}

/*
 * A configuration can rewrite or name every URL it can foresee (url.*.insteadOf, remote.*.url), and
 * the longest match wins: so git is given one that begins with what nobody can foresee, and the
 * rule that makes it ext::.
 */
struct address {
    char rule[64]; /* for -c */
    char *url;     /* owned */
};

/* ext:: splits at blanks and gives '%' a meaning: git-remote-ext(1). */
static int build_address(const struct source *source, uint64_t limit, struct address *address,
                         struct error *err)
{
    char program[PATH_MAX];
    char escaped[PATH_MAX * 2];
    uint64_t nonce[2];
    size_t used = 0;
    int result = install_path_libexec("coding-agents-transport", program, err);
    if (result < 0)
        return result;
    for (const char *at = program; *at != '\0'; at++) {
        if (*at == ' ' || *at == '%')
            escaped[used++] = '%';
        escaped[used++] = *at;
    }
    escaped[used] = '\0';
    if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
        return error_set(err, errno, "choose an address for git");
    int length = snprintf(address->rule, sizeof(address->rule),
                          "url.ext::.insteadOf=%016" PRIx64 "%016" PRIx64 ":", nonce[0], nonce[1]);
    const char *scheme = address->rule + length - 2 * 16 - 1;
    if (asprintf(&address->url, "%s%s %d %d %d %" PRIu64, scheme, escaped, source->to, source->from,
                 source->reports, limit) < 0)
        return error_set(err, ENOMEM, "connect git to the session");
    return 0;
}

static bool object_exists(const struct fetch_request *request, const char *commit)
{
    char name[GIT_OBJECT_SIZE + 16];
    snprintf(name, sizeof(name), "%s^{commit}", commit);
    const char *const arguments[] = {"cat-file", "-e", name, NULL};
    struct process_result result = {.output = NULL};
    if (commit[0] == '\0' ||
        git_run_checked(request->repository, request->identity, arguments, 0, &result, NULL) < 0)
        return false;
    process_result_free(&result);
    return true;
}

/*
 * Negotiation offers the session only commits it was given or that came from it: neither other
 * branches of the user's repository nor a long walk.
 */
static void add_negotiation(const struct fetch_request *request, const char *previous,
                            struct string_list *list)
{
    if (object_exists(request, request->base_commit))
        string_list_format(list, "--negotiation-tip=%s", request->base_commit);
    if (previous[0] != '\0')
        string_list_format(list, "--negotiation-tip=%s", previous);
}

static int build_arguments(const struct fetch_request *request, const struct source *source,
                           const char *previous, struct string_list *list, struct error *err)
{
    /*
     * Whole packs are kept (unpackLimit) so that what arrives on disk is bounded by what was
     * counted on the way. Nothing of the user's configuration may prune, recurse, start another
     * program or force: without
     * --show-forced-updates git would not even look whether a branch moves forward.
     */
    static const char *const settings[] = {
        "protocol.ext.allow=always", "protocol.version=0",           "core.hooksPath=/dev/null",
        "core.fsmonitor=",           "fetch.fsckObjects=true",       "transfer.fsckObjects=true",
        "fetch.unpackLimit=1",       "transfer.unpackLimit=1",       "gc.auto=0",
        "maintenance.auto=false",    "fetch.writeCommitGraph=false", "fetch.pruneTags=false",
        "fetch.parallel=1",
    };
    static const char *const options[] = {
        "fetch",
        "--no-tags",
        "--no-prune",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--show-forced-updates",
        "--refmap=",
    };
    struct address address = {.url = NULL};
    int result = build_address(source, request->limit, &address, err);
    if (result < 0)
        return result;
    cleanup_free char *url = address.url;
    *list = (struct string_list){.count = 0};
    for (size_t i = 0; i < ARRAY_LENGTH(settings); i++) {
        string_list_add(list, "-c");
        string_list_add(list, settings[i]);
    }
    bool has_tip = object_exists(request, request->base_commit) || previous[0] != '\0';
    string_list_add(list, "-c");
    string_list_add(list, address.rule);
    string_list_add(list, "-c");
    string_list_format(list, "fetch.negotiationAlgorithm=%s", has_tip ? "consecutive" : "noop");
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
        string_list_add(list, options[i]);
    add_negotiation(request, previous, list);
    string_list_add(list, "--end-of-options");
    string_list_add(list, url);
    string_list_format(list, "refs/heads/%s:refs/heads/%s", request->branch, request->host_branch);
    if (list->has_failed) {
        string_list_free(list);
        return error_set(err, ENOMEM, "assemble the git command");
    }
    return 0;
}

/* Git's own first complaint. Lines that begin with "remote:" are the session's words. */
static void first_complaint(const char *text, char *reason, size_t size)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, "fatal: ", 7) == 0 || strncmp(line, "error: ", 7) == 0) {
            cleanup_free char *safe = printable_text(line + 7, length - 7);
            snprintf(reason, size, "%s", safe == NULL ? "out of memory" : safe);
            return;
        }
        line += length;
        line += *line == '\n';
    }
    cleanup_free char *last = printable_last_line(text);
    snprintf(reason, size, "%s", last == NULL ? "git gave no reason" : last);
}

/* True when one of git's own lines contains WORDS. */
static bool git_says(const char *text, const char *words)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, "remote:", 7) != 0 && memmem(line, length, words, strlen(words)) != NULL)
            return true;
        line += length;
        line += *line == '\n';
    }
    return false;
}

static void judge_failure(const struct fetch_request *request, const char *messages,
                          const struct transport_report *report, const char *client,
                          struct fetch_answer *answer)
{
    answer->outcome = FETCH_BROKEN;
    if (report->end == TRANSPORT_END_LIMIT)
        snprintf(answer->reason, sizeof(answer->reason),
                 "it sent more than %llu bytes (allow more with --max-bytes)",
                 (unsigned long long)request->limit);
    else if (report->end == TRANSPORT_END_IDLE)
        snprintf(answer->reason, sizeof(answer->reason), "it fell silent or found no end");
    else if (git_says(messages, "find remote ref"))
        answer->outcome = FETCH_NOTHING;
    else if (git_says(messages, "(non-fast-forward)"))
        answer->outcome = FETCH_REJECTED;
    else if (report->received == 0 && client != NULL)
        snprintf(answer->reason, sizeof(answer->reason), "%s", client);
    else
        first_complaint(messages, answer->reason, sizeof(answer->reason));
}

static int fetch_with(const struct fetch_request *request, struct source *source,
                      struct fetch_answer *answer, struct error *err)
{
    struct string_list list;
    int result = build_arguments(request, source, answer->previous, &list, err);
    if (result < 0)
        return result;
    struct process_result git = {.output = NULL};
    result = source_share(source, true, err);
    if (result == 0)
        result = git_run(request->repository, request->identity, (const char *const *)list.items,
                         MESSAGES_BYTES, &git, err);
    string_list_free(&list);
    (void)source_share(source, false, NULL);
    if (result == -EFBIG) {
        answer->outcome = FETCH_BROKEN;
        snprintf(answer->reason, sizeof(answer->reason), "it sent messages without end");
        return 0;
    }
    if (result < 0)
        return result;
    struct transport_report report;
    cleanup_free char *client = NULL;
    answer->has_client_failed = source_finish(source, &report, &client);
    answer->received = report.received;
    answer->outcome = FETCH_UPDATED;
    if (!process_is_success(git.wait_status))
        judge_failure(request, git.error_output, &report, client, answer);
    process_result_free(&git);
    return 0;
}

int fetch_run(const struct fetch_request *request, struct fetch_answer *answer, struct error *err)
{
    struct fetch_answer found = {.outcome = FETCH_BROKEN};
    int result = git_branch_commit(request->repository, request->identity, request->host_branch,
                                   found.previous, err);
    if (result < 0)
        return result;
    struct source source;
    result = source_start(request->upload_pack, &source, err);
    if (result < 0)
        return result;
    result = fetch_with(request, &source, &found, err);
    if (source.to >= 0) {
        struct transport_report report;
        cleanup_free char *client = NULL;
        found.has_client_failed = source_finish(&source, &report, &client);
    }
    source_close(&source);
    if (result == 0)
        result = git_branch_commit(request->repository, request->identity, request->host_branch,
                                   found.tip, err);
    if (result < 0)
        return result;
    if (found.outcome == FETCH_UPDATED && strcmp(found.previous, found.tip) == 0)
        found.outcome = FETCH_UNCHANGED;
    *answer = found;
    return 0;
}

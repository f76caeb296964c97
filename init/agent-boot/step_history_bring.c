/* The history step's way up: the program reads a key and the archive of earlier sessions. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include "init/agent-boot/confined.h"
#include "init/agent-boot/history.h"
#include "init/agent-boot/report.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"

/* How long a full pipe is waited for before the step's end is looked for. */
#define FEED_MS 100

struct feed {
    pid_t pid;
    int pidfd;  /* owned */
    int input;  /* owned; to the program */
    int output; /* owned; from it */
};

static int start_feed(const struct boot_context *context, struct feed *feed, struct error *err)
{
    int in[2];
    int out[2];
    if (pipe2(in, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe");
    cleanup_fd int reading = in[0];
    feed->input = in[1];
    if (pipe2(out, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe");
    cleanup_fd int writing = out[1];
    feed->output = out[0];
    fd_set_nonblocking(feed->input, true);
    const char *const argv[] = {HISTORY_PROGRAM, "import", context->manifest->agent,
                                context->manifest->session, NULL};
    const struct process_spec spec = {
        .argv = argv,
        .environment = history_environment,
        .directory = "/",
        .standard_input = reading,
        .standard_output = writing,
        .standard_error = STDERR_FILENO,
        .prepare = confined_prepare,
        .prepare_context = (void *)(uintptr_t)&context->agentcli,
    };
    return process_start(&spec, &feed->pid, &feed->pidfd, err);
}

/* Hands SIZE bytes over. -EPIPE when the program has had enough: it says why. */
static int hand_over(const struct feed *feed, const void *bytes, size_t size, struct error *err)
{
    const char *at = bytes;
    while (size > 0) {
        struct pollfd room = {.fd = feed->input, .events = POLLOUT};
        ssize_t count = write(feed->input, at, size);
        if (count > 0) {
            at += count;
            size -= (size_t)count;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return error_set(err, errno, "hand the archive over");
        if (boot_is_interrupted())
            return boot_interruption(err);
        (void)poll(&room, 1, FEED_MS);
    }
    return 0;
}

/* To its end, which the keeper is asked for too: then it lets go of it. */
static int feed_archive(const struct boot_context *context, const struct feed *feed,
                        struct error *err)
{
    static char bytes[DATA_CHUNK_BYTES];
    for (uint64_t offset = 0;;) {
        struct data_exchange read = {.action = DATA_IMPORT_READ,
                                     .offset = offset,
                                     .answer = bytes,
                                     .answer_size = sizeof(bytes),
                                     .timeout_ms = HISTORY_ANSWER_MS};
        int result = history_ask(context, &read, err);
        if (result < 0 || read.outcome != DATA_DONE)
            return result < 0 ? result : -EPROTO;
        if (read.answer_count == 0)
            return 0;
        result = hand_over(feed, bytes, read.answer_count, err);
        if (result < 0)
            return result;
        offset += read.answer_count;
    }
}

/* Closes what is the program's, and waits for what it has to say. 0 or -errno. */
static int end_feed(const struct boot_context *context, struct feed *feed,
                    struct history_report *report, struct error *err)
{
    char text[HISTORY_OUTPUT_SIZE] = "";
    int status = 0;
    cleanup_close(&feed->input);
    int result = process_wait(feed->pidfd, boot_remaining_ms(context), &status);
    if (result < 0) {
        kill(feed->pid, SIGKILL);
        (void)process_wait(feed->pidfd, 0, &status);
        return error_set(err, -result, "wait for agent-data");
    }
    /* It has ended, and a pipe holds more than it says. */
    ssize_t count = read(feed->output, text, sizeof(text) - 1);
    text[count > 0 ? count : 0] = '\0';
    history_parse_report(text, report);
    return process_is_success(status) || report->failed[0] != '\0'
               ? 0
               : error_set(err, EPROTO, "agent-data ended with code %d", process_exit_code(status));
}

static int bring(const struct boot_context *context, const struct data_terms *terms,
                 struct history_report *report, struct error *err)
{
    struct feed feed = {.pidfd = -1, .input = -1, .output = -1};
    int result = start_feed(context, &feed, err);
    if (result == 0) {
        result = hand_over(&feed, terms->key, sizeof(terms->key), err);
        if (result == 0)
            result = feed_archive(context, &feed, err);
        struct error why = ERROR_INITIALIZER;
        int ended = end_feed(context, &feed, report, result == 0 ? err : &why);
        /* What it says itself is why it wanted no more. */
        if (result == -EPIPE || result == 0)
            result = ended;
    }
    cleanup_close(&feed.pidfd);
    cleanup_close(&feed.input);
    cleanup_close(&feed.output);
    return result;
}

static int bring_told(struct boot_context *context, const struct data_terms *terms)
{
    struct history_report report = {.files = 0};
    struct error err = ERROR_INITIALIZER;
    if (bring(context, terms, &report, &err) < 0)
        return history_refuse(context, "import", error_text(&err));
    if (report.failed[0] != '\0')
        return history_refuse(context, "import", report.failed);
    report_event(context, AUDIT_DATA_IMPORTED,
                 json_pack("{s:I, s:I, s:s}", "files", (json_int_t)report.files, "bytes",
                           (json_int_t)report.bytes, "manifest_sha256", report.manifest));
    boot_set_detail(context, "%llu files of earlier sessions", report.files);
    return 0;
}

int history_bring(struct boot_context *context, struct error *err)
{
    struct data_terms terms;
    struct data_exchange begun;
    struct error why = ERROR_INITIALIZER;
    const char *reason = history_reason_without(context);
    (void)err;
    if (reason != NULL) {
        boot_set_detail(context, "%s", reason);
        return BOOT_SKIPPED;
    }
    int result = history_ask_terms(context, DATA_IMPORT_BEGIN, &terms, &begun, &why);
    if (result < 0)
        return history_refuse(context, "import", error_text(&why));
    if (begun.outcome == DATA_REFUSED)
        return history_go_on_without(context, "import", error_text(&why));
    if (begun.outcome == DATA_UNWANTED) {
        boot_set_detail(context, "none in this session");
        return BOOT_SKIPPED;
    }
    result = bring_told(context, &terms);
    sodium_memzero(&terms, sizeof(terms));
    return result;
}

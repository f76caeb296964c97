/* The history step's way down: the program packs what the agent leaves, boot sends what it made. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/confined.h"
#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/history.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"

#define EXPORT_DIRECTORY "/run/agent-data-export"

static int pack(const struct boot_context *context, const struct data_terms *terms,
                struct history_report *report, struct error *err)
{
    int ends[2];
    char most[24];
    char counter[24];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe");
    cleanup_fd int key = ends[0];
    /* It fits a pipe, so nobody has to read yet. */
    int result = fd_write_all(ends[1], terms->key, sizeof(terms->key));
    close(ends[1]);
    if (result < 0)
        return error_set(err, -result, "hand the key over");
    snprintf(most, sizeof(most), "%llu", (unsigned long long)terms->most);
    snprintf(counter, sizeof(counter), "%llu", (unsigned long long)terms->counter);
    const char *const argv[] = {HISTORY_PROGRAM,
                                "export",
                                context->manifest->agent,
                                context->manifest->session,
                                counter,
                                most,
                                NULL};
    const struct process_spec spec = {
        .argv = argv,
        .environment = history_environment,
        .directory = "/",
        .standard_input = key,
        .standard_output = -1,
        .standard_error = STDERR_FILENO,
        .output_limit = HISTORY_OUTPUT_SIZE,
        .timeout_ms = boot_remaining_ms(context),
        .prepare = confined_prepare,
        .prepare_context = (void *)(uintptr_t)&context->agentcli,
    };
    struct process_result output = {.output = NULL};
    result = process_run(&spec, &output, err);
    if (result == 0) {
        history_parse_report(output.output, report);
        if (!process_is_success(output.wait_status) && report->failed[0] == '\0')
            result = error_set(err, EPROTO, "agent-data ended with code %d",
                               process_exit_code(output.wait_status));
    }
    process_result_free(&output);
    return result;
}

/* With the eyes of its owner, in whose directory it lies: root has no power over that here. */
static int open_archive(const struct boot_context *context, struct error *err)
{
    char path[PATH_MAX];
    struct stat status;
    const struct copy_identity owner = {.uid = context->agentcli.uid, .gid = context->agentcli.gid};
    const struct copy_identity self = {.uid = 0};
    if (path_format(path, EXPORT_DIRECTORY "/%s/%s.tar", context->manifest->agent,
                    context->manifest->session) < 0)
        return error_set(err, ENAMETOOLONG, "the archive");
    int result = copy_identity_assume(&owner);
    cleanup_fd int fd =
        result < 0 ? result : open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int number = result < 0 ? -result : errno;
    int back = copy_identity_assume(&self);
    if (back < 0)
        return error_set(err, -back, "become root again");
    if (fd < 0)
        return error_set(err, number, "open '%s'", path);
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return error_set(err, EINVAL, "'%s' is no archive", path);
    return steal_fd(&fd);
}

/* Chunk by chunk, each acknowledged; *SIZE is what was sent. 0, -errno, or 1: the keeper refused.
 */
static int send_archive(const struct boot_context *context, int fd, uint64_t *size,
                        struct error *err)
{
    static char bytes[DATA_CHUNK_BYTES];
    for (*size = 0;;) {
        ssize_t count = read(fd, bytes, sizeof(bytes));
        if (count < 0 && errno == EINTR && !boot_is_interrupted())
            continue;
        if (count < 0)
            return error_set(err, errno, "read the archive");
        if (count == 0)
            return 0;
        struct data_exchange write = {.action = DATA_EXPORT_WRITE,
                                      .offset = *size,
                                      .bytes = bytes,
                                      .count = (size_t)count,
                                      .timeout_ms = HISTORY_ANSWER_MS};
        int result = history_ask(context, &write, err);
        if (result < 0 || write.outcome != DATA_DONE)
            return result < 0 ? result : 1;
        *size += (size_t)count;
        if (write.answer_offset != *size)
            return error_set(err, EPROTO, "the keeper has another size of the archive");
    }
}

/* Of SIZE bytes; 0: nothing comes. 0 once it is merged on the host, -errno, or 1: the keeper
 * refused. */
static int end_archive(const struct boot_context *context, uint64_t size, struct error *err)
{
    struct data_exchange end = {.action = DATA_EXPORT_END, .offset = size};
    int result = history_ask(context, &end, err);
    return result < 0 ? result : end.outcome != DATA_DONE;
}

/* *IS_SENT: all of it, and that it is. */
static int give(const struct boot_context *context, const struct data_terms *terms,
                struct history_report *report, bool *is_sent, struct error *err)
{
    uint64_t size = 0;
    int result = pack(context, terms, report, err);
    if (result == 0 && report->failed[0] != '\0')
        result = error_set(err, EPROTO, "%s", report->failed);
    cleanup_fd int fd = result < 0 || report->files == 0 ? -1 : open_archive(context, err);
    if (result == 0 && report->files > 0)
        result = fd < 0 ? fd : send_archive(context, fd, &size, err);
    if (result != 0)
        return result;
    *is_sent = size > 0;
    return end_archive(context, size, err);
}

static int give_told(struct boot_context *context, const struct data_terms *terms)
{
    struct history_report report = {.files = 0};
    struct error err = ERROR_INITIALIZER;
    bool is_sent = false;
    int result = give(context, terms, &report, &is_sent, &err);
    if (result > 0)
        return history_go_on_without(context, "export", error_text(&err));
    if (result < 0 && is_sent) {
        /* It is on the host, and no loss: what becomes of it is the keeper's to record. */
        boot_set_detail(context, "%llu files given back; the keeper goes on merging: %.100s",
                        report.files, error_text(&err));
        return BOOT_SKIPPED;
    }
    if (result < 0) {
        /* Said here, so that the keeper need not wonder where the rest is. */
        (void)end_archive(context, 0, NULL);
        return history_refuse(context, "export", error_text(&err));
    }
    boot_set_detail(context, "%llu files given back, %llu left out", report.files, report.left_out);
    return 0;
}

int history_give(struct boot_context *context, struct error *err)
{
    struct data_terms terms;
    struct data_exchange begun;
    struct error why = ERROR_INITIALIZER;
    const char *reason = history_reason_without(context);
    (void)err;
    if (reason == NULL && context->mode != BOOT_MODE_SHUTDOWN)
        reason = "it was in memory, and is gone";
    if (reason != NULL) {
        boot_set_detail(context, "%s", reason);
        return BOOT_SKIPPED;
    }
    int result = history_ask_terms(context, DATA_EXPORT_BEGIN, &terms, &begun, &why);
    if (result < 0)
        return history_refuse(context, "export", error_text(&why));
    if (begun.outcome == DATA_REFUSED)
        return history_go_on_without(context, "export", error_text(&why));
    if (begun.outcome == DATA_UNWANTED) {
        boot_set_detail(context, "none in this session");
        return BOOT_SKIPPED;
    }
    result = give_told(context, &terms);
    sodium_memzero(&terms, sizeof(terms));
    return result;
}

/* The program that makes and merges archives of an agent's data: one at a time, beside the loop. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-shim/keeper/data_parts.h"
#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/host/install_paths.h"
#include "lib/wire/record.h"

#define PROGRAM "coding-agents-data"
#define DATA_WHY_SIZE 2048
/* Of that program: an archive was not what it must be. */
#define EXIT_ARCHIVE_REFUSED 1

/* Why the program failed: its line, without the newline. */
static const char *said(struct data *data)
{
    data->text[strcspn(data->text, "\n")] = '\0';
    return data->text[0] != '\0' ? data->text : PROGRAM " said nothing";
}

/* Records a merge by its REPORT (borrowed) of an archive of BYTES; LEFT_BY is the session that left
 * it, NULL: this one. False for one that is no report. */
static bool record_merge(struct keeper *keeper, const json_t *report, json_int_t bytes,
                         const char *left_by)
{
    static const char *const counts[] = {"added", "replaced", "extended", "unchanged", "left"};
    json_t *fields = json_pack("{s:I, s:s*}", "bytes", bytes, "left_by", left_by);
    bool is_report = fields != NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(counts) && is_report; i++) {
        json_t *count = json_object_get(report, counts[i]);
        is_report = json_is_integer(count) && json_object_set(fields, counts[i], count) == 0;
    }
    if (is_report)
        log_own(keeper, AUDIT_DATA_MERGED, fields);
    else
        json_decref(fields);
    return is_report;
}

/* What became of an archive that an earlier session left. */
static void record_left(struct keeper *keeper, const json_t *left)
{
    const char *session = json_string_value(json_object_get(left, "session"));
    const char *message = json_string_value(json_object_get(left, "message"));
    if (session == NULL)
        return;
    if (message == NULL) {
        (void)record_merge(keeper, left, json_integer_value(json_object_get(left, "bytes")),
                           session);
        return;
    }
    json_t *fields = json_pack("{s:s, s:s}", "direction", "export", "left_by", session);
    if (fields != NULL && record_set_text(fields, "message", message) == 0)
        log_own(keeper, AUDIT_DATA_REFUSED, json_incref(fields));
    json_decref(fields);
}

/* What the session gets, and what became of all that lay about, on record. */
static void record_export(struct keeper *keeper, json_int_t bytes)
{
    json_t *report = json_loads(keeper->data.text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *sessions = json_object_get(report, "sessions");
    for (size_t i = 0; i < json_array_size(sessions); i++)
        record_left(keeper, json_array_get(sessions, i));
    json_t *fields = json_pack("{s:I, s:I, s:I}", "bytes", bytes, "files",
                               json_integer_value(json_object_get(report, "files")), "left_out",
                               json_integer_value(json_object_get(report, "left_out")));
    if (fields != NULL)
        log_own(keeper, AUDIT_DATA_GIVEN, fields);
    json_decref(report);
}

static void on_import_made(struct keeper *keeper, int code)
{
    struct data *data = &keeper->data;
    char path[PATH_MAX];
    struct stat status;
    cleanup_close(&data->import);
    if (data_import_path(keeper, path) == 0) {
        data->import = code == 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        (void)unlink(path);
    }
    /* Nobody waits for it any more. */
    if (data->taker == NULL)
        cleanup_close(&data->import);
    if (data->import < 0 || fstat(data->import, &status) < 0) {
        data_refuse(keeper, data->peer, DATA_IMPORT_BEGIN, said(data));
        return;
    }
    record_export(keeper, (json_int_t)status.st_size);
    data_reply_terms(keeper, data->peer, DATA_IMPORT_BEGIN, (uint64_t)status.st_size);
}

/* This session's merge, on record. False for what is no report. */
static bool record_own_merge(struct keeper *keeper)
{
    json_t *report = json_loads(keeper->data.text, JSON_REJECT_DUPLICATES, NULL);
    bool is_report = record_merge(keeper, report, (json_int_t)keeper->data.received, NULL);
    json_decref(report);
    return is_report;
}

static void on_export_merged(struct keeper *keeper, int code)
{
    struct data *data = &keeper->data;
    const struct data_message head = {.action = DATA_EXPORT_END, .offset = data->received};
    char path[PATH_MAX];
    char why[DATA_WHY_SIZE];
    bool is_merged = code == 0 && record_own_merge(keeper);
    /* What could not be merged for another reason than itself stays for the next session. */
    if ((is_merged || code == EXIT_ARCHIVE_REFUSED) && data_spool_path(keeper, true, path) == 0)
        (void)unlink(path);
    cleanup_close(&data->spool);
    data->is_told |= is_merged;
    if (is_merged) {
        data_reply(data->peer, &head, NULL, 0);
        return;
    }
    snprintf(why, sizeof(why), "%.1900s%s", said(data),
             code == EXIT_ARCHIVE_REFUSED ? "" : "; it is kept, and merged by the next session");
    data_refuse(keeper, data->peer, DATA_EXPORT_END, why);
}

/* The program has ended. */
static void finish(struct keeper *keeper)
{
    struct data *data = &keeper->data;
    int status = 0;
    event_loop_remove(&keeper->loop, data->source);
    cleanup_close(&data->output);
    while (waitpid(data->pid, &status, 0) < 0 && errno == EINTR)
        ;
    data->pid = 0;
    data->text[data->used] = '\0';
    int code = process_exit_code(status);
    if (data->action == DATA_IMPORT_BEGIN)
        on_import_made(keeper, code);
    else
        on_export_merged(keeper, code);
    data->peer = NULL;
}

static void on_output(void *context, uint32_t events)
{
    (void)events;
    struct keeper *keeper = context;
    struct data *data = &keeper->data;
    size_t room = sizeof(data->text) - 1 - data->used;
    char rest[256];
    ssize_t count = read(data->output, room > 0 ? data->text + data->used : rest,
                         room > 0 ? room : sizeof(rest));
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > 0)
        data->used += room > 0 ? (size_t)count : 0;
    else
        finish(keeper);
}

int data_run(struct peer *peer, enum data_action action, const char *file, struct error *err)
{
    struct keeper *keeper = peer->keeper;
    struct data *data = &keeper->data;
    char program[PATH_MAX];
    int ends[2];
    int result = install_path_libexec(PROGRAM, program, err);
    if (result < 0)
        return result;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe");
    cleanup_fd int reading = ends[0];
    cleanup_fd int writing = ends[1];
    cleanup_fd int pidfd = -1;
    const char *const argv[] = {program,
                                action == DATA_IMPORT_BEGIN ? "export" : "import",
                                "--json",
                                "--session",
                                keeper->session,
                                data->agent,
                                file,
                                NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = writing,
                                      .standard_error = writing,
                                      .prepare = process_end_with_parent};
    fd_set_nonblocking(reading, true);
    result = process_start(&spec, &data->pid, &pidfd, err);
    if (result < 0)
        return result;
    data->output = steal_fd(&reading);
    data->used = 0;
    data->peer = peer;
    data->action = action;
    /* A place of the loop is kept for it. */
    data->source = event_loop_add(&keeper->loop, data->output, EPOLLIN, on_output, keeper);
    return data->source < 0 ? error_set(err, -data->source, "watch " PROGRAM) : 0;
}

/* Writes audit logs: the chained one of a session, and copies of its lines for the whole machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/audit_record.h"
#include "lib/wire/limits.h"
#include "lib/wire/manifest.h"

/* Two writers meet when a session ends while its work is collected: the keeper needs a moment. */
#define LOCK_WAIT_MS 5000
#define LOCK_RETRY_US 20000
/* Copies that wait for the next sync: at least one line. */
#define WAITING_BYTES (2 * LIMIT_AUDIT_LINE_BYTES)

struct audit_log {
    int fd; /* owned; exclusively locked */
    char session[MANIFEST_SESSION_SIZE];
    struct audit_chain chain;
    uint64_t appended; /* bytes since it was opened */
    uint64_t torn;     /* bytes of a line without its end that were cut off, not recorded yet */
    bool is_unsynced;
    char *forward_path; /* owned; NULL: no copies */
    char *waiting;      /* owned, WAITING_BYTES: whole lines to be copied */
    size_t waiting_size;
};

static int open_for_append(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    return fd >= 0 ? fd : error_set(err, errno, "open '%s'", path);
}

static int lock_exclusively(int fd, const char *path, struct error *err)
{
    uint64_t deadline = clock_monotonic_ns() + LOCK_WAIT_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_set(err, errno, "lock '%s'", path);
        if (clock_monotonic_ns() > deadline)
            return error_set(err, EWOULDBLOCK, "'%s' is being written by another process", path);
        usleep(LOCK_RETRY_US);
    }
    return 0;
}

/* Cuts off what follows the last newline. More than a line can be is no torn line: it is left to be
 * found. 0 or -errno. */
static int cut_torn_line(struct audit_log *log)
{
    struct stat status;
    cleanup_free char *tail = malloc(LIMIT_AUDIT_LINE_BYTES);
    if (tail == NULL)
        return -ENOMEM;
    if (fstat(log->fd, &status) < 0)
        return -errno;
    off_t start =
        status.st_size > LIMIT_AUDIT_LINE_BYTES ? status.st_size - LIMIT_AUDIT_LINE_BYTES : 0;
    ssize_t count = pread(log->fd, tail, LIMIT_AUDIT_LINE_BYTES, start);
    if (count < 0)
        return -errno;
    const char *newline = memrchr(tail, '\n', (size_t)count);
    if (newline == NULL && start > 0)
        return 0;
    size_t whole = newline == NULL ? 0 : (size_t)(newline - tail) + 1;
    log->torn = (uint64_t)count - whole;
    if (log->torn == 0)
        return 0;
    log->is_unsynced = true;
    return ftruncate(log->fd, start + (off_t)whole) < 0 ? -errno : 0;
}

static int adopt_chain(struct audit_log *log, const char *path, struct error *err)
{
    int result = cut_torn_line(log);
    if (result < 0)
        return error_set(err, -result, "mend '%s'", path);
    result = audit_log_verify(path, &log->chain, err);
    if (result < 0)
        return result;
    if (log->chain.count > 0 && strcmp(log->chain.session, log->session) != 0)
        return error_set(err, EPROTO, "'%s' is the log of session %s, not of %s", path,
                         log->chain.session, log->session);
    return 0;
}

int audit_log_open(const char *path, const char *session, const char *forward_path,
                   struct audit_log **log, struct error *err)
{
    if (!manifest_is_session_id(session))
        return error_set(err, EINVAL, "'%.40s' is not a session id", session);
    struct audit_log *opened = calloc(1, sizeof(*opened));
    if (opened == NULL)
        return error_set(err, ENOMEM, "open '%s'", path);
    memcpy(opened->session, session, sizeof(opened->session));
    opened->forward_path = forward_path != NULL ? strdup(forward_path) : NULL;
    opened->waiting = forward_path != NULL ? malloc(WAITING_BYTES) : NULL;
    opened->fd = open_for_append(path, err);
    int result = opened->fd < 0 ? opened->fd : lock_exclusively(opened->fd, path, err);
    if (result == 0 && forward_path != NULL &&
        (opened->forward_path == NULL || opened->waiting == NULL))
        result = error_set(err, ENOMEM, "open '%s'", path);
    if (result == 0)
        result = adopt_chain(opened, path, err);
    if (result < 0) {
        audit_log_close(opened);
        return result;
    }
    *log = opened;
    return 0;
}

/* Copies whole lines under the file's lock, so that sessions do not interleave. */
static int forward_lines(const char *path, const char *lines, size_t size, struct error *err)
{
    cleanup_fd int fd = open_for_append(path, err);
    if (fd < 0)
        return fd;
    int result = lock_exclusively(fd, path, err);
    if (result < 0)
        return result;
    result = audit_append_lines(fd, lines, size);
    if (result == 0 && fdatasync(fd) < 0)
        result = -errno;
    return result < 0 ? error_set(err, -result, "write '%s'", path) : 0;
}

/* Copies what waits. What cannot be copied waits no longer: the log itself has it. */
static int forward_waiting(struct audit_log *log, struct error *err)
{
    size_t size = log->waiting_size;
    log->waiting_size = 0;
    return size > 0 ? forward_lines(log->forward_path, log->waiting, size, err) : 0;
}

/* LINE stands in the log: the chain goes on from it, and its copy waits for the next sync. */
static int take_line(struct audit_log *log, const char *line, size_t size, struct error *err)
{
    int result = 0;
    manifest_digest(line, size, log->chain.previous);
    log->chain.count++;
    log->appended += size;
    log->is_unsynced = true;
    if (log->forward_path == NULL)
        return 0;
    if (size > WAITING_BYTES - log->waiting_size)
        result = forward_waiting(log, err);
    memcpy(log->waiting + log->waiting_size, line, size);
    log->waiting_size += size;
    return result;
}

int audit_log_append_unsynced(struct audit_log *log, enum audit_event event,
                              const struct audit_source *source, const json_t *fields,
                              struct error *err)
{
    const struct audit_record record = {
        .event = event,
        .session = log->session,
        .sequence = log->chain.count + 1,
        .previous = log->chain.count > 0 ? log->chain.previous : AUDIT_NO_PREVIOUS,
        .source = source,
        .fields = fields,
    };
    cleanup_free char *line = NULL;
    size_t size = 0;
    int result = audit_record_render(&record, &line, &size, err);
    if (result < 0)
        return result;
    result = audit_append_lines(log->fd, line, size);
    return result < 0 ? error_set(err, -result, "write the audit log")
                      : take_line(log, line, size, err);
}

int audit_log_sync(struct audit_log *log, struct error *err)
{
    int result = 0;
    if (log->is_unsynced && fdatasync(log->fd) < 0)
        result = error_set(err, errno, "write the audit log");
    log->is_unsynced = false;
    int forwarded = forward_waiting(log, result == 0 ? err : NULL);
    return result < 0 ? result : forwarded;
}

int audit_log_append(struct audit_log *log, enum audit_event event,
                     const struct audit_source *source, const json_t *fields, struct error *err)
{
    int result = audit_log_append_unsynced(log, event, source, fields, err);
    int synced = audit_log_sync(log, result == 0 ? err : NULL);
    return result < 0 ? result : synced;
}

int audit_log_note_tear(struct audit_log *log, const struct audit_source *source, struct error *err)
{
    char found[64];
    if (log->torn == 0)
        return 0;
    snprintf(found, sizeof(found), "%llu bytes of one", (unsigned long long)log->torn);
    log->torn = 0;
    json_t *fields = json_pack("{s:s, s:s, s:s, s:s}", "subject", "events.jsonl", "expected",
                               "a whole last line", "found", found, "outcome", "they were cut off");
    int result = audit_log_append(log, AUDIT_INTEGRITY_CHECK, source, fields, err);
    json_decref(fields);
    return result;
}

int audit_log_append_end(struct audit_log *log, const struct audit_source *source,
                         const struct audit_key *key, struct error *err)
{
    char signature[AUDIT_SIGNATURE_SIZE];
    const struct audit_end end = {
        .session = log->session, .previous = log->chain.previous, .records = log->chain.count};
    int result = audit_key_sign(key, &end, signature, err);
    if (result < 0)
        return result;
    json_t *fields =
        json_pack("{s:I, s:s}", "records", (json_int_t)end.records, "signature", signature);
    result = audit_log_append(log, AUDIT_AUDIT_CLOSED, source, fields, err);
    json_decref(fields);
    return result;
}

uint64_t audit_log_count(const struct audit_log *log)
{
    return log->chain.count;
}

uint64_t audit_log_appended(const struct audit_log *log)
{
    return log->appended;
}

void audit_log_close(struct audit_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0)
        (void)audit_log_sync(log, NULL);
    cleanup_close(&log->fd);
    free(log->waiting);
    free(log->forward_path);
    free(log);
}

int audit_forward(const char *path, enum audit_event event, const struct audit_source *source,
                  const json_t *fields, struct error *err)
{
    const struct audit_record record = {
        .event = event,
        .session = "",
        .previous = AUDIT_NO_PREVIOUS,
        .source = source,
        .fields = fields,
    };
    cleanup_free char *line = NULL;
    size_t size = 0;
    int result = audit_record_render(&record, &line, &size, err);
    return result < 0 ? result : forward_lines(path, line, size, err);
}

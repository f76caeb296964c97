/* Writes audit logs: the chained one of a session, and copies of its lines for the whole machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/audit_record.h"
#include "lib/wire/manifest.h"

/* Two writers meet when a session ends while its work is collected: the keeper needs a moment. */
#define LOCK_WAIT_MS 5000
#define LOCK_RETRY_US 20000

struct audit_log {
    int fd; /* owned; exclusively locked */
    char session[MANIFEST_SESSION_SIZE];
    struct audit_chain chain;
    char *forward_path; /* owned; NULL: no copies */
};

static int open_for_append(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
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

static int adopt_chain(struct audit_log *log, const char *path, struct error *err)
{
    int result = audit_log_verify(path, &log->chain, err);
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
    opened->fd = open_for_append(path, err);
    int result = opened->fd < 0 ? opened->fd : lock_exclusively(opened->fd, path, err);
    if (result == 0 && forward_path != NULL && opened->forward_path == NULL)
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

/* Copies a whole line under the file's lock, so that sessions do not interleave. */
static int forward_line(const char *path, const char *line, size_t size, struct error *err)
{
    cleanup_fd int fd = open_for_append(path, err);
    if (fd < 0)
        return fd;
    int result = lock_exclusively(fd, path, err);
    if (result < 0)
        return result;
    result = audit_append_line(fd, line, size);
    return result < 0 ? error_set(err, -result, "write '%s'", path) : 0;
}

int audit_log_append(struct audit_log *log, enum audit_event event,
                     const struct audit_source *source, const json_t *fields, struct error *err)
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
    result = audit_append_line(log->fd, line, size);
    if (result < 0)
        return error_set(err, -result, "write the audit log");
    manifest_digest(line, size, log->chain.previous);
    log->chain.count++;
    return log->forward_path != NULL ? forward_line(log->forward_path, line, size, err) : 0;
}

uint64_t audit_log_count(const struct audit_log *log)
{
    return log->chain.count;
}

void audit_log_close(struct audit_log *log)
{
    if (log == NULL)
        return;
    cleanup_close(&log->fd);
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
    return result < 0 ? result : forward_line(path, line, size, err);
}

/* Proves an audit log whole: every line's own digest, its link to the one before, its place and its
 * meaning. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/audit_record.h"
#include "lib/wire/limits.h"
#include "lib/wire/manifest.h"

/* A whole sentence with a number that error_set would explain. */
static int reject(struct error *err, const char *reason)
{
    error_set(err, EINVAL, "%s", reason);
    if (err != NULL)
        err->number = EBADMSG;
    return -EBADMSG;
}

struct line {
    const char *event;
    const char *session;
    const char *previous;
    const char *program;
    json_int_t sequence;
    json_int_t version;
    json_t *fields;
};

/* Every key, none more; the values stay borrowed from OBJECT. */
static bool unpack(json_t *object, struct line *line)
{
    const char *digest, *time;
    json_int_t monotonic, uid, pid;
    return json_unpack(
               object, "{s:s, s:s, s:o, s:I, s:s, s:I, s:s, s:{s:s, s:I, s:I !}, s:s, s:I !}",
               "digest", &digest, "event", &line->event, "fields", &line->fields, "monotonic_ns",
               &monotonic, "previous", &line->previous, "sequence", &line->sequence, "session",
               &line->session, "source", "program", &line->program, "uid", &uid, "pid", &pid,
               "time", &time, "version", &line->version) == 0;
}

static int check_place(const struct audit_chain *chain, const struct line *line, struct error *err)
{
    if (line->version != AUDIT_VERSION)
        return reject(err, "it has an unknown version");
    if (line->sequence != (json_int_t)chain->count + 1)
        return reject(err, "its sequence number is not the next one");
    if (strcmp(line->previous, chain->count > 0 ? chain->previous : AUDIT_NO_PREVIOUS) != 0)
        return reject(err, "it does not follow the line before it");
    if (!manifest_is_session_id(line->session) ||
        (chain->count > 0 && strcmp(line->session, chain->session) != 0))
        return reject(err, "it belongs to another session");
    if (chain->is_closed && strcmp(line->program, "collect") != 0)
        return reject(err, "it follows the end of the log");
    return 0;
}

/* An end names the lines before it, and is signed once the log has a key. */
static int check_end(struct audit_chain *chain, const struct line *line, struct error *err)
{
    const char *signature = json_string_value(json_object_get(line->fields, "signature"));
    const struct audit_end end = {
        .session = line->session, .previous = line->previous, .records = chain->count};
    if (json_integer_value(json_object_get(line->fields, "records")) != (json_int_t)chain->count)
        return reject(err, "it closes the log with another number of lines");
    if (chain->key[0] != '\0' && !audit_key_has_signed(chain->key, &end, signature))
        return reject(err, "it closes the log without the signature of the log's key");
    if (chain->key[0] == '\0' && signature != NULL)
        return reject(err, "it closes the log with a key that the log does not name");
    chain->is_closed = true;
    chain->closed_at = chain->count + 1;
    chain->is_signed = signature != NULL;
    return 0;
}

/* What the line means for those that follow. */
static int take_line(struct audit_chain *chain, enum audit_event event, const struct line *line,
                     struct error *err)
{
    bool is_keepers = strcmp(line->program, "keeper") == 0;
    if (event != AUDIT_AUDIT_KEY && event != AUDIT_AUDIT_CLOSED)
        return 0;
    if (!is_keepers)
        return reject(err, "it is the keeper's to say");
    if (event == AUDIT_AUDIT_CLOSED)
        return check_end(chain, line, err);
    snprintf(chain->key, sizeof(chain->key), "%s",
             json_string_value(json_object_get(line->fields, "public_key")));
    return 0;
}

static int check_line(struct audit_chain *chain, json_t *object, struct error *err)
{
    struct line line = {.event = NULL};
    if (object == NULL || !unpack(object, &line))
        return reject(err, "it is not a record");
    int result = check_place(chain, &line, err);
    if (result < 0)
        return result;
    enum audit_event event = audit_event_from_name(line.event);
    if (audit_event_check(event, line.fields, err) < 0)
        return reject(err, "its event or fields are not in the table");
    result = take_line(chain, event, &line, err);
    if (result < 0)
        return result;
    snprintf(chain->session, sizeof(chain->session), "%s", line.session);
    return 0;
}

int audit_chain_check(struct audit_chain *chain, const char *line, size_t size, struct error *err)
{
    if (size == 0 || line[size - 1] != '\n')
        return reject(err, "it has no end");
    if (size > LIMIT_AUDIT_LINE_BYTES)
        return reject(err, "it is too long");
    if (!audit_record_is_intact(line, size))
        return reject(err, "it was changed: its digest is another");
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    int result = check_line(chain, object, err);
    json_decref(object);
    if (result < 0)
        return result;
    manifest_digest(line, size, chain->previous);
    chain->count++;
    return 0;
}

/* Lines of a file, one at a time, in a buffer that one line fits into. */
struct line_reader {
    int fd;
    char *buffer;
    size_t used;
};

/* Fills the buffer; *END when nothing more comes. 0 or -errno. */
static int fill(struct line_reader *reader, bool *end)
{
    ssize_t count;
    do
        count = read(reader->fd, reader->buffer + reader->used,
                     LIMIT_AUDIT_LINE_BYTES + 1 - reader->used);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    reader->used += (size_t)count;
    *end = count == 0;
    return 0;
}

/* Checks every whole line in the buffer, and what is left when END; moves the rest to the front. */
static int drain(struct line_reader *reader, bool end, struct audit_chain *chain, struct error *err)
{
    size_t start = 0;
    while (start < reader->used) {
        const char *line = reader->buffer + start;
        const char *newline = memchr(line, '\n', reader->used - start);
        if (newline == NULL && !end && reader->used - start <= LIMIT_AUDIT_LINE_BYTES)
            break;
        size_t size = newline != NULL ? (size_t)(newline - line) + 1 : reader->used - start;
        int result = audit_chain_check(chain, line, size, err);
        if (result < 0)
            return result;
        start += size;
    }
    memmove(reader->buffer, reader->buffer + start, reader->used - start);
    reader->used -= start;
    return 0;
}

int audit_log_verify(const char *path, struct audit_chain *chain, struct error *err)
{
    *chain = (struct audit_chain){.count = 0};
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return error_set(err, errno, "open '%s'", path);
    cleanup_free char *buffer = malloc(LIMIT_AUDIT_LINE_BYTES + 1);
    if (buffer == NULL)
        return error_set(err, ENOMEM, "read '%s'", path);
    struct line_reader reader = {.fd = fd, .buffer = buffer};
    bool end = false;
    while (!end) {
        int result = fill(&reader, &end);
        if (result < 0)
            return error_set(err, -result, "read '%s'", path);
        result = drain(&reader, end, chain, err);
        if (result < 0) {
            error_prefix(err, "'%s', line %llu", path, (unsigned long long)chain->count + 1);
            return result;
        }
    }
    return 0;
}

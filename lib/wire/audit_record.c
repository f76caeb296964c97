/* One line of an audit log: rendered canonically, with a digest of itself at a fixed place. */
#include "lib/wire/audit_record.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/wire/limits.h"

/* Sorted keys put "digest" first: its hex starts here in every line. */
static const char line_start[] = "{\"digest\":\"";
#define DIGEST_OFFSET (sizeof(line_start) - 1)
#define DIGEST_LENGTH (AUDIT_DIGEST_SIZE - 1)

/* SHA-256 of LINE as if its digest were zeros. */
static void digest_line(const char *line, size_t size, char digest[AUDIT_DIGEST_SIZE])
{
    crypto_hash_sha256_state state;
    unsigned char hash[crypto_hash_sha256_BYTES];
    const unsigned char *bytes = (const unsigned char *)line;
    size_t rest = DIGEST_OFFSET + DIGEST_LENGTH;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, bytes, DIGEST_OFFSET);
    crypto_hash_sha256_update(&state, (const unsigned char *)AUDIT_NO_PREVIOUS, DIGEST_LENGTH);
    crypto_hash_sha256_update(&state, bytes + rest, size - rest);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(digest, AUDIT_DIGEST_SIZE, hash, sizeof(hash));
}

bool audit_record_is_intact(const char *line, size_t size)
{
    char digest[AUDIT_DIGEST_SIZE];
    if (size <= DIGEST_OFFSET + DIGEST_LENGTH || memcmp(line, line_start, DIGEST_OFFSET) != 0)
        return false;
    digest_line(line, size, digest);
    return memcmp(line + DIGEST_OFFSET, digest, DIGEST_LENGTH) == 0;
}

static json_t *build(const struct audit_record *record)
{
    char now[CLOCK_TIMESTAMP_SIZE];
    clock_format(clock_realtime_ns(), now);
    return json_pack("{s:s, s:s, s:O, s:I, s:s, s:I, s:s, s:{s:s, s:I, s:I}, s:s, s:i}", "digest",
                     AUDIT_NO_PREVIOUS, "event", audit_event_name(record->event), "fields",
                     (json_t *)(uintptr_t)record->fields, "monotonic_ns",
                     (json_int_t)clock_monotonic_ns(), "previous", record->previous, "sequence",
                     (json_int_t)record->sequence, "session", record->session, "source", "program",
                     record->source->program, "uid", (json_int_t)record->source->uid, "pid",
                     (json_int_t)record->source->pid, "time", now, "version", AUDIT_VERSION);
}

int audit_record_render(const struct audit_record *record, char **line, size_t *size,
                        struct error *err)
{
    int result = audit_event_check(record->event, record->fields, err);
    if (result < 0)
        return result;
    json_t *object = build(record);
    cleanup_free char *text =
        object != NULL ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    size_t length = text != NULL ? strlen(text) : 0;
    cleanup_free char *whole = text != NULL ? malloc(length + 2) : NULL;
    if (whole == NULL)
        return error_set(err, ENOMEM, "render an audit record");
    if (length + 1 > LIMIT_AUDIT_LINE_BYTES)
        return error_set(err, EPROTO, "%s: larger than a line may be",
                         audit_event_name(record->event));
    memcpy(whole, text, length);
    memcpy(whole + length, "\n", 2);
    char digest[AUDIT_DIGEST_SIZE];
    digest_line(whole, length + 1, digest);
    memcpy(whole + DIGEST_OFFSET, digest, DIGEST_LENGTH);
    *line = steal_pointer(&whole);
    *size = length + 1;
    return 0;
}

int audit_append_lines(int fd, const char *lines, size_t size)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    int result = fd_write_all(fd, lines, size);
    /* A full disk must not leave half a line: the next one would be lost with it. */
    if (result < 0 && ftruncate(fd, status.st_size) < 0)
        return -errno;
    return result;
}

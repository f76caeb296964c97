/* The table of audit events: their names and the fields each must and may have. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/audit.h"
#include "lib/wire/exec_record.h"
#include "lib/wire/limits.h"
#include "lib/wire/record_text.h"

#define FIELDS_MAX 23

enum field_type {
    TEXT,
    OUTCOME,
    VERDICT,
    TIER,
    TIME,
    DIGEST,
    KEY,
    SIGNATURE,
    NUMBER,
    INTEGER,
    BOOLEAN,
    LIST,
    ARGUMENTS,
    OBJECT
};

struct audit_field {
    const char *key;
    enum field_type type;
    bool is_optional;
};

struct audit_row {
    const char *name;
    struct audit_field fields[FIELDS_MAX];
};

/* clang-format off */
static const struct audit_row rows[AUDIT_EVENT_COUNT] = {
    [AUDIT_SESSION_START]   = {"session-start", {{"agent", TEXT, false}, {"name", TEXT, false}, {"branch", TEXT, false},
                               {"image", TEXT, false}, {"argv_sha256", DIGEST, false}, {"manifest_sha256", DIGEST, false}}},
    [AUDIT_SESSION_CONFIG]  = {"session-config", {{"launcher_version", TEXT, false}, {"launcher_sha256", DIGEST, false},
                               {"image", TEXT, false}, {"assets", OBJECT, false}, {"broker", TEXT, true},
                               {"repository_config", TEXT, true},
                               {"repository_config_sha256", DIGEST, true}}},
    [AUDIT_SESSION_END]     = {"session-end", {{"exit_code", INTEGER, false}, {"cause", TEXT, false}}},
    [AUDIT_BOOT_STEP]       = {"boot-step", {{"step", TEXT, false}, {"duration_us", NUMBER, false},
                               {"outcome", OUTCOME, false}, {"detail", TEXT, true}}},
    [AUDIT_BOOT_REPORT]     = {"boot-report", {{"duration_us", NUMBER, false}, {"weaker", LIST, false}}},
    [AUDIT_BOOT_REFUSED]    = {"boot-refused", {{"step", TEXT, false}, {"message", TEXT, false}, {"exit_code", INTEGER, false}}},
    [AUDIT_SHUTDOWN_STEP]   = {"shutdown-step", {{"step", TEXT, false}, {"duration_us", NUMBER, false},
                               {"deadline_us", NUMBER, false}, {"outcome", OUTCOME, false}, {"detail", TEXT, true}}},
    [AUDIT_SERVICE]         = {"service", {{"kind", TEXT, false}, {"service", TEXT, false}, {"value", NUMBER, false},
                               {"init_sequence", NUMBER, false}, {"init_monotonic_ns", NUMBER, false}}},
    [AUDIT_WORK_COMMITTED]  = {"work-committed", {{"commit", TEXT, false}, {"branch", TEXT, false},
                               {"files", NUMBER, false}, {"withheld", LIST, false},
                               {"unsigned", TEXT, true}}},
    [AUDIT_WORK_PUSHED]     = {"work-pushed", {{"branch", TEXT, false}, {"commit", TEXT, false}}},
    [AUDIT_WORK_LEFT]       = {"work-left", {{"withheld", LIST, false}, {"unreached", LIST, false}}},
    [AUDIT_WORK_COLLECTED]  = {"work-collected", {{"branch", TEXT, false}, {"commit", TEXT, false}, {"repository", TEXT, false}}},
    [AUDIT_OVERRIDE_USED]   = {"override-used", {{"what", TEXT, false}}},
    [AUDIT_RUNTIME_BLOCKED] = {"runtime-blocked", {{"runtime", TEXT, false}, {"why", TEXT, false}}},
    [AUDIT_INTEGRITY_CHECK] = {"integrity-check", {{"subject", TEXT, false}, {"expected", TEXT, false},
                               {"found", TEXT, false}, {"outcome", TEXT, false}}},
    [AUDIT_ENV_DETECT]      = {"env-detect", {{"kernel", TEXT, false}, {"engine", TEXT, false}, {"runc", TEXT, false},
                               {"apparmor", BOOLEAN, false}, {"cgroup", TEXT, false}}},
    [AUDIT_EXEC_START]      = {"exec-start", {{"id", TEXT, false}, {"uid", NUMBER, false}, {"pid", NUMBER, false},
                               {"program", TEXT, false}, {"program_sha256", DIGEST, true}, {"argv", ARGUMENTS, false},
                               {"argument_count", NUMBER, false}, {"argv_bytes", NUMBER, false},
                               {"argv_is_cut", BOOLEAN, false}, {"argv_sha256", DIGEST, true}, {"cwd", TEXT, false},
                               {"verdict", VERDICT, false}, {"rule", TEXT, false}, {"profile", TEXT, false},
                               {"tier", TIER, false}, {"is_observed", BOOLEAN, false}, {"started", TIME, false},
                               {"started_monotonic_ns", NUMBER, false}, {"reason", TEXT, true}}},
    [AUDIT_EXEC_END]        = {"exec-end", {{"id", TEXT, false}, {"exit_code", NUMBER, false}, {"signal", NUMBER, false},
                               {"duration_us", NUMBER, false}}},
    [AUDIT_EXEC_NESTED]     = {"exec-nested", {{"id", TEXT, false}, {"uid", NUMBER, false}, {"pid", NUMBER, false},
                               {"program", TEXT, false}, {"argv", ARGUMENTS, false}, {"argument_count", NUMBER, false},
                               {"argv_is_cut", BOOLEAN, false}, {"verdict", VERDICT, false}, {"rule", TEXT, false},
                               {"tier", TIER, false}, {"started", TIME, false}, {"lost", NUMBER, false},
                               {"reason", TEXT, true}}},
    [AUDIT_EXEC_REFUSED]    = {"exec-refused", {{"id", TEXT, false}, {"uid", NUMBER, false}, {"pid", NUMBER, false},
                               {"program", TEXT, false}, {"error", NUMBER, false}, {"started", TIME, false},
                               {"reason", TEXT, false}}},
    [AUDIT_EXEC_ASK]        = {"exec-ask", {{"id", TEXT, false}, {"uid", NUMBER, false}, {"pid", NUMBER, false},
                               {"program", TEXT, false}, {"program_sha256", DIGEST, true}, {"argv", ARGUMENTS, false},
                               {"argument_count", NUMBER, false}, {"argv_bytes", NUMBER, false},
                               {"argv_is_cut", BOOLEAN, false}, {"argv_sha256", DIGEST, true}, {"cwd", TEXT, false},
                               {"verdict", VERDICT, false}, {"rule", TEXT, false}, {"profile", TEXT, false},
                               {"tier", TIER, false}, {"is_observed", BOOLEAN, false}, {"started", TIME, false},
                               {"started_monotonic_ns", NUMBER, false}, {"reason", TEXT, true},
                               {"seconds", NUMBER, false}, {"ask", NUMBER, true}, {"asks_about", ARGUMENTS, true},
                               {"asks_more", BOOLEAN, true}}},
    [AUDIT_EXEC_ANSWER]     = {"exec-answer", {{"ask", NUMBER, false}, {"id", TEXT, false}, {"answer", TEXT, false},
                               {"scope", TEXT, false}, {"words", NUMBER, true}, {"approval", NUMBER, true},
                               {"uid", NUMBER, false}, {"reason", TEXT, true}}},
    [AUDIT_CAPABILITIES_ISSUED] = {"capabilities-issued", {{"stub", TEXT, false}, {"secret", TEXT, false},
                               {"token", TEXT, false}, {"uid", NUMBER, false}, {"secret_sha256", DIGEST, false},
                               {"program_sha256", DIGEST, false}, {"epoch", NUMBER, false}, {"expires", TIME, false},
                               {"origin", TEXT, false}, {"server", TEXT, true}}},
    [AUDIT_CAPABILITY_REDEEMED] = {"capability-redeemed", {{"stub", TEXT, false}, {"secret", TEXT, false},
                               {"token", TEXT, false}, {"uid", NUMBER, false}, {"pid", NUMBER, false}}},
    [AUDIT_CAPABILITY_REFUSED] = {"capability-refused", {{"reason", TEXT, false}, {"uid", NUMBER, false},
                               {"pid", NUMBER, false}, {"detail", TEXT, false}}},
    [AUDIT_CAPABILITY_RELEASED] = {"capability-released", {{"stub", TEXT, false}, {"secret", TEXT, false},
                               {"token", TEXT, false}}},
    [AUDIT_CAPABILITY_REVOKED] = {"capability-revoked", {{"stub", TEXT, false}, {"secret", TEXT, false},
                               {"leases", NUMBER, false}, {"why", TEXT, false}}},
    [AUDIT_SECRET_REFUSED] = {"secret-refused", {{"secret", TEXT, false}, {"message", TEXT, false}}},
    [AUDIT_SECRET_RENEWED] = {"secret-renewed", {{"stub", TEXT, false}, {"secret", TEXT, false},
                               {"origin", TEXT, false}, {"outcome", TEXT, false}, {"detail", TEXT, false}}},
    [AUDIT_BROKER_LOST] = {"broker-lost", {{"cause", TEXT, false}, {"consequence", TEXT, false}}},
    [AUDIT_COMMIT_SIGNED] = {"commit-signed", {{"kind", TEXT, false}, {"id", TEXT, false}, {"format", TEXT, false},
                               {"key", TEXT, false}, {"uid", NUMBER, false}, {"pid", NUMBER, false}}},
    [AUDIT_SIGNING_REFUSED] = {"signing-refused", {{"reason", TEXT, false}, {"uid", NUMBER, false},
                               {"pid", NUMBER, false}, {"detail", TEXT, false}}},
    [AUDIT_SIGNER_LOST] = {"signer-lost", {{"cause", TEXT, false}}},
    [AUDIT_SESSION_FROZEN] = {"session-frozen", {{"cause", TEXT, false}, {"container", TEXT, false}}},
    [AUDIT_DATA_IMPORTED]   = {"data-imported", {{"files", NUMBER, false}, {"bytes", NUMBER, false},
                               {"manifest_sha256", DIGEST, false}}},
    [AUDIT_DATA_GIVEN]      = {"data-given", {{"bytes", NUMBER, false}, {"files", NUMBER, false}, {"left_out", NUMBER, false}}},
    [AUDIT_DATA_MERGED]     = {"data-merged", {{"bytes", NUMBER, false}, {"added", NUMBER, false}, {"replaced", NUMBER, false},
                               {"extended", NUMBER, false}, {"unchanged", NUMBER, false}, {"left", NUMBER, false},
                               {"left_by", TEXT, true}}},
    [AUDIT_DATA_REFUSED]    = {"data-refused", {{"direction", TEXT, false}, {"message", TEXT, false}, {"left_by", TEXT, true}}},
    [AUDIT_GIT_PROXIED] = {"git-proxied", {{"remote", TEXT, false}, {"service", TEXT, false}, {"outcome", TEXT, false},
                               {"status", INTEGER, false}, {"has_credential", BOOLEAN, false}, {"sent", NUMBER, false},
                               {"received", NUMBER, false}, {"detail", TEXT, true}}},
    [AUDIT_GIT_PUSHED] = {"git-pushed", {{"remote", TEXT, false}, {"ref", TEXT, false}, {"old", TEXT, false},
                               {"new", TEXT, false}}},
    [AUDIT_GIT_PUSH_REFUSED] = {"git-push-refused", {{"remote", TEXT, false}, {"ref", TEXT, false}, {"old", TEXT, false},
                               {"new", TEXT, false}, {"reason", TEXT, false}}},
    [AUDIT_GIT_CREDENTIAL_GIVEN] = {"git-credential-given", {{"url", TEXT, false}, {"to", TEXT, false}}},
    [AUDIT_GIT_CREDENTIAL_REFUSED] = {"git-credential-refused", {{"url", TEXT, false}, {"to", TEXT, false},
                               {"detail", TEXT, false}}},
    [AUDIT_LIMIT_HIT]       = {"limit-hit", {{"what", TEXT, false}, {"count", NUMBER, false}, {"detail", TEXT, true}}},
    [AUDIT_AUDIT_KEY]       = {"audit-key", {{"algorithm", TEXT, false}, {"public_key", KEY, false}}},
    [AUDIT_AUDIT_CLOSED]    = {"audit-closed", {{"records", NUMBER, false}, {"signature", SIGNATURE, true}}},
};
/* clang-format on */

const char *audit_event_name(enum audit_event event)
{
    return (size_t)event < AUDIT_EVENT_COUNT ? rows[event].name : "unknown";
}

enum audit_event audit_event_from_name(const char *name)
{
    for (size_t i = 0; i < AUDIT_EVENT_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return (enum audit_event)i;
    return AUDIT_EVENT_COUNT;
}

static const char *check_text(const json_t *value, bool is_encoded)
{
    cleanup_free char *text = NULL;
    const char *reason = NULL;
    (void)record_decode(value, is_encoded, LIMIT_EVENT_TEXT_BYTES, &text, &reason);
    return reason;
}

static const char *check_list(const json_t *value, bool is_encoded, size_t limit)
{
    if (!json_is_array(value))
        return "must be an array";
    if (json_array_size(value) > limit)
        return "has too many entries";
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *reason = check_text(json_array_get(value, i), is_encoded);
        if (reason != NULL)
            return reason;
    }
    return NULL;
}

static const char *check_object(const json_t *value)
{
    const char *key;
    json_t *entry;
    if (!json_is_object(value) || json_object_size(value) > LIMIT_EVENT_LIST_ENTRIES)
        return "must be an object of at most 1024 entries";
    json_object_foreach((json_t *)(uintptr_t)value, key, entry)
    {
        const char *reason = check_text(entry, false);
        if (reason != NULL)
            return reason;
    }
    return NULL;
}

static const char *check_number(const json_t *value, json_int_t minimum)
{
    if (!json_is_integer(value))
        return "must be an integer";
    return json_integer_value(value) < minimum ? "is negative" : NULL;
}

static bool is_hex(const json_t *value, size_t size)
{
    const char *text = json_string_value(value);
    return text != NULL && json_string_length(value) == size - 1 &&
           text[strspn(text, "0123456789abcdef")] == '\0';
}

static const char *check_time(const json_t *value)
{
    const char *text = json_string_value(value);
    uint64_t time;
    return text != NULL && clock_parse(text, &time) == 0 ? NULL : "must be a time in RFC 3339, UTC";
}

/* COUNT words, some of which may be NULL. */
static bool is_one_of(const json_t *value, const char *const *words, size_t count)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && i < count; i++)
        if (words[i] != NULL && strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static const char *check_outcome(const json_t *value)
{
    static const char *const outcomes[] = {"up", "skipped", "refused", "down", "failed"};
    return is_one_of(value, outcomes, ARRAY_LENGTH(outcomes))
               ? NULL
               : "is none of up, skipped, refused, down, failed";
}

static const char *check_verdict(const json_t *value)
{
    return is_one_of(value, exec_record_verdicts, EXEC_RECORD_VERDICTS)
               ? NULL
               : "is none of sandbox, deny, fail, direct, ask";
}

static const char *check_tier(const json_t *value)
{
    return is_one_of(value, exec_record_tiers, EXEC_RECORD_TIERS)
               ? NULL
               : "is none of none, read, workspace-write, network, destructive, privileged";
}

static const char *check_value(enum field_type type, const json_t *value, bool is_encoded)
{
    switch (type) {
    case TEXT:
        return check_text(value, is_encoded);
    case LIST:
        return check_list(value, is_encoded, LIMIT_EVENT_LIST_ENTRIES);
    case ARGUMENTS:
        return check_list(value, is_encoded, LIMIT_EXEC_ARGUMENTS);
    case OUTCOME:
        return check_outcome(value);
    case VERDICT:
        return check_verdict(value);
    case TIER:
        return check_tier(value);
    case TIME:
        return check_time(value);
    case DIGEST:
        return is_hex(value, AUDIT_DIGEST_SIZE) ? NULL : "must be a SHA-256 in lower case hex";
    case KEY:
        return is_hex(value, AUDIT_PUBLIC_KEY_SIZE) ? NULL
                                                    : "must be a public key in lower case hex";
    case SIGNATURE:
        return is_hex(value, AUDIT_SIGNATURE_SIZE) ? NULL : "must be a signature in lower case hex";
    case NUMBER:
        return check_number(value, 0);
    case INTEGER:
        return check_number(value, INT32_MIN);
    case BOOLEAN:
        return json_is_boolean(value) ? NULL : "must be true or false";
    case OBJECT:
        return check_object(value);
    }
    return "has no known type";
}

/* Checks one field and counts the keys it accounts for. */
static const char *check_field(const struct audit_field *field, const json_t *fields, size_t *seen)
{
    char twin[RECORD_KEY_SIZE];
    record_twin_key(field->key, twin);
    const json_t *plain = json_object_get(fields, field->key);
    bool has_twin = field->type == TEXT || field->type == LIST || field->type == ARGUMENTS;
    const json_t *encoded = has_twin ? json_object_get(fields, twin) : NULL;
    if (plain == NULL && encoded == NULL)
        return field->is_optional ? NULL : "is missing";
    if (plain != NULL && encoded != NULL)
        return "is given twice, as text and in base64";
    (*seen)++;
    return check_value(field->type, plain != NULL ? plain : encoded, plain == NULL);
}

static const char *find_unknown(const struct audit_row *row, const json_t *fields)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)fields, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < FIELDS_MAX && row->fields[i].key != NULL; i++) {
            size_t length = strlen(row->fields[i].key);
            is_known |= strncmp(key, row->fields[i].key, length) == 0 &&
                        (key[length] == '\0' || strcmp(key + length, "_base64") == 0);
        }
        if (!is_known)
            return key;
    }
    return "";
}

int audit_event_check(enum audit_event event, const json_t *fields, struct error *err)
{
    if ((size_t)event >= AUDIT_EVENT_COUNT)
        return error_set(err, EPROTO, "the event is not in the table");
    const struct audit_row *row = &rows[event];
    size_t seen = 0;
    if (!json_is_object(fields))
        return error_set(err, EPROTO, "%s: fields must be an object", row->name);
    for (size_t i = 0; i < FIELDS_MAX && row->fields[i].key != NULL; i++) {
        const char *reason = check_field(&row->fields[i], fields, &seen);
        if (reason != NULL)
            return error_set(err, EPROTO, "%s: %s %s", row->name, row->fields[i].key, reason);
    }
    if (seen != json_object_size(fields))
        return error_set(err, EPROTO, "%s: '%.60s' is not one of its fields", row->name,
                         find_unknown(row, fields));
    return 0;
}

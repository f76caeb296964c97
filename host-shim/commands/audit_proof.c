/* Proves an audit log by itself, by the key that is on record for it, and by the copies of its
 * lines. */
#include "host-shim/commands/audit_proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/audit_lines.h"
#include "lib/base/path.h"
#include "lib/wire/manifest.h"

#define DIGEST_OFFSET (sizeof("{\"digest\":\"") - 1)
#define DIGEST_LENGTH (AUDIT_DIGEST_SIZE - 1)

/* Digests of the lines that were proven, by their numbers from 0. */
struct digests {
    char (*hex)[DIGEST_LENGTH]; /* owned */
    size_t room;
};

/* clang-format off */
static const char *const standing_names[] = {
    [AUDIT_CLOSED]  = "closed",
    [AUDIT_OPEN]    = "open",
    [AUDIT_CUT]     = "cut",
    [AUDIT_KEYLESS] = "keyless",
    [AUDIT_DAMAGED] = "damaged",
};
/* clang-format on */

const char *audit_standing_name(enum audit_standing standing)
{
    return standing_names[standing];
}

/* 0 or -ENOMEM. */
static int digests_add(struct digests *digests, uint64_t number, const char *line)
{
    if (digests->hex == NULL || number == digests->room) {
        size_t room = digests->room == 0 ? 1024 : 2 * digests->room;
        char(*more)[DIGEST_LENGTH] = reallocarray(digests->hex, room, DIGEST_LENGTH);
        if (more == NULL)
            return -ENOMEM;
        digests->hex = more;
        digests->room = room;
    }
    memcpy(digests->hex[number], line + DIGEST_OFFSET, DIGEST_LENGTH);
    return 0;
}

static void damage(struct audit_proof *proof, const struct error *why)
{
    proof->standing = AUDIT_DAMAGED;
    proof->reason = *why;
}

/* Half a line at the end is what a killed writer leaves, and no damage. 0 or -errno. */
static int check_log(struct audit_lines *lines, struct audit_proof *proof, struct digests *digests)
{
    const char *text = NULL;
    ssize_t size;
    while ((size = audit_lines_next(lines, &text)) > 0) {
        struct error why = ERROR_INITIALIZER;
        uint64_t number = proof->chain.count;
        if (audit_chain_check(&proof->chain, text, (size_t)size, &why) < 0) {
            error_prefix(&why, "line %llu", (unsigned long long)number + 1);
            damage(proof, &why);
            return 0;
        }
        if (digests_add(digests, number, text) < 0)
            return -ENOMEM;
    }
    proof->torn = audit_lines_rest(lines);
    return (int)size;
}

/* KEY: what is on record; "" when nothing is. */
static void judge_end(struct audit_proof *proof, const struct session_state *state, const char *key,
                      bool is_live)
{
    struct error why = ERROR_INITIALIZER;
    const struct audit_chain *chain = &proof->chain;
    if (proof->standing == AUDIT_DAMAGED)
        return;
    if (chain->count > 0 && strcmp(chain->session, state->session) != 0) {
        error_set(&why, EPROTO, "the log is that of session %s", chain->session);
        damage(proof, &why);
    } else if (key[0] != '\0' && strcmp(chain->key, key) != 0) {
        error_set(&why, EPROTO,
                  chain->key[0] == '\0'
                      ? "the log names no key, but one is on record for it"
                      : "the log names another key than the one on record for it");
        damage(proof, &why);
    } else if (!chain->is_closed || proof->torn > 0) {
        proof->standing = is_live ? AUDIT_OPEN : AUDIT_CUT;
    } else if (chain->key[0] != '\0' && key[0] == '\0') {
        error_set(&why, EPROTO, "the log is signed by a key that is not on record");
        damage(proof, &why);
    } else {
        proof->standing = chain->is_signed ? AUDIT_CLOSED : AUDIT_KEYLESS;
    }
}

/* The line of security-events.log at TEXT, if it is one of the log's, against the log. */
static int check_copy(struct audit_proof *proof, const struct digests *digests, const char *session,
                      const char *text, size_t size)
{
    struct error why = ERROR_INITIALIZER;
    if (memmem(text, size, session, MANIFEST_SESSION_SIZE - 1) == NULL)
        return 0;
    json_t *record = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *owner = json_string_value(json_object_get(record, "session"));
    json_int_t number = json_integer_value(json_object_get(record, "sequence"));
    bool is_ours = owner != NULL && strcmp(owner, session) == 0 && number > 0;
    json_decref(record);
    if (!is_ours)
        return 0;
    proof->copies++;
    bool is_there = (uint64_t)number <= proof->chain.count;
    if (is_there && size > DIGEST_OFFSET + DIGEST_LENGTH &&
        memcmp(text + DIGEST_OFFSET, digests->hex[number - 1], DIGEST_LENGTH) == 0)
        return 0;
    error_set(&why, EPROTO,
              is_there ? "line %llu is not the one that security-events.log has a copy of"
                       : "line %llu is missing: security-events.log has a copy of it",
              (unsigned long long)number);
    damage(proof, &why);
    return -EPROTO;
}

static int check_copies(struct audit_proof *proof, const struct digests *digests,
                        const char *session, const char *path, struct error *err)
{
    struct audit_lines lines;
    const char *text = NULL;
    ssize_t size = 0;
    int result = audit_lines_open(&lines, path, err);
    proof->has_copies = result == 0;
    while (result == 0 && (size = audit_lines_next(&lines, &text)) > 0)
        if (check_copy(proof, digests, session, text, (size_t)size) < 0)
            break;
    audit_lines_close(&lines);
    if (result == -ENOENT)
        return 0;
    if (result == 0 && size < 0)
        result = error_set(err, (int)-size, "read '%s'", path);
    return result;
}

static int find_paths(const char *session, char log[PATH_MAX], char copies[PATH_MAX],
                      struct error *err)
{
    char root[PATH_MAX];
    char directory[PATH_MAX];
    int result = session_state_root(root, err);
    if (result == 0)
        result = session_state_directory(session, directory, err);
    if (result == 0 && (path_format(log, "%s/events.jsonl", directory) < 0 ||
                        path_format(copies, "%s/security-events.log", root) < 0))
        result = error_set(err, ENAMETOOLONG, "the audit log");
    return result;
}

int audit_proof_make(const struct session_state *state, const char *key, struct audit_proof *proof,
                     struct error *err)
{
    char path[PATH_MAX];
    char copies[PATH_MAX];
    struct audit_lines lines = {.fd = -1};
    struct digests digests = {.hex = NULL};
    *proof = (struct audit_proof){.standing = AUDIT_CUT};
    int result = find_paths(state->session, path, copies, err);
    if (result == 0)
        result = audit_lines_open(&lines, path, err);
    /* Asked before it is read: what closes it meanwhile is read all the same. */
    bool is_live = result == 0 && audit_lines_are_written(&lines);
    if (result == 0) {
        result = check_log(&lines, proof, &digests);
        if (result < 0)
            error_set(err, -result, "read '%s'", path);
    }
    audit_lines_close(&lines);
    if (result == 0)
        judge_end(proof, state, key != NULL ? key : state->audit_key, is_live);
    /* A keeper's copies may be ahead of what was read of its log. */
    if (result == 0 && proof->standing != AUDIT_DAMAGED && proof->standing != AUDIT_OPEN)
        result = check_copies(proof, &digests, state->session, copies, err);
    free(digests.hex);
    return result;
}

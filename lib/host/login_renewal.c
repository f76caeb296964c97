/* What a renewed login may change in the host's: a table. */
#include "lib/host/login_renewal.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/login.h"

#define MEMBERS_MAX 5
/* A token with its claims has a few thousand. */
#define VALUE_BYTES_MAX (16 * 1024)

struct renewable {
    const char *agent;
    const char *object;               /* of the document; NULL: the document itself */
    const char *members[MEMBERS_MAX]; /* NULL first: each that the host's has */
    const char *account;              /* a member that must be the same; NULL: none tells */
    bool follows;                     /* changes only when the row before it did */
};

/* clang-format off */
static const struct renewable rows[] = {
    {"claude",  "claudeAiOauth",  {"accessToken", "refreshToken", "expiresAt", "refreshTokenExpiresAt"}, NULL, false},
    {"codex",   "tokens",         {"id_token", "access_token", "refresh_token"},                         "account_id", false},
    {"codex",   NULL,             {"last_refresh"},                                                      NULL, true},
    {"copilot", "copilot_tokens", {NULL},                                                                NULL, false},
    {"copilot", "copilotTokens",  {NULL},                                                                NULL, false},
};
/* clang-format on */

static json_t *object_of(json_t *document, const struct renewable *row)
{
    return row->object == NULL ? document : json_object_get(document, row->object);
}

static bool is_listed(const struct renewable *row, const char *member)
{
    if (row->account != NULL && strcmp(row->account, member) == 0)
        return true;
    for (size_t i = 0; i < MEMBERS_MAX && row->members[i] != NULL; i++) {
        if (strcmp(row->members[i], member) == 0)
            return true;
    }
    return row->members[0] == NULL;
}

/* One line of text, or a time. */
static bool is_value(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (text == NULL)
        return json_is_integer(value) && json_integer_value(value) >= 0;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
            return false;
    }
    return length > 0 && length <= VALUE_BYTES_MAX;
}

/* The listed values of ROW out of DOCUMENT into RENEWAL. 0 or -ENOMEM. */
static int collect(const struct renewable *row, json_t *document, json_t *renewal)
{
    const char *member;
    json_t *value;
    json_t *from = object_of(document, row);
    json_t *to = json_object();
    int result = to == NULL ? -ENOMEM : 0;
    json_object_foreach(from, member, value)
    {
        if (result == 0 && is_listed(row, member) && is_value(value) &&
            json_object_set(to, member, value) < 0)
            result = -ENOMEM;
    }
    if (result == 0 && row->object == NULL)
        result = json_object_update(renewal, to) < 0 ? -ENOMEM : 0;
    else if (result == 0)
        result = json_object_set(renewal, row->object, to) < 0 ? -ENOMEM : 0;
    json_decref(to);
    return result;
}

int login_renewal_read(const char *agent, const char *data, size_t size, json_t **renewal,
                       struct error *err)
{
    struct login login = {.kind = 0};
    size_t head = 0;
    size = login_trim(data, size);
    int result = login_check(agent, data, size, &login, err);
    if (result < 0)
        return -EINVAL;
    if (login.kind != REDEEM_FILE)
        return error_set(err, EINVAL, "it is a token, and none renews itself");
    json_t *document = login_document(data, size, &head);
    json_t *made = json_object();
    result = document == NULL || made == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < ARRAY_LENGTH(rows) && result == 0; i++) {
        if (strcmp(rows[i].agent, agent) == 0)
            result = collect(&rows[i], document, made);
    }
    json_decref(document);
    if (result == 0)
        *renewal = json_incref(made);
    json_decref(made);
    return result < 0 ? error_set(err, EINVAL, "it cannot be taken apart") : 0;
}

static int hash_some(const char *text, size_t size, void *hash)
{
    return crypto_hash_sha256_update(hash, (const uint8_t *)text, size);
}

int login_renewal_digest(const char *agent, const char *data, size_t size,
                         uint8_t digest[CAPABILITY_DIGEST_BYTES], struct error *err)
{
    crypto_hash_sha256_state hash;
    json_t *renewal = NULL;
    int result = login_renewal_read(agent, data, size, &renewal, err);
    if (result < 0)
        return result;
    crypto_hash_sha256_init(&hash);
    if (json_dump_callback(renewal, hash_some, &hash, JSON_COMPACT | JSON_SORT_KEYS) < 0)
        result = error_set(err, EINVAL, "it cannot be taken apart");
    crypto_hash_sha256_final(&hash, digest);
    json_decref(renewal);
    return result;
}

static bool is_same_account(const struct renewable *row, const json_t *from, const json_t *to)
{
    return row->account == NULL ||
           json_equal(json_object_get(from, row->account), json_object_get(to, row->account));
}

/* What ROW lists, into DOCUMENT where it has the like. How many values are new, or -EPERM. */
static int put(const struct renewable *row, json_t *renewal, json_t *document)
{
    const char *member;
    json_t *value;
    json_t *from = object_of(renewal, row);
    json_t *to = object_of(document, row);
    int changed = 0;
    if (json_object_size(from) > 0 && !is_same_account(row, from, to))
        return -EPERM;
    json_object_foreach(from, member, value)
    {
        const json_t *old = json_object_get(to, member);
        if (old == NULL || !is_listed(row, member) || json_typeof(old) != json_typeof(value) ||
            json_equal(old, value))
            continue;
        if (json_object_set(to, member, value) < 0)
            return -ENOMEM;
        changed++;
    }
    return changed;
}

/* As the host's program laid it out, or nearly so: it reads either. */
static char *render(const json_t *document, const char *text, size_t size, size_t head)
{
    size_t trimmed = login_trim(text, size);
    bool has_lines = memchr(text + head, '\n', trimmed - head) != NULL;
    size_t flags = has_lines ? JSON_INDENT(2) : JSON_COMPACT;
    size_t body = json_dumpb(document, NULL, 0, flags);
    char *whole = body == 0 ? NULL : calloc(1, head + body + (size - trimmed) + 1);
    if (whole == NULL)
        return NULL;
    memcpy(whole, text, head);
    (void)json_dumpb(document, whole + head, body, flags);
    memcpy(whole + head + body, text + trimmed, size - trimmed);
    return whole;
}

/* What the next start would refuse, or what is none any more, is not written. */
static int check_rendered(const char *agent, const char *text, struct error *err)
{
    struct login login = {.kind = 0};
    size_t size = strlen(text);
    if (size > REDEEM_SECRET_BYTES_MAX)
        return error_set(err, EINVAL, "with it the host's login has more than %d bytes",
                         REDEEM_SECRET_BYTES_MAX);
    return login_check(agent, text, login_trim(text, size), &login, err) < 0 ? -EINVAL : 0;
}

/* All rows of AGENT. How many values are new, -EPERM, or -ENOMEM. */
static int put_all(const char *agent, json_t *renewal, json_t *document)
{
    int changed = 0;
    int result = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(rows) && result >= 0; i++) {
        if (strcmp(rows[i].agent, agent) != 0 || (rows[i].follows && result == 0))
            continue;
        result = put(&rows[i], renewal, document);
        changed += result > 0 ? result : 0;
    }
    return result < 0 ? result : changed;
}

int login_renewal_apply(const char *agent, const json_t *renewal, const char *text, size_t size,
                        char **renewed, struct error *err)
{
    size_t head = 0;
    char *text_now = NULL;
    json_t *document = login_document(text, size, &head);
    if (!json_is_object(document)) {
        json_decref(document);
        return error_set(err, EINVAL, "the host's login is no JSON object");
    }
    int changed = put_all(agent, (json_t *)(uintptr_t)renewal, document);
    if (changed > 0)
        text_now = render(document, text, size, head);
    json_decref(document);
    if (changed == -EPERM) {
        error_set(err, EPERM, "it is of another account than the host's");
        return -EPERM;
    }
    if (changed < 0 || (changed > 0 && text_now == NULL))
        return error_set(err, EINVAL, "it cannot be put together");
    if (changed == 0)
        return -ENODATA;
    int result = check_rendered(agent, text_now, err);
    if (result < 0) {
        sodium_memzero(text_now, strlen(text_now));
        free(text_now);
        return result;
    }
    *renewed = text_now;
    return 0;
}

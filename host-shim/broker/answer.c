/* What the broker answers: the hello of the container's root, bonds, redemptions, revocations. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/keeper_tell.h"

static uid_t inside_uid(const struct visitor *visitor)
{
    return visitor->broker->has_greeted ? uid_map_inside(&visitor->broker->map, visitor->uid)
                                        : UID_MAP_NOBODY;
}

static void tell_refusal(const struct visitor *visitor, enum redeem_reason reason,
                         const char *detail)
{
    struct broker *broker = visitor->broker;
    /* Whoever comes second could have a thousand others refused before. */
    bool is_first_spent = reason == REDEEM_REASON_SPENT && !broker->has_told_spent;
    const struct refusal refusal = {.event = AUDIT_CAPABILITY_REFUSED,
                                    .what = "redeem",
                                    .reason = redeem_reason_name(reason),
                                    .uid = visitor->uid,
                                    .pid = visitor->pid,
                                    .detail = detail,
                                    .is_told_anyway = is_first_spent};
    broker->has_told_spent |= is_first_spent;
    refusals_tell(&broker->refusals, broker->child.keeper, &refusal);
}

void answer_refuse(struct visitor *visitor, enum redeem_reason reason, const char *detail)
{
    const struct redeem_refusal refusal = {.reason = reason};
    tell_refusal(visitor, reason, detail);
    (void)redeem_send(visitor->fd, REDEEM_REFUSED, &refusal, sizeof(refusal), NULL, 0);
    if (visitor->source >= 0)
        serve_close_visitor(visitor);
}

static void reply(struct visitor *visitor, enum redeem_type type, const void *payload, size_t size)
{
    if (redeem_send(visitor->fd, type, payload, size, NULL, 0) < 0)
        serve_close_visitor(visitor);
}

static void on_hello(struct visitor *visitor, const struct redeem_hello *hello)
{
    struct broker *broker = visitor->broker;
    struct error err = ERROR_INITIALIZER;
    if (visitor->uid != broker->child.container_root_uid)
        answer_refuse(visitor, REDEEM_REASON_PEER, "a hello of somebody who is not root");
    else if (strncmp(hello->session, broker->child.session, sizeof(hello->session)) != 0)
        answer_refuse(visitor, REDEEM_REASON_SESSION, "a hello of another session");
    else if (broker->has_greeted)
        answer_refuse(visitor, REDEEM_REASON_TWICE, "a second hello");
    else if (keeper_child_read_map(&broker->child, visitor->pid, &broker->map, &err) < 0)
        answer_refuse(visitor, REDEEM_REASON_PEER, error_text(&err));
    else {
        broker->has_greeted = true;
        broker->window_until_ns =
            clock_monotonic_ns() + broker->window_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
        visitor->state = VISITOR_ROOT;
        reply(visitor, REDEEM_KEYS, &broker->keys->holders, sizeof(broker->keys->holders));
        /* They are the holders' from here on; what proves them is their public half. */
        for (size_t i = 0; i < REDEEM_HOLDERS_MAX; i++)
            sodium_memzero(broker->keys->holders.holders[i].secret_key, CAPABILITY_KEY_BYTES);
    }
}

static void on_bind(struct visitor *visitor, const struct redeem_bind *bind)
{
    struct broker *broker = visitor->broker;
    for (size_t i = 0; i < broker->issue_count; i++) {
        if (strncmp(broker->issues[i].capability.stub, bind->stub, sizeof(bind->stub)) != 0)
            continue;
        if (broker->bonds[i].is_bound) {
            answer_refuse(visitor, REDEEM_REASON_TWICE, "a second bond of one holder");
            return;
        }
        broker->bonds[i] = (struct bond){.said = *bind, .is_bound = true};
        reply(visitor, REDEEM_BOUND, NULL, 0);
        return;
    }
    answer_refuse(visitor, REDEEM_REASON_AUDIENCE, "a bond of a stub that has no capability");
}

static const struct bond *find_bond(const struct broker *broker, const uint8_t *nonce)
{
    for (size_t i = 0; i < broker->issue_count; i++) {
        if (broker->bonds[i].is_bound &&
            sodium_memcmp(broker->bonds[i].said.nonce, nonce, REDEEM_NONCE_BYTES) == 0)
            return &broker->bonds[i];
    }
    return NULL;
}

static struct issue *find_issue(struct broker *broker, const uint8_t *token)
{
    for (size_t i = 0; i < broker->issue_count; i++) {
        if (memcmp(broker->issues[i].capability.token, token, CAPABILITY_TOKEN_BYTES) == 0)
            return &broker->issues[i];
    }
    return NULL;
}

/* Who signed it. */
static enum redeem_reason judge_origin(const struct broker *broker,
                                       const struct redeem_request *request,
                                       struct capability *capability, struct error *err)
{
    uint8_t id[CAPABILITY_KEY_ID_BYTES];
    capability_key_id(broker->keys->sign_public, id);
    if (capability_parse(request->capability, sizeof(request->capability), capability, err) < 0)
        return REDEEM_REASON_MALFORMED;
    if (memcmp(capability->key_id, id, sizeof(id)) != 0)
        return REDEEM_REASON_EPOCH;
    if (capability_verify(request->capability, broker->keys->sign_public) < 0)
        return REDEEM_REASON_SIGNATURE;
    if (capability->epoch != broker->epoch)
        return REDEEM_REASON_EPOCH;
    if (strncmp(capability->session, broker->child.session, sizeof(capability->session)) != 0)
        return REDEEM_REASON_SESSION;
    return REDEEM_OK;
}

/* For whom it was issued. */
static enum redeem_reason judge_audience(const struct visitor *visitor,
                                         const struct redeem_request *request,
                                         const struct capability *capability)
{
    uid_t uid = inside_uid(visitor);
    const struct bond *bond = find_bond(visitor->broker, request->nonce);
    if (bond == NULL || uid == UID_MAP_NOBODY || bond->said.uid != uid)
        return REDEEM_REASON_NONCE;
    if (strncmp(bond->said.stub, capability->stub, sizeof(capability->stub)) != 0 ||
        capability->uid != uid ||
        memcmp(bond->said.program, capability->program, sizeof(capability->program)) != 0)
        return REDEEM_REASON_AUDIENCE;
    return REDEEM_OK;
}

static enum redeem_reason judge_time(const struct broker *broker,
                                     const struct capability *capability)
{
    uint64_t now = clock_realtime_ns() / CLOCK_NANOSECONDS_PER_SECOND;
    if (now < capability->not_before)
        return REDEEM_REASON_EARLY;
    if (now >= capability->expires || clock_monotonic_ns() >= broker->window_until_ns)
        return REDEEM_REASON_EXPIRED;
    return REDEEM_OK;
}

static enum redeem_reason judge_token(const struct issue *issue)
{
    if (issue == NULL)
        return REDEEM_REASON_UNKNOWN;
    if (issue->is_revoked)
        return REDEEM_REASON_REVOKED;
    return issue->is_spent ? REDEEM_REASON_SPENT : REDEEM_OK;
}

static void challenge(struct visitor *visitor, struct issue *issue)
{
    visitor->issue = issue;
    visitor->state = VISITOR_CHALLENGED;
    redeem_make_pair(visitor->pair.public_key, visitor->pair.secret_key);
    memcpy(visitor->challenge.public_key, visitor->pair.public_key, CAPABILITY_KEY_BYTES);
    randombytes_buf(visitor->challenge.challenge, sizeof(visitor->challenge.challenge));
    reply(visitor, REDEEM_CHALLENGE, &visitor->challenge, sizeof(visitor->challenge));
}

static void on_request(struct visitor *visitor, const struct redeem_request *request)
{
    struct capability capability;
    struct error err = ERROR_INITIALIZER;
    struct issue *issue = NULL;
    visitor->request = *request;
    enum redeem_reason reason = judge_origin(visitor->broker, request, &capability, &err);
    if (reason == REDEEM_OK)
        reason = judge_audience(visitor, request, &capability);
    if (reason == REDEEM_OK) {
        issue = find_issue(visitor->broker, capability.token);
        reason = judge_token(issue);
    }
    if (reason == REDEEM_OK)
        reason = judge_time(visitor->broker, &capability);
    if (reason != REDEEM_OK)
        answer_refuse(visitor, reason, reason == REDEEM_REASON_MALFORMED ? error_text(&err) : "");
    else
        challenge(visitor, issue);
}

/* The only order in which nothing can be had twice: burnt, on the disk, said, given. */
static void grant(struct visitor *visitor)
{
    struct broker *broker = visitor->broker;
    struct issue *issue = visitor->issue;
    struct redeem_grant grant;
    char token[2 * CAPABILITY_TOKEN_BYTES + 1];
    issue->is_spent = true;
    if (journal_burn(broker, issue->capability.token) < 0) {
        answer_refuse(visitor, REDEEM_REASON_DISK, "the burn could not be written");
        return;
    }
    memcpy(visitor->binding.token, issue->capability.token, CAPABILITY_TOKEN_BYTES);
    memcpy(visitor->binding.challenge, visitor->challenge.challenge, REDEEM_CHALLENGE_BYTES);
    redeem_encrypt(visitor->session.from_broker, &visitor->binding, &issue->value, &grant,
                   broker->ciphertext);
    sodium_bin2hex(token, sizeof(token), issue->capability.token, CAPABILITY_TOKEN_BYTES);
    keeper_tell_event(broker->child.keeper, AUDIT_CAPABILITY_REDEEMED,
                      json_pack("{s:s, s:s, s:s, s:I, s:I}", "stub", issue->capability.stub,
                                "secret", issue->capability.secret, "token", token, "uid",
                                (json_int_t)visitor->uid, "pid", (json_int_t)visitor->pid));
    int result = redeem_send(visitor->fd, REDEEM_GRANT, &grant, sizeof(grant), broker->ciphertext,
                             issue->value.size + REDEEM_GRANT_TAG_BYTES);
    sodium_memzero(broker->ciphertext, sizeof(broker->ciphertext));
    /* Nobody can redeem it again, so nobody needs it here any more. */
    secret_wipe(&issue->value);
    visitor->state = VISITOR_LEASED;
    if (result < 0)
        serve_close_visitor(visitor);
}

static void on_answer(struct visitor *visitor, const struct redeem_answer *answer)
{
    uint8_t proof[REDEEM_PROOF_BYTES];
    enum redeem_reason reason = judge_token(visitor->issue);
    if (redeem_agree_as_broker(&visitor->pair, visitor->issue->capability.holder,
                               &visitor->session) < 0) {
        answer_refuse(visitor, REDEEM_REASON_PROOF, "no key could be agreed upon");
        return;
    }
    redeem_prove(&visitor->session, &visitor->request, &visitor->challenge, proof);
    if (sodium_memcmp(proof, answer->proof, sizeof(proof)) != 0)
        reason = REDEEM_REASON_PROOF;
    /* Others may have answered in between. */
    if (reason == REDEEM_OK)
        grant(visitor);
    else
        answer_refuse(visitor, reason, "");
}

static uint32_t end_leases(struct broker *broker, const struct issue *issue)
{
    const struct redeem_refusal revoked = {.reason = REDEEM_REASON_REVOKED};
    uint32_t leases = 0;
    for (size_t i = 0; i < BROKER_VISITORS; i++) {
        struct visitor *visitor = &broker->visitors[i];
        if (visitor->fd < 0 || visitor->state != VISITOR_LEASED || visitor->issue != issue)
            continue;
        (void)redeem_send(visitor->fd, REDEEM_REVOKED, &revoked, sizeof(revoked), NULL, 0);
        serve_close_visitor(visitor);
        leases++;
    }
    return leases;
}

struct redeem_count answer_revoke(struct broker *broker, const char *name, const char *why)
{
    struct redeem_count count = {.leases = 0};
    for (size_t i = 0; i < broker->issue_count; i++) {
        struct issue *issue = &broker->issues[i];
        if (issue->is_revoked || (name != NULL && strcmp(issue->capability.secret, name) != 0))
            continue;
        issue->is_revoked = true;
        secret_wipe(&issue->value);
        uint32_t ended = end_leases(broker, issue);
        count.secrets++;
        count.leases += ended;
        keeper_tell_event(broker->child.keeper, AUDIT_CAPABILITY_REVOKED,
                          json_pack("{s:s, s:s, s:I, s:s}", "stub", issue->capability.stub,
                                    "secret", issue->capability.secret, "leases", (json_int_t)ended,
                                    "why", why));
    }
    return count;
}

static void on_revoke(struct visitor *visitor, const struct redeem_revoke *revoke)
{
    if (visitor->uid != getuid() || memchr(revoke->secret, '\0', sizeof(revoke->secret)) == NULL) {
        answer_refuse(visitor, REDEEM_REASON_PEER, "a revocation");
        return;
    }
    const struct redeem_count count =
        answer_revoke(visitor->broker, revoke->secret, "the user revoked it");
    reply(visitor, REDEEM_COUNT, &count, sizeof(count));
}

/* clang-format off */
/* Who may say what, when: anything else ends the connection. */
static const struct {
    enum redeem_type type;
    bool is_host;
    enum visitor_state state;
} allowed[] = {
    {REDEEM_HELLO,  false, VISITOR_NEW},
    {REDEEM_BIND,   false, VISITOR_ROOT},
    {REDEEM_REDEEM, false, VISITOR_NEW},
    {REDEEM_ANSWER, false, VISITOR_CHALLENGED},
    {REDEEM_RENEWED, false, VISITOR_LEASED},
    {REDEEM_REVOKE, true,  VISITOR_NEW},
};
/* clang-format on */

static bool is_allowed(const struct visitor *visitor, enum redeem_type type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++) {
        if (allowed[i].type == type && allowed[i].is_host == visitor->is_host &&
            allowed[i].state == visitor->state)
            return true;
    }
    return false;
}

void answer_message(struct visitor *visitor, const void *data, size_t size)
{
    struct redeem_message message;
    struct error err = ERROR_INITIALIZER;
    union {
        struct redeem_hello hello;
        struct redeem_bind bind;
        struct redeem_request request;
        struct redeem_answer answer;
        struct redeem_revoke revoke;
    } said;
    if (size > REDEEM_MESSAGE_MAX || redeem_parse(data, size, &message, &err) < 0) {
        answer_refuse(visitor, REDEEM_REASON_MALFORMED,
                      size > REDEEM_MESSAGE_MAX ? "it is larger than any" : error_text(&err));
        return;
    }
    if (is_allowed(visitor, message.type) && message.type == REDEEM_RENEWED) {
        renew_take(visitor, message.payload, message.size);
        return;
    }
    if (!is_allowed(visitor, message.type) || message.size > sizeof(said)) {
        answer_refuse(visitor, REDEEM_REASON_MALFORMED, "it is out of its order");
        return;
    }
    /* redeem_parse has looked at the size; what was received has no alignment of its own. */
    memcpy(&said, message.payload, message.size);
    if (message.type == REDEEM_HELLO)
        on_hello(visitor, &said.hello);
    else if (message.type == REDEEM_BIND)
        on_bind(visitor, &said.bind);
    else if (message.type == REDEEM_REDEEM)
        on_request(visitor, &said.request);
    else if (message.type == REDEEM_ANSWER)
        on_answer(visitor, &said.answer);
    else
        on_revoke(visitor, &said.revoke);
}

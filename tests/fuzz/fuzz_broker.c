/*
 * Fuzzes what the broker answers: agent-boot, two holders and somebody of the host say in any order
 * what they should, changed somewhere or not, or anything at all. Nothing is granted for what was
 * changed, nothing twice, and only who has a lease renews a login.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/host/keeper_tell.h"
#include "tests/fuzz/fuzz.h"

#define STUB "agent_claude_cli"
#define SESSION "abcdefg2"
#define GUESTS 4
#define STEPS_MAX 64

enum step {
    STEP_HELLO,
    STEP_BIND,
    STEP_REQUEST,
    STEP_ANSWER,
    STEP_REVOKE,
    STEP_RENEW,
    STEP_RAW,
    STEP_COUNT
};

static struct broker session_broker;
static struct broker_keys keys;
static struct redeem_holder holder;
static uint8_t nonce[REDEEM_NONCE_BYTES];
static uint8_t capability[CAPABILITY_SIZE];
static int peers[GUESTS];
static int writer;
/* Something that the guest needs for a grant was changed. */
static bool is_changed[GUESTS];
static bool is_bond_changed;
static unsigned int burns;

void serve_close_visitor(struct visitor *visitor)
{
    if (visitor->fd >= 0)
        close(visitor->fd);
    visitor->fd = -1;
    visitor->issue = NULL;
    visitor->state = VISITOR_NEW;
    if (visitor->broker->renewing == visitor)
        visitor->broker->renewing = NULL;
}

void keeper_tell_event(int keeper, enum audit_event event, json_t *fields)
{
    struct error err = ERROR_INITIALIZER;
    (void)keeper;
    fuzz_require(fields != NULL && audit_event_check(event, fields, &err) == 0);
    json_decref(fields);
}

int journal_burn(struct broker *broker, const uint8_t token[CAPABILITY_TOKEN_BYTES])
{
    (void)broker;
    (void)token;
    burns++;
    return 0;
}

static void issue(void)
{
    struct capability made = {.epoch = 1, .uid = getuid(), .expires = UINT64_MAX};
    struct redeem_secret head = {.kind = REDEEM_VARIABLE, .size = 6, .name = "KEY"};
    snprintf(made.session, sizeof(made.session), SESSION);
    snprintf(made.stub, sizeof(made.stub), STUB);
    snprintf(made.secret, sizeof(made.secret), "claude");
    capability_make_signing_pair(keys.sign_public, keys.sign_secret);
    capability_key_id(keys.sign_public, made.key_id);
    redeem_make_pair(holder.public_key, holder.secret_key);
    memcpy(made.holder, holder.public_key, sizeof(made.holder));
    fuzz_require(capability_sign(&made, keys.sign_secret, capability) == 0);
    session_broker = (struct broker){.child.container_root_uid = getuid(),
                                     .epoch = 1,
                                     .keys = &keys,
                                     .issue_count = 1,
                                     .writer = -1,
                                     .window_ms = BROKER_WINDOW_MS};
    snprintf(session_broker.agent, sizeof(session_broker.agent), "claude");
    snprintf(session_broker.child.session, sizeof(session_broker.child.session), SESSION);
    session_broker.issues[0] = (struct issue){.capability = made};
    fuzz_require(secret_make(&session_broker.issues[0].value, sizeof(head) + 6, false, NULL) == 0);
    memcpy(session_broker.issues[0].value.data, &head, sizeof(head));
    memcpy(session_broker.issues[0].value.data + sizeof(head), "secret", 6);
}

static void begin(void)
{
    issue();
    for (int i = 0; i < BROKER_VISITORS; i++)
        session_broker.visitors[i] = (struct visitor){.broker = &session_broker, .fd = -1};
    for (int i = 0; i < GUESTS; i++) {
        int ends[2];
        fuzz_require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
        peers[i] = ends[1];
        session_broker.visitors[i] = (struct visitor){.broker = &session_broker,
                                                      .fd = ends[0],
                                                      .uid = getuid(),
                                                      .pid = getpid(),
                                                      .is_host = i == GUESTS - 1};
        is_changed[i] = false;
    }
    int ends[2];
    fuzz_require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
    session_broker.writer = ends[0];
    writer = ends[1];
    is_bond_changed = false;
    burns = 0;
}

/* What guest WHO should say at STEP; its size. */
static size_t compose(enum step step, int who, uint8_t *payload)
{
    struct redeem_hello hello = {.session = SESSION};
    struct redeem_bind bind = {.stub = STUB, .uid = getuid()};
    struct redeem_request request;
    struct redeem_revoke revoke = {.secret = "claude"};
    struct redeem_session session;
    struct visitor *visitor = &session_broker.visitors[who];
    if (step == STEP_HELLO)
        return (size_t)((uint8_t *)mempcpy(payload, &hello, sizeof(hello)) - payload);
    if (step == STEP_BIND) {
        memcpy(bind.nonce, nonce, sizeof(nonce));
        return (size_t)((uint8_t *)mempcpy(payload, &bind, sizeof(bind)) - payload);
    }
    if (step == STEP_REVOKE)
        return (size_t)((uint8_t *)mempcpy(payload, &revoke, sizeof(revoke)) - payload);
    memcpy(request.nonce, nonce, sizeof(nonce));
    memcpy(request.capability, capability, sizeof(capability));
    if (step == STEP_REQUEST)
        return (size_t)((uint8_t *)mempcpy(payload, &request, sizeof(request)) - payload);
    memset(payload, 0, REDEEM_PROOF_BYTES);
    if (visitor->state == VISITOR_CHALLENGED &&
        redeem_agree_as_holder(&holder, visitor->challenge.public_key, &session) == 0)
        redeem_prove(&session, &request, &visitor->challenge, payload);
    return REDEEM_PROOF_BYTES;
}

static void say(enum step step, int who, uint8_t change, uint16_t where)
{
    static const enum redeem_type types[] = {[STEP_HELLO] = REDEEM_HELLO,
                                             [STEP_BIND] = REDEEM_BIND,
                                             [STEP_REQUEST] = REDEEM_REDEEM,
                                             [STEP_ANSWER] = REDEEM_ANSWER,
                                             [STEP_REVOKE] = REDEEM_REVOKE};
    uint8_t message[sizeof(struct redeem_header) + sizeof(struct redeem_request)];
    struct redeem_header header = {
        .magic = REDEEM_MAGIC, .version = REDEEM_VERSION, .type = (uint16_t)types[step]};
    struct visitor *visitor = &session_broker.visitors[who];
    size_t size = compose(step, who, message + sizeof(header));
    message[sizeof(header) + where % size] ^= change;
    memcpy(message, &header, sizeof(header));
    if (change != 0 && (step == STEP_REQUEST || step == STEP_ANSWER))
        is_changed[who] = true;
    /* A second one is refused, and changes nothing; nor does what stands behind the end of a text.
     */
    bool is_behind = where % size >= sizeof(STUB) && where % size < CAPABILITY_NAME_BYTES;
    if (change != 0 && step == STEP_BIND && visitor->state == VISITOR_ROOT &&
        !session_broker.bonds[0].is_bound && !is_behind)
        is_bond_changed = true;
    answer_message(visitor, message, sizeof(header) + size);
}

/* SIZE bytes at DATA as a login that WHO renewed, encrypted as its lease says. */
static void say_renewed(int who, const uint8_t *data, size_t size)
{
    static uint8_t message[REDEEM_MESSAGE_MAX];
    struct redeem_header header = {
        .magic = REDEEM_MAGIC, .version = REDEEM_VERSION, .type = REDEEM_RENEWED};
    struct redeem_secret head = {.kind = REDEEM_FILE, .size = (uint32_t)size, .name = "f"};
    struct redeem_grant grant;
    struct visitor *visitor = &session_broker.visitors[who];
    bool is_leased = visitor->state == VISITOR_LEASED;
    cleanup_secret struct secret plain = {.data = NULL};
    if (size > REDEEM_SECRET_BYTES_MAX || secret_make(&plain, sizeof(head) + size, false, NULL) < 0)
        return;
    memcpy(plain.data, &head, sizeof(head));
    if (size > 0)
        memcpy(plain.data + sizeof(head), data, size);
    memcpy(message, &header, sizeof(header));
    redeem_encrypt(visitor->session.from_holder, &visitor->binding, &plain, &grant,
                   message + sizeof(header) + sizeof(grant));
    memcpy(message + sizeof(header), &grant, sizeof(grant));
    answer_message(visitor, message,
                   sizeof(header) + sizeof(grant) + plain.size + REDEEM_GRANT_TAG_BYTES);
    fuzz_require(is_leased || visitor->fd < 0);
}

static void check(void)
{
    unsigned int leases = 0;
    for (int i = 0; i < GUESTS; i++) {
        bool is_leased = session_broker.visitors[i].fd >= 0 &&
                         session_broker.visitors[i].state == VISITOR_LEASED;
        leases += is_leased;
        fuzz_require(!is_leased ||
                     (!is_changed[i] && !is_bond_changed && session_broker.has_greeted));
    }
    fuzz_require(leases <= burns && burns <= 1);
    fuzz_require(session_broker.issues[0].value.data != NULL || session_broker.issues[0].is_spent ||
                 session_broker.issues[0].is_revoked);
}

static void end(void)
{
    for (int i = 0; i < GUESTS; i++) {
        serve_close_visitor(&session_broker.visitors[i]);
        close(peers[i]);
    }
    close(session_broker.writer);
    close(writer);
    secret_wipe(&session_broker.issues[0].value);
}

/* Each step: what, who, how it is changed, where; a raw one has a size and its bytes behind that.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sodium_init() < 0)
        return 0;
    begin();
    for (int steps = 0; size >= 5 && steps < STEPS_MAX; steps++) {
        enum step step = (enum step)(data[0] % STEP_COUNT);
        int who = data[1] % GUESTS;
        uint16_t number;
        uint8_t change = data[2];
        memcpy(&number, data + 3, sizeof(number));
        data += 5;
        size -= 5;
        size_t raw = step >= STEP_RENEW && number < size ? number : 0;
        if (session_broker.visitors[who].fd >= 0 && step == STEP_RENEW)
            say_renewed(who, data, raw);
        else if (session_broker.visitors[who].fd >= 0 && step != STEP_RAW)
            say(step, who, change, number);
        else if (session_broker.visitors[who].fd >= 0)
            answer_message(&session_broker.visitors[who], data, raw);
        data += raw;
        size -= raw;
        check();
    }
    end();
    return 0;
}

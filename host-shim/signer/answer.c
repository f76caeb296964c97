/* What the signer answers: the hello of the container's root, and requests to sign. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/signer/signer.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/keeper_tell.h"

void answer_refuse(struct visitor *visitor, enum signing_reason reason, const char *detail)
{
    const struct signing_refusal refusal = {.reason = reason};
    const struct signing_parts parts = {.type = SIGNING_REFUSED, .payload = &refusal};
    const struct refusal told = {.event = AUDIT_SIGNING_REFUSED,
                                 .what = "sign",
                                 .reason = signing_reason_name(reason),
                                 .uid = visitor->uid,
                                 .pid = visitor->pid,
                                 .detail = detail};
    refusals_tell(&visitor->signer->refusals, visitor->signer->child.keeper, &told);
    (void)signing_send(visitor->fd, &parts);
    serve_close_visitor(visitor);
}

static void on_hello(struct visitor *visitor, const struct signing_hello *hello)
{
    static const struct signing_parts ready = {.type = SIGNING_READY};
    struct signer *signer = visitor->signer;
    struct error err = ERROR_INITIALIZER;
    if (visitor->uid != signer->child.container_root_uid) {
        answer_refuse(visitor, SIGNING_REASON_PEER, "a hello of somebody who is not root");
    } else if (signer->has_greeted ||
               strncmp(hello->session, signer->child.session, sizeof(hello->session)) != 0) {
        answer_refuse(visitor, SIGNING_REASON_SESSION,
                      signer->has_greeted ? "a second hello" : "a hello of another session");
    } else if (keeper_child_read_map(&signer->child, visitor->pid, &signer->map, &err) < 0) {
        answer_refuse(visitor, SIGNING_REASON_PEER, error_text(&err));
    } else {
        signer->has_greeted = true;
        (void)signing_send(visitor->fd, &ready);
        serve_close_visitor(visitor);
    }
}

static enum signing_reason judge_request(const struct visitor *visitor,
                                         const struct signing_message *message,
                                         struct git_object *object, struct error *detail)
{
    struct signer *signer = visitor->signer;
    const struct signing_request *request = message->payload;
    if (signer->done_count == SIGNER_SIGNED_MAX ||
        !allowance_take(&signer->requests, clock_monotonic_ns()))
        return SIGNING_REASON_BUSY;
    if (request->format != (uint32_t)signer->config.format ||
        strcmp(request->key, signer->config.key) != 0) {
        error_set(detail, 0, "%.200s", request->key);
        return SIGNING_REASON_KEY;
    }
    if (git_object_parse(message->tail, message->tail_size, signer->digits, object, detail) < 0)
        return SIGNING_REASON_OBJECT;
    return judge_object(signer, object, detail);
}

/* The last word of what gpg says behind SIG_CREATED is the fingerprint. */
static const char *fingerprint_of(const struct signer *signer, const struct hands_answer *answer)
{
    const char *blank = strrchr(answer->created, ' ');
    if (signer->config.format == MANIFEST_SIGNING_SSH)
        return signer->fingerprint;
    return blank == NULL ? answer->created : blank + 1;
}

/* Remembers it, on record before it is given. */
static int keep(const struct visitor *visitor, const struct object_id_parts *parts,
                const struct hands_answer *answer)
{
    struct signer *signer = visitor->signer;
    struct signed_object *done = &signer->done[signer->done_count];
    int result = object_id_of(parts, done->id);
    if (result < 0)
        return result;
    done->kind = (uint8_t)parts->object->kind;
    signer->done_count++;
    bool is_ssh = signer->config.format == MANIFEST_SIGNING_SSH;
    keeper_tell_event(signer->child.keeper, AUDIT_COMMIT_SIGNED,
                      json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "kind",
                                parts->object->kind == GIT_OBJECT_TAG ? "tag" : "commit", "id",
                                done->id, "format", is_ssh ? "ssh" : "openpgp", "key",
                                fingerprint_of(signer, answer), "uid", (json_int_t)visitor->uid,
                                "pid", (json_int_t)visitor->pid));
    return 0;
}

static void sign(struct visitor *visitor, const struct signing_message *message,
                 const struct git_object *object)
{
    struct signer *signer = visitor->signer;
    const struct hands_question question = {.task = HANDS_SIGN};
    const struct git_object_text payload = {.text = message->tail, .size = message->tail_size};
    struct signing_signature head = {.created = {0}};
    struct hands_answer answer = {.is_done = 0};
    size_t length = 0;
    int result = hands_ask(signer, &question, &payload, &answer, &length);
    if (result < 0 || answer.is_done == 0) {
        answer_refuse(visitor, SIGNING_REASON_FAILED,
                      result < 0 ? "what signs has ended" : answer.detail);
        return;
    }
    const struct object_id_parts parts = {
        .object = object,
        .payload = payload,
        .signature = {.text = signer->signature, .size = length},
        .digits = signer->digits,
    };
    if (keep(visitor, &parts, &answer) < 0) {
        answer_refuse(visitor, SIGNING_REASON_FAILED, "no memory");
        return;
    }
    memcpy(head.created, answer.created, sizeof(head.created));
    const struct signing_parts reply = {.type = SIGNING_SIGNATURE,
                                        .payload = &head,
                                        .tail = signer->signature,
                                        .tail_size = length};
    (void)signing_send(visitor->fd, &reply);
    serve_close_visitor(visitor);
}

static void on_request(struct visitor *visitor, const struct signing_message *message)
{
    const struct signer *signer = visitor->signer;
    struct git_object object;
    struct error detail = ERROR_INITIALIZER;
    if (!signer->has_greeted || uid_map_inside(&signer->map, visitor->uid) != signer->asker) {
        answer_refuse(visitor, SIGNING_REASON_PEER, "a request of somebody who is not agentuser");
        return;
    }
    enum signing_reason reason = judge_request(visitor, message, &object, &detail);
    if (reason == SIGNING_OK)
        sign(visitor, message, &object);
    else
        answer_refuse(visitor, reason, detail.message);
}

void answer_message(struct visitor *visitor, const void *data, size_t size)
{
    struct signing_message message;
    struct error err = ERROR_INITIALIZER;
    if (signing_parse(data, size, &message, &err) < 0)
        answer_refuse(visitor, SIGNING_REASON_MALFORMED, error_text(&err));
    else if (message.type == SIGNING_HELLO)
        on_hello(visitor, message.payload);
    else if (message.type == SIGNING_REQUEST)
        on_request(visitor, &message);
    else
        answer_refuse(visitor, SIGNING_REASON_MALFORMED, "a message that is not for the signer");
}

/* Messages between who commits in a session and the signer on the host. */
#include "lib/wire/signing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/cleanup.h"

/* clang-format off */
static const struct {
    size_t size;
    size_t text;     /* of it, from its end: a text that must have its NUL */
    size_t tail_max; /* bytes that may follow */
} shapes[SIGNING_TYPE_COUNT] = {
    [SIGNING_HELLO]     = {sizeof(struct signing_hello), sizeof(struct signing_hello), 0},
    [SIGNING_READY]     = {0, 0, 0},
    [SIGNING_REQUEST]   = {sizeof(struct signing_request), SIGNING_KEY_BYTES, SIGNING_PAYLOAD_MAX},
    [SIGNING_SIGNATURE] = {sizeof(struct signing_signature), SIGNING_CREATED_BYTES, SIGNING_SIGNATURE_MAX},
    [SIGNING_REFUSED]   = {sizeof(struct signing_refusal), 0, 0},
};

static const struct { const char *name; const char *sentence; } reasons[SIGNING_REASON_COUNT] = {
    [SIGNING_OK]               = {"ok",        "it is signed"},
    [SIGNING_REASON_MALFORMED] = {"malformed", "the signer did not understand the request"},
    [SIGNING_REASON_PEER]      = {"peer",      "only commands of the session can have something signed"},
    [SIGNING_REASON_SESSION]   = {"session",   "the signer is that of another session"},
    [SIGNING_REASON_BUSY]      = {"busy",      "the signer has too much to do: try again later"},
    [SIGNING_REASON_KEY]       = {"key",       "the session signs with one key, and this is another one"},
    [SIGNING_REASON_OBJECT]    = {"object",    "commits and tags are signed, and this is neither, or not as git writes it"},
    [SIGNING_REASON_IDENTITY]  = {"identity",  "the session signs what is by its user alone: author and committer, or tagger"},
    [SIGNING_REASON_PARENT]    = {"parent",    "it stands on a commit that is neither in the user's repository nor signed in this session"},
    [SIGNING_REASON_ROOT]      = {"root",      "a commit without a parent is signed in a session that began without a commit only"},
    [SIGNING_REASON_FAILED]    = {"failed",    "the host could not sign it; the user sees why with `coding-agents audit show`"},
};
/* clang-format on */

const char *signing_reason_name(uint32_t reason)
{
    return reason < SIGNING_REASON_COUNT ? reasons[reason].name : "unknown reason";
}

const char *signing_reason_sentence(uint32_t reason)
{
    return reason < SIGNING_REASON_COUNT ? reasons[reason].sentence
                                         : "the signer refused for a reason that is not known here";
}

int signing_parse(const void *data, size_t size, struct signing_message *message, struct error *err)
{
    struct signing_header header;
    if (size < sizeof(header))
        return error_set(err, EPROTO, "the message is shorter than its header");
    memcpy(&header, data, sizeof(header));
    if (header.magic != SIGNING_MAGIC || header.version != SIGNING_VERSION)
        return error_set(err, EPROTO, "the message is none of version %d", SIGNING_VERSION);
    if (header.type == 0 || header.type >= SIGNING_TYPE_COUNT)
        return error_set(err, EPROTO, "the message has the unknown type %u", header.type);
    const char *payload = (const char *)data + sizeof(header);
    size_t left = size - sizeof(header);
    size_t needed = shapes[header.type].size;
    size_t text = shapes[header.type].text;
    if (left < needed || left > needed + shapes[header.type].tail_max)
        return error_set(err, EPROTO, "a message of type %u has another size", header.type);
    if (text > 0 && memchr(payload + needed - text, '\0', text) == NULL)
        return error_set(err, EPROTO, "a text in a message of type %u has no end", header.type);
    *message = (struct signing_message){.type = (enum signing_type)header.type,
                                        .payload = payload,
                                        .tail = payload + needed,
                                        .tail_size = left - needed};
    return 0;
}

int signing_send(int fd, const struct signing_parts *parts)
{
    struct signing_header header = {
        .magic = SIGNING_MAGIC, .version = SIGNING_VERSION, .type = (uint16_t)parts->type};
    struct iovec vectors[] = {
        {.iov_base = &header, .iov_len = sizeof(header)},
        {.iov_base = (void *)(uintptr_t)parts->payload, .iov_len = shapes[parts->type].size},
        {.iov_base = (void *)(uintptr_t)parts->tail, .iov_len = parts->tail_size},
    };
    const struct msghdr message = {.msg_iov = vectors, .msg_iovlen = ARRAY_LENGTH(vectors)};
    ssize_t count;
    do
        count = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : 0;
}

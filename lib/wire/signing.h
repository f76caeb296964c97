/*
 * How a command of a session gets a commit or a tag signed: the signer's socket, SOCK_SEQPACKET,
 * one message each, host byte order (both ends are of one machine). Authority is SO_PEERCRED
 * (unix(7)); what is signed is judged on the host.
 *
 *     agent-boot, root of the container:   HELLO -> READY, once
 *     who commits, as the commands' uid:   REQUEST -> SIGNATURE
 *     to either:                           REFUSED
 *
 * and the connection is closed.
 */
#ifndef WIRE_SIGNING_H
#define WIRE_SIGNING_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/limits.h"
#include "lib/wire/manifest.h"

#define SIGNING_MAGIC 0x53474143u /* "CAGS" little endian */
#define SIGNING_VERSION 1
/* Below services.h's directory. */
#define SIGNING_SOCKET "signer.sock"
/* What git in a session is told to run for gpg and for ssh-keygen. */
#define SIGNING_PROGRAM "/usr/libexec/coding-agents/agent-git-sign"
/* A commit or a tag without its tree: headers, and a message. Below the default socket buffer. */
#define SIGNING_PAYLOAD_MAX (128 * 1024)
/* A signature in its armour: 800 bytes of a usual key, 12 KiB of the largest. */
#define SIGNING_SIGNATURE_MAX (32 * 1024)
/* The name of a key, or the key itself: RSA of 16,384 bits has 2,800 characters. */
#define SIGNING_KEY_BYTES (LIMIT_SIGNING_KEY_BYTES + 1)
/* What gpg says behind SIG_CREATED. */
#define SIGNING_CREATED_BYTES 128

enum signing_type {
    SIGNING_HELLO = 1,
    SIGNING_READY,
    SIGNING_REQUEST,
    SIGNING_SIGNATURE,
    SIGNING_REFUSED,
    SIGNING_TYPE_COUNT
};

/* Why something is not signed. */
enum signing_reason {
    SIGNING_OK,
    SIGNING_REASON_MALFORMED, /* no message of this protocol */
    SIGNING_REASON_PEER,      /* somebody who has no business here */
    SIGNING_REASON_SESSION,   /* a hello of another session, or a second one */
    SIGNING_REASON_BUSY,      /* too many connections, too slow, or too many signatures */
    SIGNING_REASON_KEY,       /* another key than the session's */
    SIGNING_REASON_OBJECT,    /* what is to be signed is no commit and no tag */
    SIGNING_REASON_IDENTITY,  /* it is by somebody else */
    SIGNING_REASON_PARENT,    /* it stands on what is neither the user's nor signed in here */
    SIGNING_REASON_ROOT,      /* it stands on nothing */
    SIGNING_REASON_FAILED,    /* the program that signs did not */
    SIGNING_REASON_COUNT
};

struct signing_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
};

struct signing_hello {
    char session[16];
};

/* Followed by what is to be signed. */
struct signing_request {
    uint32_t format;             /* enum manifest_signing */
    char key[SIGNING_KEY_BYTES]; /* as user.signingKey has it, without "key::"; NUL padded */
};

/* Followed by the signature. */
struct signing_signature {
    char created[SIGNING_CREATED_BYTES]; /* behind SIG_CREATED, for gpg; NUL padded */
};

struct signing_refusal {
    uint32_t reason;
};

/* A received message. PAYLOAD, and the TAIL behind it, are borrowed from what was received. */
struct signing_message {
    enum signing_type type;
    const void *payload;
    const char *tail;
    size_t tail_size;
};

/*
 * Checks SIZE bytes at DATA: magic, version, a known type, exactly the payload of that type, texts
 * that end. 0, or -EPROTO with the reason.
 */
int signing_parse(const void *data, size_t size, struct signing_message *message,
                  struct error *err);
/* The largest message. */
#define SIGNING_MESSAGE_MAX \
    (sizeof(struct signing_header) + sizeof(struct signing_request) + SIGNING_PAYLOAD_MAX)

/* A message of TYPE with its PAYLOAD, and a TAIL (NULL: none) behind it. All borrowed. */
struct signing_parts {
    enum signing_type type;
    const void *payload;
    const void *tail;
    size_t tail_size;
};
/* Sends PARTS, without waiting. 0 or -errno. */
int signing_send(int fd, const struct signing_parts *parts);

/* A word for REASON, for logs, and a sentence about it, for who asked. Borrowed. */
const char *signing_reason_name(uint32_t reason);
const char *signing_reason_sentence(uint32_t reason);

#endif

/*
 * The signer: one small process per session on the host, where the user's git would sign. Two
 * processes, in truth: one that is confined before it hears anybody reads and judges what a
 * container wants signed; the other, its hands, made before the fence, asks the user's repository
 * and runs gpg or ssh-keygen, and gets nothing that was not judged. No key is in either.
 */
#ifndef SIGNER_SIGNER_H
#define SIGNER_SIGNER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host-shim/signer/git_object.h"
#include "host-shim/signer/object_id.h"
#include "lib/base/allowance.h"
#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/host/git.h"
#include "lib/host/keeper_child.h"
#include "lib/host/refusals.h"
#include "lib/host/signing_config.h"
#include "lib/host/uid_map.h"
#include "lib/wire/manifest.h"
#include "lib/wire/signing.h"

/* At once. */
#define SIGNER_VISITORS 32
/* Signatures and refusals at once, and then so many a second: a rebase of a thousand commits. */
#define SIGNER_BURST 1000
#define SIGNER_PER_SECOND 5
/* What one session can sign: what is signed is remembered, since others stand on it. */
#define SIGNER_SIGNED_MAX 65536
/* "SHA256:" and base64, or a fingerprint of gpg's. */
#define SIGNER_FINGERPRINT_SIZE 96

enum signer_timer { SIGNER_TIMER_PATIENCE, SIGNER_TIMER_COUNT };

/* What the hands are asked. */
enum hands_task {
    HANDS_TYPE_OF = 1, /* what the object ID of the user's repository is; "" for none */
    HANDS_SIGN = 2,    /* the bytes that follow */
};

struct hands_question {
    uint32_t task;
    char id[OBJECT_ID_SIZE];
};

/* Followed by a signature. */
struct hands_answer {
    uint32_t is_done;
    char type[16];                       /* of the object; "": there is none */
    char created[SIGNING_CREATED_BYTES]; /* what gpg says behind SIG_CREATED */
    char detail[512];                    /* why it is not done */
};

/* One connection. Free while fd is -1. */
struct visitor {
    struct signer *signer; /* borrowed */
    int fd;                /* owned */
    int source;            /* its number in the loop */
    uid_t uid;             /* on the host, as the kernel says */
    pid_t pid;
    uint64_t accepted_ns;
};

/* What was signed in this session. */
struct signed_object {
    char id[OBJECT_ID_SIZE];
    uint8_t kind; /* enum git_object_kind */
};

struct signer {
    struct keeper_child child;

    char runtime_directory[PATH_MAX];
    char state_directory[PATH_MAX];
    char repository[PATH_MAX]; /* the user's */
    struct git_identity identity;
    struct manifest *manifest;                 /* owned */
    struct signing_config config;              /* what signs, and with what */
    char fingerprint[SIGNER_FINGERPRINT_SIZE]; /* of an ssh key; gpg's comes with the signature */
    size_t digits;                             /* of an id in that repository */
    uid_t asker;                               /* the commands' uid, in the container */

    int hands;          /* owned; SOCK_SEQPACKET to them */
    struct uid_map map; /* of the container, from the hello on */
    bool has_greeted;
    struct refusals refusals;
    struct allowance requests;
    struct signed_object done[SIGNER_SIGNED_MAX];
    size_t done_count;

    int listener; /* owned */
    bool is_over;
    struct event_loop loop;
    struct event_source sources[SIGNER_VISITORS + 4];
    struct event_timer timers[SIGNER_TIMER_COUNT];
    struct visitor visitors[SIGNER_VISITORS];
    _Alignas(8) char message[SIGNING_MESSAGE_MAX + 1];
    char signature[SIGNING_SIGNATURE_MAX + 1];
};

/*
 * All arguments are borrowed; what returns nothing cannot fail.
 *
 * hands.c: makes them, and what is left to the one who judges is the socket. 0 or -errno.
 */
int hands_start(struct signer *signer, struct error *err);
/*
 * Asks them: QUESTION, and SIZE bytes at PAYLOAD (NULL: none) that are to be signed. *ANSWER is
 * theirs; a signature, *LENGTH bytes and a NUL, is in the signer's own. 0, whatever they answer, or
 * -EPIPE: they cannot answer now or ever again, and *LENGTH is not set. Waits for them; what they
 * run has limits of its own.
 */
int hands_ask(struct signer *signer, const struct hands_question *question,
              const struct git_object_text *payload, struct hands_answer *answer, size_t *length);

/* hands_run.c: what they do, until the signer ends, which is PARENT. SOCKET is theirs. */
_Noreturn void hands_run(const struct signer *signer, int socket, pid_t parent);

/* serve.c: the socket and its connections. serve_open: 0 or -errno; what it made until then ends
 * with the process. */
int serve_open(struct signer *signer, struct error *err);
/* Ends its connection, if it has one, and makes its place free. */
void serve_close_visitor(struct visitor *visitor);

/* answer.c: SIZE bytes at DATA that VISITOR said: one message, answered, and its connection ends.
 * DATA is aligned to 8 bytes. */
void answer_message(struct visitor *visitor, const void *data, size_t size);
/* Records a refusal and says it to VISITOR, whose connection ends. DETAIL may be of somebody
 * untrusted; "" for none. */
void answer_refuse(struct visitor *visitor, enum signing_reason reason, const char *detail);

/* judge.c: whether OBJECT, which was read from a request, may be signed: SIGNING_OK, or why not,
 * with what that is about in DETAIL. SIGNING_REASON_FAILED: the user's repository did not say. */
enum signing_reason judge_object(struct signer *signer, const struct git_object *object,
                                 struct error *detail);

#endif

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
#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/host/git.h"
#include "lib/host/keeper_child.h"
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
    HANDS_TYPE_OF = 1, /* what the object ID of the user's repository is */
    HANDS_SIGN = 2,    /* the bytes that follow */
};

struct hands_question {
    uint32_t task;
    char id[OBJECT_ID_SIZE];
};

/* Followed by a signature. */
struct hands_answer {
    uint32_t is_done;
    char type[16];                       /* of the object */
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
    uint64_t refusals;
    uint64_t allowance;  /* thousandths of a request that may still come */
    uint64_t allowed_ns; /* as of when */
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

/* hands.c: makes them, and what is left to the one who judges is the socket. 0 or -errno. */
int hands_start(struct signer *signer, struct error *err);
/*
 * Asks them: QUESTION, and SIZE bytes at PAYLOAD (NULL: none) that are to be signed. *ANSWER is
 * theirs; a signature, *LENGTH bytes and a NUL, is in the signer's own. 0, or -errno when they
 * cannot answer any more.
 */
int hands_ask(struct signer *signer, const struct hands_question *question,
              const struct git_object_text *payload, struct hands_answer *answer, size_t *length);

/* hands_run.c: what they do, until the signer ends, which is PARENT. */
_Noreturn void hands_run(const struct signer *signer, int socket, pid_t parent);

/* serve.c: the socket and its connections. */
int serve_open(struct signer *signer, struct error *err);
void serve_close_visitor(struct visitor *visitor);

/* answer.c: what VISITOR said; its connection ends. */
void answer_message(struct visitor *visitor, const void *data, size_t size);
/* Records a refusal and says it to VISITOR, whose connection ends. */
void answer_refuse(struct visitor *visitor, enum signing_reason reason, const char *detail);

/* judge.c: whether OBJECT, which was read from a request, may be signed; DETAIL says why not. */
enum signing_reason judge_object(struct signer *signer, const struct git_object *object,
                                 struct error *detail);

#endif

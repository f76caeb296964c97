/*
 * The broker: one small process per session on the host, the only one that holds the user's
 * secrets. It reads them, seals capabilities, locks itself in, and only then accepts anybody: no
 * program of a container ever speaks to one that is not confined. One event loop, fixed tables, no
 * threads.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/host/keeper_child.h"
#include "lib/host/refusals.h"
#include "lib/host/uid_map.h"
#include "lib/wire/audit.h"
#include "lib/wire/manifest.h"
#include "lib/wire/redeem.h"
#include "lib/wire/stub_table.h"

/* At once: boot, holders with their leases, and crowds that are told no. */
#define BROKER_VISITORS 160
/* Of these, those that are for the host alone. */
#define BROKER_VISITORS_HOST 8
/* How long a capability is redeemable after the hello, unless --window says otherwise. */
#define BROKER_WINDOW_MS 60000

enum broker_timer { BROKER_TIMER_PATIENCE, BROKER_TIMER_COUNT };

/* A secret with a name of its own that a stub is to redeem, for a server. */
struct grant {
    char secret[CAPABILITY_NAME_BYTES];
    char stub[CAPABILITY_NAME_BYTES];
    char server[CAPABILITY_SERVER_BYTES];         /* "": the stub itself */
    uint8_t server_pins[CAPABILITY_DIGEST_BYTES]; /* zeros: none */
};

/* A capability as it was issued, with what it stands for. */
struct issue {
    struct capability capability;
    struct secret value; /* owned: struct redeem_secret and the bytes */
    bool is_spent;
    bool is_revoked;
};

/* Who agent-boot said will come. */
struct bond {
    struct redeem_bind said;
    bool is_bound;
};

enum visitor_state {
    VISITOR_NEW,        /* said nothing yet */
    VISITOR_ROOT,       /* agent-boot, after its hello */
    VISITOR_CHALLENGED, /* a holder that has to answer */
    VISITOR_LEASED,     /* a holder that has its secret */
};

/* One connection. Free while fd is -1. */
struct visitor {
    struct broker *broker; /* borrowed */
    int fd;                /* owned */
    int source;            /* its number in the loop */
    enum visitor_state state;
    bool is_host; /* of the host's own socket */
    uid_t uid;    /* on the host, as the kernel says */
    pid_t pid;
    uint64_t accepted_ns;
    struct issue *issue; /* borrowed; of a challenge or lease */
    struct redeem_request request;
    struct redeem_challenge challenge;
    struct redeem_holder pair;     /* of this redemption */
    struct redeem_session session; /* of this lease */
    struct redeem_binding binding; /* likewise */
    bool has_renewed;              /* said that its login was renewed: once */
};

/* What is never on a page that could be swapped or dumped; one struct secret holds it. */
struct broker_keys {
    uint8_t sign_public[CAPABILITY_KEY_BYTES];
    uint8_t sign_secret[CAPABILITY_SIGNING_KEY_BYTES];
    struct redeem_keys holders;
};

struct broker {
    /* From the command line. */
    struct keeper_child child;
    char agent[CAPABILITY_NAME_BYTES];
    char image[512];
    struct grant grants[REDEEM_HOLDERS_MAX - 1]; /* one holder is the agent's */
    size_t grant_count;
    uint32_t window_ms;
    bool is_check;  /* nothing is held: can a broker be confined here? */
    int writes_for; /* this is no broker, but its writer, with this socket to it; -1 otherwise */

    char state_directory[PATH_MAX];
    char runtime_directory[PATH_MAX];
    uint64_t epoch;
    int journal; /* owned; where tokens are burnt */
    struct secret keys_memory;
    struct broker_keys *keys; /* in keys_memory */
    struct issue issues[REDEEM_HOLDERS_MAX];
    size_t issue_count;
    struct bond bonds[REDEEM_HOLDERS_MAX];
    struct uid_map map; /* of the container, from the hello on */
    bool has_greeted;
    uint64_t window_until_ns;
    struct refusals refusals;
    bool
        has_told_spent; /* of the first second redemption, which is told however many came before */

    char login_path[PATH_MAX]; /* of the file it was found in; "": none, or it is not to be written
                                */
    char login_source[PATH_MAX + 16];
    uint8_t login_digest[CAPABILITY_DIGEST_BYTES]; /* as login_renewal_digest */
    int writer;                         /* owned; to who may write that file; -1: nobody */
    int writer_source;                  /* its number in the loop */
    char writer_trouble[256];           /* why there is nobody */
    const struct issue *renewing_issue; /* borrowed; whose renewal the writer has; NULL: none */
    struct visitor *renewing;           /* borrowed; who waits for it; NULL: nobody any more */

    int listener;      /* owned; the container's */
    int host_listener; /* owned */
    int keeper_source;
    bool is_over;
    struct event_loop loop;
    struct event_source sources[BROKER_VISITORS + 4];
    struct event_timer timers[BROKER_TIMER_COUNT];
    struct visitor visitors[BROKER_VISITORS];
    uint8_t message[REDEEM_MESSAGE_MAX + 1];
    uint8_t ciphertext[REDEEM_MESSAGE_MAX];
};

/*
 * issue.c: finds the agent's login and the secrets that are granted, and makes of each a sealed
 * capability in the session directory. 0, -ENOENT when there is no login and nothing is granted, or
 * -errno.
 */
int issue_all(struct broker *broker, struct error *err);

/* grant.c: takes "SECRET:STUB[:SERVER[:PINS]]", PINS as SHA-256 in hex. One stub holds one secret.
 * 0, or -EINVAL with the reason. */
int grant_parse(struct broker *broker, const char *text, struct error *err);

/* image.c: the digest that PROGRAM has in the session's image, which the image says once. 0 or
 * -errno. */
int image_program_digest(const char *image, const char *program,
                         uint8_t digest[CAPABILITY_DIGEST_BYTES], struct error *err);

/* journal.c: the epoch, and the tokens that are spent: what survives the broker. 0 or -errno. */
int journal_open(struct broker *broker, struct error *err);
/* On the disk when it returns 0; after a failure, no other one is. */
int journal_burn(struct broker *broker, const uint8_t token[CAPABILITY_TOKEN_BYTES]);

/* confine.c: memory that stays in memory. 0 or -errno. */
int confine_memory(struct error *err);
/* For the writer: nothing of the file system but files of the directory at PATH. 0 or -errno. */
int confine_to_directory(const char *path, struct error *err);

/* serve.c: sockets and connections. */
int serve_open(struct broker *broker, struct error *err);
void serve_close_visitor(struct visitor *visitor);
void serve_close_all(struct broker *broker);

/* answer.c: what VISITOR said, of its own socket's kind. */
void answer_message(struct visitor *visitor, const void *data, size_t size);
/* Revokes the secret NAME, or all with NULL, for WHY. What that came to. */
struct redeem_count answer_revoke(struct broker *broker, const char *name, const char *why);
/* Records a refusal and says it to VISITOR, whose connection ends. */
void answer_refuse(struct visitor *visitor, enum redeem_reason reason, const char *detail);

/*
 * renew.c: a login that its agent renewed goes back to where it was found, by a process of the
 * broker's that is made before the fence and to whom the directory of that file is all that is left
 * of the file system. What the agent wrote is taken apart behind the fence; the writer gets what
 * the broker made of it. What became of it is told whether its holder still waits or not.
 */
/* Starts the writer when the login came from a file. The session goes on where that fails: it is
 * said, and so is each renewal that is lost by it. */
void renew_start(struct broker *broker);
/* Watches it, once the loop is there. 0 or -errno. */
int renew_watch(struct broker *broker, struct error *err);
/* SIZE bytes of a message of VISITOR, which has a lease. */
void renew_take(struct visitor *visitor, const void *payload, size_t size);
/* The session is over: hears what became of a renewal that the writer has, within a second. */
void renew_finish(struct broker *broker);

/* What the writer is for, as it gets it first; then it gets one document of login_renewal.h. */
struct writer_target {
    char agent[CAPABILITY_NAME_BYTES];
    char path[PATH_MAX];
    uint8_t digest[CAPABILITY_DIGEST_BYTES]; /* of what is there now, as login_renewal_digest */
};
/* And what it answers: to the target with READY, to the document with what came of it. */
#define WRITER_READY REDEEM_OUTCOME_COUNT
struct writer_answer {
    uint32_t outcome; /* enum redeem_outcome */
    char detail[256];
};
/* writer.c: the writer, with SOCKET to its broker. An exit code. */
int writer_run(int socket);

#endif

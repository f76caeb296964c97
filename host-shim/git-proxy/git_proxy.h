/*
 * coding-agents-git-proxy: one session's way to its https remotes. Commands of the container speak
 * git's smart http to it, without a credential; it speaks https with the remote, with the
 * credential that git on the host has. One loop, fixed tables, no threads; from before its first
 * word with the container it can open no file but those of /proc, make no socket and start no
 * program. What that takes (a connection, a word of git's) it gets from a process of its own that
 * was made before. docs/git.md is the manual.
 */
#ifndef GIT_PROXY_GIT_PROXY_H
#define GIT_PROXY_GIT_PROXY_H

#include <curl/curl.h>
#include <jansson.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host-shim/git-proxy/push_list.h"
#include "host-shim/git-proxy/push_report.h"
#include "host-shim/git-proxy/route.h"
#include "lib/base/allowance.h"
#include "lib/base/error.h"
#include "lib/base/event_loop.h"
#include "lib/host/git.h"
#include "lib/host/git_rules.h"
#include "lib/host/keeper_child.h"
#include "lib/wire/audit.h"
#include "lib/wire/git_access.h"
#include "lib/wire/manifest.h"
#include "lib/wire/secret.h"

/* Requests that are served at once: a fetch is one, `git fetch --all --jobs` a few. */
#define PROXY_EXCHANGES 8
/* What waits to go up, the command list of a push included, and to come down. */
#define PROXY_UP_BYTES (192 * 1024)
#define PROXY_DOWN_BYTES (256 * 1024)
/* What one request may send and get. */
#define PROXY_UP_BYTES_MAX (UINT64_C(4) << 30)
#define PROXY_DOWN_BYTES_MAX (UINT64_C(32) << 30)
/* Connections that are held, the unused ones included; what curl keeps open to remotes. */
#define PROXY_CONNECTIONS 32
#define PROXY_SOCKETS 32
#define PROXY_SOURCES (PROXY_SOCKETS + 4)
/* Refs that this session has pushed to one remote. */
#define PROXY_OWN_REFS 256
/* A text of an answer of ours, but for the report of a push. */
#define PROXY_TEXT 1024

/* git credential(1) names no limit; tokens have up to some 2 KiB. */
struct proxy_credential {
    char username[512];
    char password[8192];
};

/* What git on the host has in the section "http". */
struct host_settings {
    char *text; /* owned; NULL: nothing */
    size_t size;
    bool is_for_all; /* nothing of it is for some URLs alone */
};

/* A ref that this session has made or changed. */
struct own_ref {
    char ref[PUSH_REF_SIZE];
    char id[PUSH_OBJECT_SIZE];
};

/* A remote, or a URL whose credential commands may have; then it has no name. */
struct upstream {
    const char *name; /* borrowed from the document */
    const char *url;  /* likewise */
    char host[256];
    char port[8];
    char *proxy; /* owned; NULL: none that is configured; "": none at all */
    char proxy_host[256];
    char proxy_port[8];
    char *authorities; /* owned; PEM */
    size_t authorities_size;
    struct secret certificate;  /* PEM; by which it knows the user */
    struct secret key;          /* likewise */
    bool is_unverified;         /* by git on the host: it looks at no certificate of it */
    char trouble[512];          /* why it cannot be reached; "": it is tried */
    struct secret credential;   /* a struct proxy_credential, once the remote wanted one */
    uint32_t credential_number; /* of this one: no two of a remote have had the same; 0: none yet */
    struct own_ref *own;        /* owned */
    size_t own_count;
};

enum exchange_state {
    EXCHANGE_FREE,
    EXCHANGE_LISTING, /* the head of its body is awaited: what a push or a command asks for */
    EXCHANGE_ASKING,  /* the process outside of the fence has been asked */
    EXCHANGE_RUNNING, /* curl has it */
    EXCHANGE_SAID,    /* its answer is ours, and whole */
};

struct proxy;

/* One request. Zeroed but for proxy and id while free. */
struct exchange {
    struct proxy *proxy; /* borrowed */
    uint32_t id;         /* no two have had the same */
    enum exchange_state state;
    struct MHD_Connection *connection; /* borrowed */
    bool is_suspended;
    struct route route;
    struct upstream *upstream; /* NULL: none was named */

    CURL *easy; /* owned */
    struct curl_slist *headers;
    struct curl_slist *addresses;
    bool is_added; /* the multi handle has it */
    int dialled;   /* owned; a connection for it, or -1 */
    bool is_dialled_proxy;
    bool wants_proxy; /* where it could not connect to */
    bool is_dialling; /* what is asked outside is a connection */
    unsigned int dials;
    bool has_credential;
    uint32_t sent_number; /* of the credential that it was sent with */
    bool has_asked;       /* git was asked for one in its course */
    char trouble[CURL_ERROR_SIZE];

    char up[PROXY_UP_BYTES];
    size_t up_start;
    size_t up_end;
    uint64_t up_total;
    int64_t up_length; /* as its head says; -1: chunked */
    bool is_up_whole;
    bool is_up_paused;

    char down[PROXY_DOWN_BYTES];
    size_t down_start;
    size_t down_end;
    uint64_t down_total;
    bool is_down_whole;
    bool is_down_broken;
    bool is_down_paused;
    bool is_streaming; /* what the remote says is passed on */

    long status; /* the remote's */
    unsigned int said_status;
    const char *said_type;
    const char *outcome; /* for the record */
    char *said;          /* owned, and lent to MHD until exchange_end; wiped */
    size_t said_size;
    char detail[256];
    struct push_list push;
    struct push_report report;
};

/* A socket that curl waits for. */
struct watch {
    struct proxy *proxy; /* borrowed */
    int fd;              /* borrowed */
    int source;          /* in the loop */
    bool is_used;
};

struct proxy {
    struct keeper_child child;
    uid_t stub_uid; /* in the container */
    bool is_check;
    bool is_over;
    char runtime_directory[PATH_MAX];
    char *repository; /* owned */
    char *agent;      /* owned */
    struct git_identity identity;
    struct host_settings settings;
    struct git_rules rules;
    struct git_access access;
    struct upstream upstreams[GIT_ACCESS_REMOTES_MAX + GIT_ACCESS_CREDENTIALS_MAX];
    size_t upstream_count; /* the remotes first */

    int outside; /* owned; to the process beyond the fence */
    int listener;
    struct MHD_Daemon *daemon;
    CURLM *multi;
    struct event_loop loop;
    struct event_source sources[PROXY_SOURCES];
    struct event_timer timers[1];
    struct watch watches[PROXY_SOCKETS];
    struct exchange *exchanges; /* borrowed; PROXY_EXCHANGES of them */
    uint32_t last_id;
    struct allowance events; /* that may be told: tell_open */
    uint64_t untold;
};

/*
 * Everything below is borrowed unless it says otherwise, and what takes an exchange and returns
 * nothing cannot fail: where something goes wrong, that is the exchange's answer (say.c).
 *
 * remotes.c: what the session's remotes are, and how the host's git reaches them. 0; -ENOENT when
 * there is nothing to serve, without an error; -EIO with one for everything else.
 */
int remotes_load(struct proxy *proxy, struct error *err);
/* Puts the document where agent-boot finds it. 0 or -errno. */
int remotes_stage(const struct proxy *proxy, struct error *err);
/* What remotes_load made, in whole or in part; credentials are wiped. */
void remotes_free(struct proxy *proxy);

/* reach.c: how git on the host reaches a remote. reach_ask: what it has for all of them, in one
 * question, before any reach_find; without it each asks for itself. What is missing or wrong is the
 * upstream's trouble. */
void reach_ask(struct proxy *proxy);
/* UPSTREAM has a URL and a host. */
void reach_find(const struct proxy *proxy, struct upstream *upstream);
/* Splits the URL TEXT into a host and a port, which is PORT without one. False: it has no host. */
bool reach_split(const char *text, const char *port, char host[256], char number[8]);

/*
 * outside.c: the process beyond the fence. It is told numbers alone: which of the remotes it has
 * looked up itself it is to connect to, or ask git for.
 */
enum outside_kind { OUTSIDE_DIAL, OUTSIDE_DIAL_PROXY, OUTSIDE_FILL };
struct outside_request {
    uint32_t id; /* of the exchange */
    uint32_t kind;
    uint32_t upstream;
};
struct outside_answer {
    uint32_t id;
    int32_t result; /* 0 or -errno; with a connection beside it, or a credential in it */
    char trouble[256];
    struct proxy_credential credential;
};
/* Starts it, with the remotes as they are now: the proxy owns the socket to it, whose end is its
 * end. 0 or -errno. */
int outside_start(struct proxy *proxy, struct error *err);
/* Asks for EXCHANGE, which gets exchange_hear once unless it ends before. 0, or -errno: nobody will
 * answer. */
int outside_ask(struct exchange *exchange, enum outside_kind kind);
/* The next answer, if there is one. Without the process, or when it says what it never would, the
 * proxy is over. */
void outside_hear(struct proxy *proxy);

/* serve.c: sockets, the two libraries, the loop. serve_open: 0 or -errno; what it made until then
 * ends with the process. */
int serve_open(struct proxy *proxy, struct error *err);
/* Until the keeper or the process outside is gone: 0; or -errno when the loop cannot wait. */
int serve_run(struct proxy *proxy);
/* Ends every exchange, on record, also after a serve_open that failed. */
void serve_close(struct proxy *proxy);
/* Lets the container's side of EXCHANGE wait, and go on; who does not wait is not resumed. */
void serve_suspend(struct exchange *exchange);
void serve_resume(struct exchange *exchange);

/* exchange.c: one request, from its head to its end. exchange_find_free: one to begin, or NULL when
 * all are in use; it stays free until exchange_begin, and goes back by exchange_end. */
struct exchange *exchange_find_free(struct proxy *proxy);
/* Its route and connection are set. */
void exchange_begin(struct exchange *exchange);
/* SIZE bytes of its body. How many were taken: 0 to be asked again. */
size_t exchange_take(struct exchange *exchange, const char *data, size_t size);
void exchange_end_body(struct exchange *exchange);
/* Bytes for the container: up to SIZE. 0: none yet; -1: that was all; -2: it broke. */
ssize_t exchange_give(struct exchange *exchange, char *data, size_t size);
/* Outside has ANSWER for it; CONNECTION is taken, -1 without. */
void exchange_hear(struct exchange *exchange, const struct outside_answer *answer, int connection);
/* curl is done with it. One that curl was taken from meanwhile does not hear of it. */
void exchange_done(struct exchange *exchange, CURLcode code);
/* The first bytes of the remote's answer are here: is it git's? Called by curl, so what ends a
 * request may not be called in it. */
void exchange_judge_answer(struct exchange *exchange);
/* Records it, releases what it has, and makes it free. */
void exchange_end(struct exchange *exchange);

/* upstream.c: the request to the remote, instead of one that runs. The exchange owns it. 0, or
 * -ENOMEM, and nothing runs. */
int upstream_start(struct exchange *exchange);
/* Ends it, so that curl says no more of it; nothing to do is fine. Not to be called by curl. */
void upstream_stop(struct exchange *exchange);

/*
 * say.c: answers of our own. Each ends the request to the remote, is whole, and is EXCHANGE's: what
 * comes after the first is dropped. Without memory the answer is an empty one with status 500.
 * FORMAT is printf's; a line for people follows "coding-agents: ".
 */
void say_text(struct exchange *exchange, unsigned int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The report of a push that is refused whole, for REF because of WHY. */
void say_push_refused(struct exchange *exchange, const char *ref, const char *why);
/* CREDENTIAL in git's words (git-credential(1)); the copy is wiped with the exchange. */
void say_credential(struct exchange *exchange, const struct proxy_credential *credential);
/* That Git LFS is not served, and what to do, as git-lfs shows it. */
void say_no_lfs(struct exchange *exchange);
/* A redirect to what follows URL, a remote's. */
void say_elsewhere(struct exchange *exchange, const char *url);

/* push_rules.c: the first command of EXCHANGE's push that the rules do not allow, with *WHY set (a
 * literal), or NULL. */
const struct push_command *push_rules_refuse(const struct exchange *exchange, const char **why);
/* The remote took REF of the push of CONTEXT, an exchange. Beyond PROXY_OWN_REFS it is on record
 * and not remembered as the session's own. */
void push_rules_remember(void *context, const char *ref);

/*
 * tell.c: events. So many at once and one a second after that; what comes faster is counted, and
 * what cannot be sent to the keeper is lost.
 */
void tell_open(struct proxy *proxy);
/* Once, at its end: nothing of one without an outcome, nor of a question for a credential. */
void tell_exchange(struct exchange *exchange);
/* COMMAND was taken by the remote (WHY is NULL), or is refused because of WHY. */
void tell_push(struct exchange *exchange, const struct push_command *command, const char *why);
/* DETAIL is "" for none, and may be of somebody untrusted. */
void tell_credential(struct exchange *exchange, bool is_given, const char *detail);
void tell_peer(struct proxy *proxy, uid_t uid, const char *detail);
/* How many were not told one by one; nothing where that is none. */
void tell_rest(struct proxy *proxy);

#endif

/* A real broker for tests: started as the keeper starts it, greeted as by agent-boot, asked as by
 * holders of other uids. */
#ifndef TESTS_BROKER_STAGE_H
#define TESTS_BROKER_STAGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/wire/redeem.h"
#include "tests/unit/wire/support.h"

/* policies/users.tab; and a uid that has no part in it. */
#define STAGE_HOLDER_UID 10001
#define STAGE_STRANGER_UID 10002
#define STAGE_TOKEN "stage-token-c4n4ry-0123456789"
#define STAGE_LOGIN "{\"claudeAiOauth\":{\"accessToken\":\"" STAGE_TOKEN "\"}}"

struct stage {
    char directory[PATH_MAX];
    char session[MANIFEST_SESSION_SIZE];
    char runtime[PATH_MAX];
    char state[PATH_MAX];
    int keeper;        /* our end of the keeper's socket; -1 without a broker */
    pid_t pid;         /* of the broker; 0: none */
    int announce;      /* takes the pid of a process that is about to become the broker; -1: none */
    int gate;          /* which waits until there is a byte to read here; -1: it does not */
    bool has_sidecar;  /* set before the start: connections come as a sidecar hands them */
    uid_t relayed_uid; /* who the sidecar says made them */
    int relay;         /* our end, as the sidecar's; -1: none */
    char told[65536];  /* what it said, a line each */
    uint8_t program[CAPABILITY_DIGEST_BYTES]; /* what the image says the stub is */
    int root;                                 /* agent-boot's connection; -1 before */
    struct redeem_bond bond;
    uint8_t capability[CAPABILITY_SIZE]; /* opened and signed, once greeted */
};

#define STAGE_TEST(name) cmocka_unit_test_setup_teardown(name, stage_prepare, stage_dispose)
int stage_prepare(void **state);
int stage_dispose(void **state);

/* Writes TEXT where Claude keeps its login. */
void stage_write_login(const struct stage *stage, const char *text);
void stage_login_path(char path[PATH_MAX]);
/* What is there now. */
void stage_assert_login(const char *expected);
/* The broker as it was built beside the test. */
const char *stage_program(char program[PATH_MAX]);
/* Starts the broker with OPTION VALUE (NULL: none); its last word is in LAST, what it said before
 * in stage->told. */
void stage_start(struct stage *stage, const char *option, const char *value, char last[512]);
/* Starts it, says hello, binds, opens the sealed capability: all that comes before a redemption. */
void stage_open(struct stage *stage, const char *option, const char *value);
void stage_kill(struct stage *stage);
/* Ends it as the keeper does. */
void stage_end(struct stage *stage);
/* Reads what the broker told until NEEDLE has come COUNT times, in all; then how often it did. */
size_t stage_hear(struct stage *stage, const char *needle, size_t count);

/* One message to fd and its answer; the type of the answer, or -1 at the end. */
int stage_ask(int fd, enum redeem_type type, const void *payload, size_t size, void *answer,
              size_t answer_size);
/* A connection to the container's socket as the calling uid; through the sidecar as relayed_uid. */
int stage_connect(const struct stage *stage);
/* The hello and the bond as agent-boot says them. REDEEM_OK or the reason. */
enum redeem_reason stage_greet(struct stage *stage, const char *session);
enum redeem_reason stage_bind(struct stage *stage, const uint8_t *program, uint32_t uid);

/* A whole redemption by the calling uid. REDEEM_OK with the secret's bytes in TEXT, or the reason.
 * *LEASE (may be NULL) is the connection, owned by the caller. */
enum redeem_reason stage_redeem(const struct stage *stage, char text[512], int *lease);
/* The same; what the lease is encrypted with is kept. */
enum redeem_reason stage_redeem_keeping(const struct stage *stage, char text[512], int *lease,
                                        struct redeem_session *session,
                                        struct redeem_binding *binding);
/* The same in a child with another uid. */
enum redeem_reason stage_redeem_as(const struct stage *stage, uid_t uid);

/* Lets every uid reach the socket, as the mount into a container does. */
void stage_open_to_all(const struct stage *stage);
void stage_needs_root(void);

#endif

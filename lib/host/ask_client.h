/* Speaks to a session's keeper about commands that wait for an answer: lib/wire/ask.h. */
#ifndef HOST_ASK_CLIENT_H
#define HOST_ASK_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/ask.h"
#include "lib/wire/manifest.h"

/* A program on this machine: it answers at once, or not at all. */
#define ASK_CLIENT_ANSWER_MS 10000

struct ask_client {
    char session[MANIFEST_SESSION_SIZE];
    int fd;         /* owned; -1: closed */
    uint64_t after; /* the last change that was seen */
};

/* Connects to the keeper of SESSION. 0 or -errno; -ECONNREFUSED or -ENOENT: there is none. */
int ask_client_open(struct ask_client *client, const char *session, struct error *err);
void ask_client_close(struct ask_client *client);

/* Asks for the next change, which is awaited with IS_WAITING. 0 or -errno. */
int ask_client_request_next(struct ask_client *client, bool is_waiting, struct error *err);
/*
 * The reply to that, within TIMEOUT_MS: *ASK is owned by the caller, NULL when there is none; it
 * may be a notice. 0 or -errno.
 */
int ask_client_receive_next(struct ask_client *client, uint32_t timeout_ms, json_t **ask,
                            struct error *err);

/* The sentence of a notice, borrowed; NULL: ASK is none. */
const char *ask_client_notice(const json_t *ask);

/* Both, without waiting for a change to come. */
int ask_client_next(struct ask_client *client, json_t **ask, struct error *err);

/* How many commands of SESSION wait for an answer, or -errno, as when there is no keeper. */
int ask_client_count(const char *session, struct error *err);

/* Answers. 0; -EINVAL with the keeper's sentence; or -errno. */
int ask_client_answer(struct ask_client *client, const struct ask_answer *answer,
                      struct error *err);

#endif

/*
 * An agent's login on the host: found where its own program keeps it, in a variable, or where the
 * user said (login_config.h), checked, and in memory that is wiped. Or a secret with a name of its
 * own (named_secrets.h), found where the user said, else in the file of these. Whoever prints says
 * where it came from, never what it is.
 */
#ifndef HOST_LOGIN_H
#define HOST_LOGIN_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/host/login_config.h"
#include "lib/wire/capability.h"
#include "lib/wire/redeem.h"
#include "lib/wire/secret.h"

struct login {
    struct secret value;              /* owned: struct redeem_secret and the bytes */
    enum redeem_kind kind;            /* a file of its own, or a variable */
    char name[CAPABILITY_NAME_BYTES]; /* of that file or variable in a session */
    char source[PATH_MAX + 16];       /* "file /home/x/.codex/auth.json" */
    char path[PATH_MAX]; /* of the file it was taken from; "": it came from elsewhere */
    uint8_t digest[CAPABILITY_DIGEST_BYTES]; /* SHA-256 of the bytes */
};

/* True when AGENT is one whose login is known here. */
bool login_is_known(const char *agent);

/*
 * Finds the login of AGENT: as CONFIG says, else the file its program keeps, else its variables; of
 * a secret's name, else the line of mcp-secrets.env.
 * *LOGIN is owned by the caller (login_free). MUST_LOCK as secret_make. 0, -ENOENT when there is
 * none, or -errno: what is there and malformed is refused by name, and nothing else is looked at.
 */
int login_find(const char *agent, const struct login_config *config, bool must_lock,
               struct login *login, struct error *err);

/*
 * Says whether SIZE bytes at DATA are a login of AGENT: the JSON its program keeps, or one token in
 * a line; of a secret's name, one line. 0 with LOGIN's kind and name set, -EINVAL with the reason,
 * which has nothing of them, or -ENODATA for JSON without a login.
 */
int login_check(const char *agent, const char *data, size_t size, struct login *login,
                struct error *err);

/* SIZE bytes at DATA without the newlines at their end, with which files and commands end. */
size_t login_trim(const char *data, size_t size);
/* What is in SIZE bytes at DATA as the program of AGENT keeps it: lines of comment, then JSON.
 * Owned; NULL when it is none. *HEAD: how long the comment is. */
json_t *login_document(const char *data, size_t size, size_t *head);

/* Takes every variable that may hold a login out of the environment, and zeroes it where it lay. */
void login_wipe_environment(void);

void login_free(struct login *login);

#endif

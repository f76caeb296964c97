/*
 * Secrets that have a name of their own, as servers want them: $XDG_CONFIG_HOME/coding-agents/
 * mcp-secrets.env, lines NAME=VALUE as variables.h has them, with names in capitals, each once, and
 * values without control characters. The file is the user's own, 0600, and no link. Whoever prints
 * says the name and the line, never the value.
 */
#ifndef HOST_NAMED_SECRETS_H
#define HOST_NAMED_SECRETS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/wire/secret.h"
#include "lib/wire/variables.h"

#define NAMED_SECRETS_FILE "mcp-secrets.env"
/* Of one user; and their file, in bytes. */
#define NAMED_SECRETS_MAX 64
#define NAMED_SECRETS_BYTES_MAX (256 * 1024)

struct named_secrets {
    char path[PATH_MAX];
    struct secret text; /* owned, and a NUL; no bytes: there is no file */
};

/* "[A-Z][A-Z0-9_]{0,30}": no agent is called so. */
bool named_secret_is_name(const char *text);
/* 0 when SIZE bytes at VALUE can be a secret in a line, or -EINVAL with the reason, which has
 * nothing of them. */
int named_secret_check(const char *value, size_t size, struct error *err);

/* Checks all of SIZE bytes at TEXT (and a NUL). 0, or -EINVAL with the number of the line that is
 * wrong. */
int named_secrets_check(const char *text, size_t size, struct error *err);
/* Reads and checks the file; without one, there is none. -EINVAL names file and line, -ENOMEM says
 * that memory cannot be locked, which MUST_LOCK asks for (secret.h). 0 or -errno. */
int named_secrets_load(struct named_secrets *secrets, bool must_lock, struct error *err);
/* Wipes and releases it. */
void named_secrets_free(struct named_secrets *secrets);

/* The line of NAME, borrowed. 0 or -ENOENT. */
int named_secrets_find(const struct named_secrets *secrets, const char *name,
                       struct variable *variable);
/* Adds the names to LIST, in their order. */
void named_secrets_list(const struct named_secrets *secrets, struct string_list *list);

/*
 * Gives NAME the SIZE bytes at VALUE, or with NULL takes its line out, in the file as it is now;
 * other lines stay as they are. Nothing is written when a line of it is wrong. 0, -ENOENT when
 * there was none to take out, or -errno.
 */
int named_secrets_set(const char *name, const char *value, size_t size, struct error *err);

#endif

/*
 * What of a repository configures an agent, as a session would get it, and what of that the user
 * has accepted: STATE/trust/KEY/AGENT is the text (lib/wire/agent_config.h) that was, KEY the
 * SHA-256 of the repository's real path. Nothing of the repository is executed.
 */
#ifndef HOST_REPOSITORY_CONFIG_H
#define HOST_REPOSITORY_CONFIG_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/host/agent_config_table.h"
#include "lib/host/repository.h"

enum repository_config_trust {
    REPOSITORY_CONFIG_NONE,      /* nothing configures the agent */
    REPOSITORY_CONFIG_UNTRUSTED, /* never accepted, or revoked */
    REPOSITORY_CONFIG_CHANGED,   /* something else was accepted */
    REPOSITORY_CONFIG_TRUSTED,
};

struct repository_config {
    enum repository_config_trust trust;
    struct string_list paths; /* owned; sorted */
    char *text;               /* owned */
    size_t size;
    char digest[MANIFEST_DIGEST_SIZE]; /* "" without files */
    char directory[PATH_MAX];          /* of what was accepted of this repository; may be missing */
    char name[64];                     /* the file of this agent in it */
    char *accepted;                    /* owned; NULL: nothing */
    size_t accepted_size;
};

/*
 * Finds what TABLE names in REPOSITORY, whose files were listed WITH_IGNORED or without (each is
 * accepted for itself), and compares it with what was accepted for AGENT. CONFIG is released by
 * repository_config_free, also after a failure. -EINVAL in a sentence about "they" for files that
 * cannot be accepted: links, too many, too large; -errno.
 */
int repository_config_find(const struct repository *repository, const char *agent,
                           bool with_ignored, const struct agent_config_table *table,
                           struct repository_config *config, struct error *err);

/* Keeps the text of CONFIG as accepted for the repository at TOP; takes that back. 0 or -errno. */
int repository_config_accept(const struct repository_config *config, const char *top,
                             struct error *err);
int repository_config_revoke(const struct repository_config *config, struct error *err);

/*
 * What to tell the user before a session in which AGENT does not trust what was found, and heeds it
 * only when the user says so (ASKS) or not at all: one line, safe for a terminal, owned by the
 * caller. NULL when there is nothing to tell.
 */
char *repository_config_advice(const struct repository_config *config,
                               const struct repository *repository, const char *agent,
                               bool with_ignored, bool asks);

/* "none", "untrusted", "changed", "trusted" */
const char *repository_config_trust_name(enum repository_config_trust trust);

void repository_config_free(struct repository_config *config);

#endif

/* How the user's own git would sign what is committed in a repository, as far as a session can. */
#ifndef HOST_SIGNING_CONFIG_H
#define HOST_SIGNING_CONFIG_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/host/git.h"
#include "lib/wire/manifest.h"
#include "lib/wire/signing.h"

struct signing_config {
    enum manifest_signing format; /* MANIFEST_SIGNING_NONE: nothing is signed */
    char key[SIGNING_KEY_BYTES];  /* what gpg is told, or an ssh key: its type and itself */
    char file[PATH_MAX];          /* what ssh-keygen is told; "": the key itself is all there is */
    bool commits;                 /* commit.gpgSign */
    bool tags;                    /* tag.gpgSign */
    char trouble[256];            /* why nothing is, where git would; "" */
};

/* Whose configuration is asked, and who commits when it names no key. Borrowed. */
struct signing_user {
    const char *top; /* the work tree */
    const struct git_identity *identity;
    const char *name;
    const char *email;
};

/*
 * Asks git, as the user, for gpg.format, user.signingKey, commit.gpgSign and tag.gpgSign, and reads
 * a public key of ssh. What secrets.json says of "sign" goes before that. What a session cannot do
 * is no error: TROUBLE says it in words that follow "commits will not be signed: ". 0 or -errno.
 */
int signing_config_find(const struct signing_user *user, struct signing_config *config,
                        struct error *err);
/* Reads "TYPE KEY COMMENT" of SIZE bytes at TEXT, as ssh-keygen writes a public key, into "TYPE
 * KEY". 0, or -EINVAL for anything else. */
int signing_config_parse_key(const char *text, size_t size, char key[SIGNING_KEY_BYTES]);
/* Puts what it says into MANIFEST, which borrows it. */
void signing_config_fill(const struct signing_config *config, struct manifest *manifest);

#endif

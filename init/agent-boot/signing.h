/* What the git step does where the session's commits are signed on the host. */
#ifndef BOOT_SIGNING_H
#define BOOT_SIGNING_H

#include "init/agent-boot/boot.h"
#include "init/agent-boot/git_config.h"

/* Adds to CONFIG what makes git have the signer sign; nothing where MANIFEST signs nothing. 0 or
 * -errno. */
int signing_add_settings(struct git_config *config, const struct manifest *manifest,
                         struct error *err);
/* Says hello to the signer, which learns from it how the container's uids are seen there; once in a
 * session. 0, also where nothing is signed, or -errno. */
int signing_greet(const struct manifest *manifest, struct error *err);

#endif

/* The commit at shutdown with the signature of the user, where it is to have one. */
#ifndef COMMIT_SIGNED_H
#define COMMIT_SIGNED_H

#include "lib/base/error.h"

/* SETTING is "openpgp=KEY" or "ssh=KEY", borrowed: from here on what is committed is signed with
 * it, by the signer on the host. 0, or -EINVAL. */
int signed_use(const char *setting, struct error *err);
/*
 * `git commit ARGUMENTS...` (NULL-terminated) of the index, with MESSAGE on standard input (NULL:
 * none), signed when it is to be. Where that fails it commits without a signature, since a missing
 * one is worth less than the work, and reports why as "unsigned". 0 or -errno.
 */
int signed_commit(const char *const *arguments, const char *message, struct error *err);

#endif

/*
 * A login that an agent renewed in its session, on its way back to the host. Only what a renewal is
 * about is taken of it, tokens and times: the program's other settings, which may lie in the same
 * file, are the host's alone, and what is written back has the host's form.
 */
#ifndef HOST_LOGIN_RENEWAL_H
#define HOST_LOGIN_RENEWAL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/capability.h"

/*
 * Reads SIZE bytes at DATA, which the agent wrote: a login as login_check knows it. *RENEWAL is a
 * document of nothing but what may be renewed, owned by the caller. 0, or -EINVAL with the reason,
 * which has nothing of them.
 */
int login_renewal_read(const char *agent, const char *data, size_t size, json_t **renewal,
                       struct error *err);

/*
 * DIGEST is SHA-256 of what login_renewal_read takes of SIZE bytes at DATA: the same while nothing
 * changed but what a renewal is not about. 0 or -EINVAL.
 */
int login_renewal_digest(const char *agent, const char *data, size_t size,
                         uint8_t digest[CAPABILITY_DIGEST_BYTES], struct error *err);

/*
 * Puts RENEWAL into SIZE bytes at TEXT, the login of the host: members that are there, values of
 * their own type. *RENEWED is the new text, owned by the caller (zero it: sodium_memzero). 0,
 * -ENODATA when that changes nothing, -EPERM for another account, or -EINVAL: also when it would
 * be no login that a session could start with.
 */
int login_renewal_apply(const char *agent, const json_t *renewal, const char *text, size_t size,
                        char **renewed, struct error *err);

#endif

/*
 * What every process that the keeper starts for a session begins with: the same options, and
 * nothing inherited but what they name. coding-agents-broker(8), -git-proxy(8), -signer(8).
 */
#ifndef HOST_KEEPER_CHILD_H
#define HOST_KEEPER_CHILD_H

#include <argp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/wire/manifest.h"

/* The number that the keeper's socket has once keeper_child_settle is through. */
#define KEEPER_CHILD_FD 3

struct keeper_child {
    char session[MANIFEST_SESSION_SIZE]; /* "" until it is said */
    uid_t container_root_uid;            /* on the host */
    int keeper; /* owned; SOCK_SEQPACKET, lib/host/keeper_tell.h; -1 until it is said */
};

/* --session, --container-root-uid and --keeper-fd as a child of a program's parser: its input is a
 * struct keeper_child, which the program's parser hands it (argp(3), ARGP_KEY_INIT). */
extern const struct argp keeper_child_argp;

/* Whether what a child cannot do without was said. */
bool keeper_child_is_told(const struct keeper_child *child);

/* TEXT as a number from 0 to MOST, in decimal digits alone; ends the program through STATE
 * otherwise. */
unsigned long keeper_child_number(const char *text, unsigned long most, struct argp_state *state);

/* No core file, and no debugger of the same user: RLIMIT_CORE, PR_SET_DUMPABLE. 0, or -errno with
 * the cause in ERR. */
int keeper_child_hide(struct error *err);

/*
 * Lets go of every descriptor but the standard streams and the keeper's, heeds no SIGHUP, SIGINT
 * and SIGPIPE, ends with the keeper (PR_SET_PDEATHSIG, prctl(2)), and hides. 0, or -errno with the
 * cause in ERR.
 */
int keeper_child_settle(struct keeper_child *child, struct error *err);

#endif

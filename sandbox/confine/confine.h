/* Confinement as data: a program lists its steps in order, one interpreter runs them, the first
 * failure ends it. */
#ifndef CONFINE_CONFINE_H
#define CONFINE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/base/users.h"
#include "sandbox/confine/views.h"

/* What the steps work on. */
struct confine {
    struct user user;    /* who the process becomes */
    struct views views;  /* how the identities share files; filled by confine_views */
    const char *filter;  /* borrowed; path of the compiled seccomp filter */
    const char *profile; /* borrowed; the AppArmor profile to stack on the container's; NULL: this
                            kernel has no AppArmor */
    const int *kept;     /* borrowed; descriptors above 2 that stay over exec, ascending */
    size_t kept_count;
    bool has_no_bounding; /* the bounding set is empty, which was proved, and inherited */
    void *program;        /* borrowed; for the steps of the program itself */
};

struct confine_step {
    const char *name; /* what it is for, in the words of an error message */
    int (*run)(struct confine *confine, struct error *err);
};

/* Runs the steps in order. 0, or the -errno of the first that failed with its name in ERR. */
int confine_run(const struct confine_step *steps, size_t count, struct confine *confine,
                struct error *err);

/* Descriptors 0 to 2 are open; those above 2 close at exec, but for the kept ones. */
int confine_descriptors(struct confine *confine, struct error *err);
/* No core files: they would hold what the process held, in a place others can read. */
int confine_limits(struct confine *confine, struct error *err);
/* Reads how the identities share files, and sets the umask that goes with it. */
int confine_views(struct confine *confine, struct error *err);
/* Groups, gid, uid; then no capability in any set, the bounding set included. Needs SETUID SETGID
 * SETPCAP. */
int confine_identity(struct confine *confine, struct error *err);
/* No program run from here on gains anything by being setuid. */
int confine_no_new_privileges(struct confine *confine, struct error *err);
/* Stacks the AppArmor profile and proves the label, where the kernel has AppArmor (apparmor.h).
 * After the mounts, which the profiles refuse; with a /proc of the process's own pid namespace. */
int confine_apparmor(struct confine *confine, struct error *err);
/* The seccomp filter. Last but the proof: what comes before may need what it refuses. */
int confine_filter(struct confine *confine, struct error *err);
/* Asks the kernel whether all of the above is in force. */
int confine_proof(struct confine *confine, struct error *err);

#endif

/* What doctor finds: one line for each thing that was tried. */
#ifndef COMMANDS_DOCTOR_H
#define COMMANDS_DOCTOR_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/host/engine.h"

enum doctor_verdict {
    DOCTOR_OK,
    DOCTOR_WARN, /* a session runs, but something is weaker or soon in the way */
    DOCTOR_FAIL, /* a session cannot start */
};

struct doctor_finding {
    const char *name; /* borrowed */
    enum doctor_verdict verdict;
    char detail[512]; /* what was found */
    char remedy[512]; /* "" when there is nothing to do */
};

struct doctor_report {
    struct doctor_finding findings[64];
    char names[64][64]; /* of findings whose names came from the container */
    size_t count;
    bool has_engine; /* engine is valid */
    struct engine_facts engine;
};

/* The next finding to fill, with NAME. Never NULL: the last one is used again when all are taken.
 */
struct doctor_finding *doctor_add(struct doctor_report *report, const char *name,
                                  enum doctor_verdict verdict);

/* Checks on the host. Fills report->engine. */
void doctor_check_host(struct doctor_report *report);

/* Whether one process may trace another of its own user, by the Yama setting in PATH. */
void doctor_check_ptrace(struct doctor_report *report, const char *path);

/* Whether a session's login could be held here, as the broker finds when it tries. */
void doctor_check_logins(struct doctor_report *report);
/* Whether the git proxy of a session can be confined. */
void doctor_check_git(struct doctor_report *report);

/* A socket as the broker has one, which a container is to reach. */
struct doctor_socket {
    char directory[PATH_MAX]; /* for the container; "" while there is none */
    int listener;             /* owned; -1 while there is none */
};
/* Listens below the session's runtime directory. 0 or -errno; doctor_socket_close in either case.
 */
int doctor_socket_open(struct doctor_socket *socket, struct error *err);
/* Who has come, once the container has ended: the broker trusts none but its root. */
void doctor_socket_check(struct doctor_report *report, const struct doctor_socket *socket);
/* Whether sessions reach the host's processes by sockets or through a sidecar, which is tried with
 * IMAGE then. Before doctor_socket_check, which takes who has come. */
void doctor_check_broker(struct doctor_report *report, const struct doctor_socket *socket,
                         const char *image);
void doctor_socket_close(struct doctor_socket *socket);

/* Runs the checks that a container makes, in IMAGE, with the confinement of a session. */
void doctor_check_container(struct doctor_report *report, const char *image);

#endif

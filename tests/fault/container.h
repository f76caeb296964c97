/* A container without an engine: what runc would have made before it executes the entry point. */
#ifndef FAULT_CONTAINER_H
#define FAULT_CONTAINER_H

#include <stdint.h>
#include <sys/types.h>

struct container {
    const char *root;      /* of the image, unpacked */
    const char *source;    /* the repository */
    const char *session;   /* directory with what belongs to one session: volume, host, sockets */
    const char *filter;    /* the shipped seccomp profile, compiled */
    uint64_t capabilities; /* the shipped set */
    const char *const *variables; /* NULL-terminated environment */
    char *const *argv;            /* the entry point and its arguments */
};

/*
 * Forks the first process of new namespaces. It waits for a byte from GATE before it lays its
 * mounts and executes argv; a failure before that is told on stderr, exit code 125. Its pid here,
 * or -errno.
 */
pid_t container_start(const struct container *container, int gate);

/* Compiles the engine's seccomp PROFILE (JSON) to FILTER. 0, or -1 after telling why. */
int container_compile_profile(const char *profile, const char *filter);

#endif

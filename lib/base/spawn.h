/*
 * Starting and signalling children that the caller alone reaps: vfork semantics, a pidfd, no
 * allocation. For PID 1 and other static programs; process.h is for running a program to its end.
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

/* A process of ours. Nobody else reaps it, so its pid means it until we do. */
struct child {
    pid_t pid;  /* 0: none */
    int pidfd;  /* owned; -1: none */
    int source; /* of the event loop; -1: none */
};

#define CHILD_NONE ((struct child){.pid = 0, .pidfd = -1, .source = -1})

enum spawn_flags {
    SPAWN_SESSION = 1 << 0,        /* a session of its own, so without a terminal */
    SPAWN_TERMINAL = 1 << 1,       /* a process group of its own, in the foreground if ours is */
    SPAWN_ROOT_DIRECTORY = 1 << 2, /* starts in / */
    SPAWN_NULL_INPUT = 1 << 3,     /* reads /dev/null */
    SPAWN_LIMIT = 1 << 4,          /* cut down to capabilities */
};

/* What spawn_spec.fds become in the child: from this number on. */
#define SPAWN_FIRST_FD 3
#define SPAWN_FDS_MAX 16

struct spawn_spec {
    const char *const *argv; /* argv[0] is searched in the caller's PATH when it has no '/' */
    const char *const *environment;
    uint32_t flags;
    const int *fds;    /* borrowed. Everything else above 2 must be close-on-exec already */
    uint32_t fd_count; /* at most SPAWN_FDS_MAX */
    uint64_t capabilities;
};

/*
 * Starts a process with an empty signal mask and what SPEC says; signals that the caller ignores
 * stay ignored. When the program cannot be run this is told on stderr and the child
 * ends with 127 (not found) or 126, as with a shell; it is still a child to be reaped. 0 with
 * *CHILD set, or -errno when no process could be made.
 */
int spawn(const struct spawn_spec *spec, struct child *child);

/* Sends SIGNAL to CHILD; one that has ended is fine. */
void child_signal(const struct child *child, int signal);

#endif

/* Running a program to its end: exact argv and environment, captured output, a deadline, no shell.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

struct process_spec {
    const char *const *argv;        /* borrowed; argv[0] is searched in PATH when it has no '/' */
    const char *const *environment; /* borrowed; NULL: the caller's own */
    const char *directory;          /* borrowed; NULL: the caller's own */
    int standard_input;             /* borrowed fd; -1: /dev/null */
    int standard_output;            /* borrowed fd; -1: captured, see output_limit */
    int standard_error;             /* borrowed fd; -1: captured; PROCESS_FD_NULL: /dev/null */
    size_t output_limit; /* most bytes captured of each stream; more is -EFBIG. 0: 1 MiB */
    uint64_t timeout_ms; /* 0: none. Afterwards SIGKILL to the process and -ETIMEDOUT */
    /* Asked while the process runs: true ends it with SIGKILL and -ECANCELED. NULL: never. */
    bool (*is_cancelled)(void);
    /* Runs in the child after fds are placed and before exec; must be async-signal-safe. NULL:
     * nothing. A negative errno ends the child and is reported as the failure to start. */
    int (*prepare)(void *context);
    void *prepare_context;
};

#define PROCESS_FD_NULL (-2)

struct process_result {
    int wait_status; /* as waitpid(2) */
    char *output;    /* owned; captured stdout, NUL-terminated ("" when nothing came); NULL when not
                        captured */
    size_t output_size;
    char *error_output; /* owned; captured stderr, likewise */
    size_t error_output_size;
};

/*
 * Starts the program, waits for its end. 0 when it ran, whatever its status; -errno when it could
 * not be started (the exact errno of execve), timed out or printed too much. RESULT is released by
 * process_result_free.
 */
int process_run(const struct process_spec *spec, struct process_result *result, struct error *err);

/* Starts the program and returns at once. *PID and *PIDFD (owned) are set. Streams of -1 mean
 * /dev/null here. */
int process_start(const struct process_spec *spec, pid_t *pid, int *pidfd, struct error *err);

/* A `prepare` (prctl(2), PR_SET_PDEATHSIG): the program is killed when the thread that started it
 * ends. Takes no context. 0 or -errno. */
int process_end_with_parent(void *context);

/* Waits for PIDFD at most TIMEOUT_MS (0: for ever). 0 with *WAIT_STATUS set, or -ETIMEDOUT, -errno.
 */
int process_wait(int pidfd, uint64_t timeout_ms, int *wait_status);

/* Releases the buffers. NULL is fine. */
void process_result_free(struct process_result *result);

/* The exit code a shell would report for a wait status: the code, or 128 plus the signal. */
int process_exit_code(int wait_status);

/* True when the program exited with code 0. */
bool process_is_success(int wait_status);

#endif

/*
 * The boot of a container as a table: each step has a name, the capabilities it may use, a
 * deadline, a way up and a way down. Shutdown is the same table backwards.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/base/users.h"
#include "lib/wire/git_access.h"
#include "lib/wire/manifest.h"

#define BOOT_DETAIL_SIZE 256
/* Fallbacks that are in force: few, and each is one clause in the report. */
#define BOOT_WEAKER_MAX 8

/* Files that boot leaves for its own shutdown and for agentcli-exec; /run/coding-agents is root's,
 * 0755. */
#define BOOT_RUN_DIRECTORY "/run/coding-agents"
#define BOOT_VIEWS_FILE BOOT_RUN_DIRECTORY "/views"
#define BOOT_LOCAL_REPOSITORY "/var/lib/coding-agents/local.git"
#define BOOT_POLICY_DIRECTORY "/etc/coding-agents"
#define BOOT_LIBEXEC "/usr/libexec/coding-agents"

enum boot_mode {
    BOOT_MODE_UP,       /* the usual start */
    BOOT_MODE_SHUTDOWN, /* the table backwards */
    BOOT_MODE_RECOVER, /* mounts up, then the shutdown's commit and push: work of a session that was
                          killed */
    BOOT_MODE_CHECK,   /* only what the kernel step tests, printed */
};

struct boot_context {
    enum boot_mode mode;
    /* From the command line; borrowed from argv. */
    const char *manifest_sha256; /* NULL: a plain `docker run`, without session */
    char *const *command;        /* what follows the options; NULL-terminated */
    bool is_json;
    bool is_wipe_only;
    uint64_t deadline_ns; /* absolute, CLOCK_MONOTONIC; 0: none */
    uint32_t stop_grace_ms;
    uint64_t step_start_ns;    /* of the running step, absolute as the next */
    uint64_t step_deadline_ns; /* when what it started is killed */

    struct manifest *manifest;     /* owned; NULL without session */
    struct git_access *git_access; /* owned; NULL: no remote is reached through the host */
    struct string_list variables;  /* for the agent's process alone; owned */
    struct user agentuser;
    struct user agentcli;
    struct user agentfetch;
    int init_fd;              /* to PID 1; -1 when there is none */
    int channel_fd;           /* to the keeper; -1 when there is none: events go to stderr */
    int init_channel_fd;      /* PID 1's own connection to the keeper, made here because PID 1 never
                                 waits; or -1 */
    struct boot_login *login; /* owned; the agent's, while it is on its way; NULL without */
    bool is_mounted;          /* the mounts step laid the session's tree */
    bool is_idmapped;         /* the views for the other identity are idmapped mounts */
    bool is_restart;          /* the volume has the copy of an earlier start: it is kept */
    bool is_unwinding;        /* a step failed: nothing ran, so nothing is committed */
    char detail[BOOT_DETAIL_SIZE]; /* what the running step has to say in the report */
    char weaker[BOOT_WEAKER_MAX][BOOT_DETAIL_SIZE];
    size_t weaker_count;
};

/* A step's way up: 0 when it is up, BOOT_SKIPPED when it does not apply (detail says why), or
 * -errno. */
#define BOOT_SKIPPED 1
typedef int boot_step_function(struct boot_context *context, struct error *err);

struct boot_step {
    const char *name;
    const char *purpose;
    uint64_t capabilities;     /* effective while the step runs */
    uint32_t deadline_ms;      /* for the way up */
    uint32_t down_deadline_ms; /* for the way down */
    int exit_code;             /* of a refusal: lib/base/exit_codes.h */
    bool is_optional; /* skipped and named in a plain `docker run` whose engine does not allow it */
    bool wipes;       /* its way down runs even when the stop is forced */
    boot_step_function *up;
    boot_step_function *down; /* NULL: nothing to undo */
};

extern const struct boot_step boot_steps[];
extern const size_t boot_step_count;

boot_step_function kernel_check, manifest_read, mounts_make, mounts_sync, workspace_copy,
    git_set_up, git_save_work, capabilities_take, capabilities_wipe, broker_greet, secrets_prepare,
    data_make_directories, data_wipe, runner_prepare, history_bring, history_give, drop_privileges,
    setup_run_hooks, agent_hand_over;

/* Walks the table up. The exit code of agent-boot: 0, or the refusing step's. */
int boot_run(struct boot_context *context);
/* Walks the table down. 0, or the first failing step's exit code. */
int boot_shut_down(struct boot_context *context);
/* Mounts up, work saved, nothing started. 0, or an exit code. */
int boot_recover(struct boot_context *context);
/* Tells PID 1, when there is one, that nothing comes and why: VALUE is the exit code, with
 * INIT_BOOT_STANDING beside it where something is left up. Without a word it would take our end for
 * a crash. */
void boot_tell_refused(const struct boot_context *context, uint32_t value);
/* Prints every check of the kernel step. 0, or EXIT_BOOT_KERNEL when a required one fails. */
int kernel_report(struct boot_context *context);

/* What is left of the running step's time, at least 1. */
uint64_t boot_remaining_ms(const struct boot_context *context);

/* Sets the running step's detail for the report. */
void boot_set_detail(struct boot_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Records that a weaker mode is in force; shown in the report and the audit log. */
void boot_add_weaker(struct boot_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * True once the step must end: its deadline passed or a stop was asked for. Long steps look at it.
 * Async-signal safe flags behind it; boot_interruption tells which as -ETIMEDOUT or -ECANCELED.
 */
bool boot_is_interrupted(void);
int boot_interruption(struct error *err);

#endif

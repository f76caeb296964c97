/*
 * What the relay, agent-task-runnerctl, agentcli-exec, agent-task-runnerd and agent-task-sandbox
 * say to each other: structures of one machine, in host byte order, one per SOCK_SEQPACKET message,
 * each after a struct task_header; descriptors travel beside the bytes (unix(7), SCM_RIGHTS).
 * Nothing here is parsed by root beyond a fixed size: the strings of a command stay in a sealed
 * memfd that only the sandbox opens which is to run it.
 */
#ifndef WIRE_TASK_PROTOCOL_H
#define WIRE_TASK_PROTOCOL_H

#include <limits.h>
#include <stdint.h>

#define TASK_PROTOCOL_VERSION 1

/* Who calls is told by SO_PEERCRED alone; the socket itself is open to every uid of the container.
 */
#define TASK_RUNNER_DIRECTORY "/run/agent-task-runner"
#define TASK_RUNNER_SOCKET TASK_RUNNER_DIRECTORY "/runner.sock"
#define TASK_RUNNER_VARIABLE "AGENT_TASK_RUNNER_SOCKET"
/* Of the service that makes sandboxes; root only. */
#define TASK_SANDBOX_SOCKET "/run/coding-agents/sandbox.sock"
#define TASK_RELAY "/usr/libexec/coding-agents/agent-exec-relay"

/* execve(2): strings of argv and envp together are at most 6 MiB (three quarters of _STK_LIM); a
 * path and room. */
#define TASK_BLOCK_MAX (8u * 1024 * 1024)
/* Strings of one list. The kernel's own limit is by bytes; a string takes at least two with its
 * pointer's share. */
#define TASK_STRINGS_MAX (512u * 1024)
/* What of argv stands in the audit log; its length and digest are of all of it. */
#define TASK_ARGUMENTS_SHOWN 8192
#define TASK_ID_SIZE 16   /* "t" and a number, NUL-terminated */
#define TASK_RULE_SIZE 64 /* the id of a policy rule, NUL-terminated */
#define TASK_PROFILE_SIZE 32
#define TASK_TEXT_SIZE 1024
#define TASK_PROFILES_MAX 16
#define TASK_DIRECT_MAX 64 /* direct rules of one policy */
#define TASK_DIGEST_SIZE 32
/* From TERM to KILL for what lives in a sandbox when its session ends; as long as the agent has. */
#define TASK_STOP_GRACE_MS 5000

enum task_message {
    /* client -> runner, answered by the sandbox on the same connection */
    TASK_RUN = 1,
    /* client -> runner, answered by the runner: TASK_END; or TASK_ERROR */
    TASK_LIST = 2, /* TASK_END carries a memfd (SCM_RIGHTS): a struct task_row for each */
    TASK_KILL = 3,
    TASK_LOGS = 4,   /* answered by the sandbox: TASK_END carries the fd of the log (SCM_RIGHTS) */
    TASK_STATUS = 5, /* answered by one TASK_STATUS_ROW, then TASK_END */
    TASK_RELOAD = 6, /* uid 0 only; answered by the sandbox service */
    /* agentcli-exec (connected as uid 0) -> runner, answered by TASK_END when the listener is
       stored, or TASK_ERROR */
    TASK_LISTENER = 7, /* carries the seccomp listener; pid: of the first process below it */

    /* runner -> client */
    TASK_ROW = 16, /* in the list */
    TASK_STATUS_ROW = 17,
    TASK_END = 18,
    TASK_ERROR = 19,

    /* sandbox -> client, on the connection that the runner handed over */
    TASK_STARTED = 32, /* carries the master of the command's terminal when has_terminal */
    TASK_DENIED = 33,  /* text; the client prints it and exits with code */
    TASK_FAILED = 34,  /* text; the same, for what could not be run */
    TASK_STOPPED = 35, /* the command was stopped by signal */
    TASK_EXITED = 36,  /* wait_status */
    /* client -> sandbox, on the same connection */
    TASK_SIGNAL = 48,

    /* runner -> sandbox service; answered by TASK_CONFIGURATION. TASK_RELOAD carries the client's
       connection and is answered likewise, then to the client; or by TASK_ERROR there, and all
       stays. After a SIGHUP TASK_CONFIGURATION comes unasked. */
    TASK_HELLO = 64,
    TASK_MAKE = 65, /* one more sandbox of a profile, answered by TASK_MADE or TASK_ERROR */
    TASK_CONFIGURATION = 66, /* a header; carries a memfd: a struct task_configuration */
    TASK_MADE = 69, /* carries [0] the runner's end of the sandbox's control socket, [1] the pidfd
                       of its init */

    /* runner <-> one sandbox, on its control socket, in this order; or TASK_ERROR (a struct
       task_reply): it could not be confined */
    TASK_START = 80,   /* runner: carries [0] the client's connection, [1] block, [2] cwd, then
                          standard streams */
    TASK_VERDICT = 81, /* sandbox: what it would run and why; TASK_ARGUMENTS_SHOWN bytes of argv
                          follow the structure */
    TASK_GO = 84,    /* runner: the verdict is on record; run (or say no to) it: a struct task_go */
    TASK_ENDED = 85, /* sandbox: the command itself has ended */
    TASK_NESTED = 86, /* sandbox: an exec inside; argv follows the structure */
    TASK_LINGER = 87, /* sandbox: the command ended, processes it left live on; count */
    TASK_STOP = 88,   /* runner: the session ends. Everything inside gets TERM and CONT, and after
                         TASK_STOP_GRACE_MS KILL; each further one sends TERM and CONT again */
};

struct task_header {
    uint32_t version;
    uint32_t type; /* enum task_message */
};

enum task_run_flags {
    TASK_RUN_TICKET = 1 << 0, /* a relay: the program is the ticket's */
    TASK_RUN_DETACHED =
        1 << 1, /* runnerctl run: nobody waits; output goes to a log of the runner's */
};

/*
 * The request to run a command. Descriptors: the block, the working directory (O_PATH), then those
 * of 0, 1, 2 that stream_mask names. The block is a memfd sealed with F_SEAL_SEAL | SHRINK | GROW |
 * WRITE and holds argument_count strings, then environment_count strings, then the path of the
 * working directory as the caller saw it; each ends with a NUL.
 */
struct task_run {
    struct task_header header;
    uint32_t flags;
    uint32_t stream_mask;
    uint32_t umask;
    uint32_t argument_count;
    uint32_t environment_count;
    uint32_t block_size;
    uint64_t ignored_signals; /* bit n-1: signal n is ignored by the caller */
};

struct task_request { /* TASK_LIST, TASK_KILL, TASK_LOGS, TASK_STATUS, TASK_RELOAD, TASK_LISTENER,
                         TASK_HELLO */
    struct task_header header;
    char id[TASK_ID_SIZE];
    uint32_t signal; /* TASK_KILL; 0: SIGKILL to all of it */
    int32_t pid;     /* TASK_LISTENER */
};

enum task_state {
    TASK_STATE_WARM = 1,
    TASK_STATE_STARTING = 2,
    TASK_STATE_RUNNING = 3,
    TASK_STATE_LINGERING = 4, /* only what the command left behind still lives */
    TASK_STATE_ASKING = 5,    /* waits for a person's answer */
};

struct task_row {
    struct task_header header;
    char id[TASK_ID_SIZE];
    uint32_t state;     /* enum task_state */
    int32_t init_pid;   /* of the sandbox's init, in the container's pid namespace */
    int32_t caller_pid; /* of the client */
    uint32_t caller_uid;
    uint32_t is_detached;
    uint32_t argument_count;
    uint64_t started_realtime_ns;
    char profile[TASK_PROFILE_SIZE];
    char rule[TASK_RULE_SIZE];
    char arguments[TASK_TEXT_SIZE]; /* the first bytes of argv, NUL after each, cut where it is full
                                     */
    uint32_t arguments_size;
};

struct task_status_row {
    struct task_header header;
    int32_t runner_pid;
    uint32_t generation; /* of the policy */
    uint32_t is_observing;
    uint32_t has_listener;
    uint32_t warm;
    uint32_t running;
    uint32_t lingering;
    uint32_t waiting; /* callers that wait for a sandbox */
    uint64_t executed;
    uint64_t denied;
    uint64_t direct;
    uint64_t refused; /* malformed or too many */
    uint64_t started_monotonic_ns;
};

struct task_reply { /* TASK_END, TASK_ERROR, TASK_STARTED, TASK_DENIED, TASK_FAILED, TASK_STOPPED,
                       TASK_EXITED */
    struct task_header header;
    uint32_t code; /* TASK_ERROR: positive errno; TASK_DENIED and TASK_FAILED: exit code for the
                      client */
    uint32_t wait_status; /* TASK_EXITED, as waitpid(2) */
    uint32_t signal;      /* TASK_STOPPED */
    uint32_t has_terminal;
    char id[TASK_ID_SIZE];
    char text[TASK_TEXT_SIZE]; /* NUL-terminated */
};

struct task_signal {
    struct task_header header;
    uint32_t signal;
};

struct task_profile {
    char name[TASK_PROFILE_SIZE];
    uint32_t warm;           /* how many wait */
    uint32_t linger_seconds; /* how long what a command left behind may live on; 0: not at all */
};

/* What tells one program file from another, and from itself after a change: statx(2). */
struct task_file {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t modified_ns;
    int64_t changed_ns;
};

#define TASK_DIRECT_PATH 256
#define TASK_DIRECT_ARGUMENTS 16
#define TASK_DIRECT_NAMES 32
#define TASK_DIRECT_STRINGS 2048

/*
 * A shape in which a program may replace an agentcli process without a sandbox. The strings, NUL
 * after each, are argument_count patterns ("*" alone: any one argument; "..." alone and last: any
 * further ones; else the exact bytes), then name_count names of environment variables that may be
 * set (is_any_environment: those that may not, where "*" at the end is all that begin so).
 */
struct task_direct {
    char rule[TASK_RULE_SIZE];
    char from[TASK_DIRECT_PATH];    /* the program the caller is an image of */
    char program[TASK_DIRECT_PATH]; /* what it becomes */
    uint32_t argument_count;
    uint32_t name_count;
    uint32_t is_any_environment;
    uint32_t strings_size;
    char strings[TASK_DIRECT_STRINGS];
    /* The files at from and program, once they were found to be those that the image recorded; an
     * inode of 0 is none, and fits nothing. */
    struct task_file from_file;
    struct task_file program_file;
};

struct task_configuration {
    uint32_t version;
    uint32_t generation;
    uint32_t is_observing;
    uint32_t profile_count;
    uint32_t direct_count;
    struct task_profile profiles[TASK_PROFILES_MAX];
    struct task_direct direct[TASK_DIRECT_MAX];
};

struct task_make {
    struct task_header header;
    char id[TASK_ID_SIZE];
    char profile[TASK_PROFILE_SIZE];
};

struct task_made {
    struct task_header header;
    char id[TASK_ID_SIZE];
    int32_t pid;         /* of the sandbox's init, in the container's pid namespace */
    uint32_t generation; /* of the policy it holds: an answer can cross a reload */
};

struct task_start {
    struct task_header header;
    struct task_run run;
    char profile[TASK_PROFILE_SIZE]; /* another sandbox's verdict asked for it; empty: the default
                                        one */
    char program[PATH_MAX]; /* with a ticket: what the kernel was asked to execute; else empty */
};

enum task_action {
    TASK_ACTION_SANDBOX = 1,
    TASK_ACTION_DENY = 2,
    TASK_ACTION_FAIL = 3,     /* it cannot be run: not found, not executable, malformed */
    TASK_ACTION_REDIRECT = 4, /* it needs another profile; nothing was run here */
    TASK_ACTION_DIRECT = 5,   /* in audit events only */
    TASK_ACTION_ASK = 6,      /* whether it is run or denied is for a person to say */
};

/* The tiers of exec policy, mildest first. */
enum task_tier {
    TASK_TIER_NONE = 0, /* no rule says */
    TASK_TIER_READ = 1,
    TASK_TIER_WORKSPACE_WRITE = 2,
    TASK_TIER_NETWORK = 3,
    TASK_TIER_DESTRUCTIVE = 4,
    TASK_TIER_PRIVILEGED = 5,
};

/* Of the command inside another that asks: what a person reads and compares. */
#define TASK_ASKED_SHOWN 1024

enum task_asked_flags {
    TASK_ASKED_INNER = 1 << 0, /* the words are those of a command found inside; else there are
                                  none, as it is argv itself that asks */
    TASK_ASKED_MORE = 1 << 1,  /* something else in it asks too, or not all of it was read, or the
                                  words are not all here */
};

/* What a command that asks is about: SIZE bytes of WORDS, a NUL after each word. */
struct task_asked {
    uint32_t flags;
    uint32_t size;
    char words[TASK_ASKED_SHOWN];
};

struct task_go {
    struct task_header header;
    uint32_t action;           /* that of the verdict, but SANDBOX or DENY when that asked */
    char text[TASK_TEXT_SIZE]; /* DENY: what the client is told; NUL-terminated */
};

struct task_ended {
    struct task_header header;
    uint32_t wait_status;
    uint32_t count; /* TASK_LINGER: processes that live on */
};

/* An exec inside a sandbox, as its audit-only listener saw it. */
struct task_nested {
    struct task_header header;
    uint32_t action; /* SANDBOX or DENY */
    uint32_t tier;
    int32_t pid; /* in the sandbox's pid namespace */
    uint32_t argument_count;
    uint32_t arguments_size; /* bytes that follow */
    uint32_t lost;           /* records dropped before this one, because they came too fast */
    char rule[TASK_RULE_SIZE];
    char program[PATH_MAX];
};

#endif

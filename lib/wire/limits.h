/* Hard caps on what crosses a trust boundary, each with its reason. */
#ifndef WIRE_LIMITS_H
#define WIRE_LIMITS_H

/* A manifest holds options and git configuration; 1 MiB is a thousand times a usual one. */
#define LIMIT_MANIFEST_BYTES (1024 * 1024)
/* argv of a headless command: the kernel's own limit for one string is 128 KiB (MAX_ARG_STRLEN). */
#define LIMIT_COMMAND_ARGUMENTS 4096
/* The list of files to copy: a million paths of 256 bytes. */
#define LIMIT_FILE_LIST_BYTES (256u * 1024 * 1024)
#define LIMIT_GIT_CONFIG_ENTRIES 1024
#define LIMIT_GIT_DIRECTORIES 256
/* Object directories that a repository borrows from: git itself gives up at five levels. */
#define LIMIT_ALTERNATES 16
#define LIMIT_SETUP_HOOKS 16
#define LIMIT_SUPPLEMENTARY_GROUPS 64
/* One argument: the kernel refuses a longer one in execve (MAX_ARG_STRLEN). */
#define LIMIT_ARGUMENT_BYTES (128 * 1024)
/* Variables for the agent's process: they travel in the service table with its command. */
#define LIMIT_VARIABLES_BYTES (8 * 1024)
#define LIMIT_VARIABLES 64
/* What configures an agent in a repository: settings, hooks, skills. A person is to read it. */
#define LIMIT_AGENT_CONFIG_FILES 1024
#define LIMIT_AGENT_CONFIG_BYTES (4u * 1024 * 1024)
/* The longest time a stop may take: an hour of pushing is a mistake, not a grace. */
#define LIMIT_STOP_GRACE_MS (60 * 60 * 1000)
/* Texts people read in lists and titles: names, labels, identities. */
#define LIMIT_LABEL_BYTES 1024
/* What names a key: the longest is a public key of RSA, 16,384 bits. */
#define LIMIT_SIGNING_KEY_BYTES 4095
/* A file of session state: a few paths and names. */
#define LIMIT_STATE_BYTES (1024 * 1024)
/* One frame of the root channel: larger than any event we write, smaller than the default socket
 * buffer. */
#define LIMIT_CHANNEL_FRAME_BYTES (64 * 1024)
/* One text in an event's fields, and one line of an audit log: a full frame, escaped, with its
 * frame of keys. */
#define LIMIT_EVENT_TEXT_BYTES (16 * 1024)
#define LIMIT_EVENT_LIST_ENTRIES 1024
#define LIMIT_AUDIT_LINE_BYTES (512 * 1024)
/* Events accepted per second from one container before they are counted instead of kept. */
#define LIMIT_EVENTS_PER_SECOND 200
#define LIMIT_EVENTS_BURST 2000
/* Events of one container that are kept, in bytes: a week of a busy session, and no full disk. */
#define LIMIT_EVENT_BYTES_PER_SESSION (256u * 1024 * 1024)
/* Exec events of one container that are kept, in bytes of the log: 700,000 commands. They have no
 * rate: a keeper that is behind makes the runner wait, and the runner its callers. Nested ones may
 * take three quarters. */
#define LIMIT_EXEC_BYTES_PER_SESSION (1024ull * 1024 * 1024)
#define LIMIT_NESTED_BYTES_PER_SESSION (LIMIT_EXEC_BYTES_PER_SESSION / 4 * 3)
/* Arguments in one exec event: as many empty ones as its bytes hold (TASK_ARGUMENTS_SHOWN). */
#define LIMIT_EXEC_ARGUMENTS 8192
/* Connections the root channel holds at once: boot, PID 1, shutdown, the task runner, one spare
 * each; and those that are kept for the host: the launcher, collect, and who approves or looks on.
 */
#define LIMIT_CHANNEL_CONNECTIONS 16
#define LIMIT_CHANNEL_HOST_CONNECTIONS 8
/* Bytes of objects one collection may bring to the host, unless the user raises it. */
#define LIMIT_COLLECT_BYTES (2ull * 1024 * 1024 * 1024)

#endif

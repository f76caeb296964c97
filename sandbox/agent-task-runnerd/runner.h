/* What the parts of the task runner do for each other. */
#ifndef RUNNERD_RUNNER_H
#define RUNNERD_RUNNER_H

#include "lib/base/error.h"
#include "sandbox/agent-task-runnerd/tables.h"

/* main.c: lets the tick run, at the latest in TICK_MS. */
void runner_expect(struct runner *self);
/* The policy is known for the first time. */
void runner_begin(struct runner *self);

/* service.c: PID 1, which started us: lib/wire/init_protocol.h. */

/* Finds the socket and what was stored: the listener or -1. 0 or -errno. */
int service_find(struct runner *runner, int *listener, struct error *err);
void service_tell(const struct runner *runner, const char *word);
/* Keeps FD (borrowed) under the name of the listener. 0 or -errno. */
int service_keep_listener(const struct runner *runner, int fd);
void service_forget_listener(const struct runner *runner);

/* listener.c: notifications. */
int listener_open_journal(struct runner *runner, struct error *err);
/* Takes the listener FD over and handles what an earlier runner owed. 0 or -errno. */
int listener_adopt(struct runner *runner, int fd);
/* True while the thread that the call's notification is about waits in it. */
bool listener_is_waiting(const struct call *call);
/* The call fails with ERROR (positive), or goes on as it is for 0. Nothing is owed any more. */
void listener_answer(struct call *call, int error);
void listener_restart(struct call *call);
void listener_continue(struct call *call);
struct seccomp_notif *listener_notification(const struct call *call);
/* What was owed to FROM is owed to TO. */
void listener_move(const struct call *from, const struct call *to);

/* calls.c: the table of trapped execs. */
struct call *calls_take(struct runner *runner, pid_t thread);
/* NULL when there is none in one of the states from FIRST to LAST. */
struct call *calls_find(struct runner *runner, pid_t thread, enum call_state first,
                        enum call_state last);
void calls_free(struct call *call);
pid_t calls_thread(const struct call *call);
void calls_rename(struct call *call, pid_t thread);
/* A notification lies in the call's journal entry: judges it. */
void calls_begin(struct call *call);
/* It goes on at DUE_NS. */
void calls_delay(struct call *call, uint64_t due_ns);
/* Patience that ended, events that are on record. */
void calls_on_tick(struct runner *runner, uint64_t now_ns);
void calls_on_recorded(struct runner *runner);
void calls_refuse(struct call *call, int error, const char *why);

/* resolve.c: what the kernel was asked to execute: its path, and the file it leads to. */

struct resolution {
    int error;       /* positive errno, the kernel's own; 0: it may be executed */
    const char *why; /* not NULL: it goes on record with this */
};

/* Fills uid, from, path and target. */
struct resolution resolve(struct call *call, const struct seccomp_notif *notification);
/* The program that PROCESS is an image of. 0 or -errno. */
int resolve_program(pid_t process, struct program *program);

/* redirect.c: from the answer to the new image. */
void redirect_begin(struct call *call);
/* The thread of a call made another one: true when that is the call that was set up. */
bool redirect_recognise(struct call *call, const struct seccomp_notif *notification);
void redirect_on_deadline(struct call *call);
void redirect_on_recorded(struct call *call);
/* Handles stops and ends of traced threads. */
void redirect_on_child(void *context, uint32_t events);

/* tickets.c: relays that have not connected yet. */
/* CALL's process is stopped in the image of the relay. 0 or -errno. */
int ticket_issue(struct call *call);
/* The ticket of the process at the other end of CLIENT, which must have come after it; NULL. */
struct call *ticket_find(struct client *client);
/* Ends the relay that has not connected for longest, when that is too long. */
void ticket_make_room(struct runner *runner);

/* direct.c: programs that may run outside a sandbox. */
bool direct_is_candidate(struct runner *runner, const struct call *call,
                         const struct seccomp_notif *notification);
/* PROCESS is stopped in a new image: the rule that it has the shape of, or NULL. Fills EVENT. */
const struct task_direct *direct_judge(struct call *call, pid_t process, struct exec_event *event,
                                       char arguments[TASK_ARGUMENTS_SHOWN]);

/* clients.c */
int clients_open(struct runner *runner, struct error *err);
void clients_free(struct client *client);
void clients_refuse(struct client *client, int error, const char *text);
/* The one that waits longest for PROFILE; NULL. */
struct client *clients_next(struct runner *runner, uint32_t profile);
size_t clients_count_queued(const struct runner *runner, uint32_t profile);
/* CLIENT, which a sandbox had, is watched for its end again. */
void clients_watch_again(struct client *client);
/* CLIENT waits for a sandbox of PROFILE. */
void clients_queue(struct client *client, uint32_t profile);
void clients_on_reloaded(struct runner *runner, int error, const char *text);
void clients_on_tick(struct runner *runner, uint64_t now_ns);

/* operators.c: what clients ask beside commands. */
void operator_serve(struct client *client, const struct task_request *request);
/* The client's socket has room again. */
void operator_continue(struct client *client);
/* ERROR is positive; 0 for success. */
void operator_answer(struct client *client, int error, const char *text);

/* pool.c */
void pool_connect(struct runner *runner);
/* Hands warm sandboxes to those who wait and asks for new ones. */
void pool_balance(struct runner *runner);
/* 0 or -errno. */
int pool_reload(struct runner *runner);

/* sandboxes.c */
struct sandbox *sandboxes_take(struct runner *runner, uint32_t profile);
void sandboxes_free(struct sandbox *sandbox);
struct sandbox *sandboxes_find(struct runner *runner, const char *id);
/* FDS (taken): its control socket and its init's pidfd. 0 or -errno. */
int sandboxes_on_made(struct sandbox *sandbox, const struct task_made *made, struct unix_fds *fds);
void sandboxes_start(struct sandbox *sandbox, struct client *client);
void sandboxes_kill(struct sandbox *sandbox);
/* TASK_STOP to all that have a command or what one left behind. */
void sandboxes_stop(struct runner *runner);
/* None of them has. */
bool sandboxes_are_idle(const struct runner *runner);
size_t sandboxes_count(const struct runner *runner, enum sandbox_state state, uint32_t profile);
void sandboxes_on_recorded(struct runner *runner);
void sandboxes_on_tick(struct runner *runner, uint64_t now_ns);
/* The client that SANDBOX was judging for is gone. */
void sandboxes_on_client_gone(const struct client *client);

/* verdict.c: what a sandbox says on its control socket. */
void verdict_on_control(void *context, uint32_t events);
/* Takes one message, if there is one: false when there is none, or no socket any more. */
bool verdict_receive(struct sandbox *sandbox);
void verdict_go(struct sandbox *sandbox);
/* Puts the end on record, once. */
void verdict_record_end(struct sandbox *sandbox, uint32_t wait_status);

/* logs.c: the output of detached commands. */
int log_open(struct sandbox *sandbox, int *write_end);
void log_close(struct sandbox *sandbox);
/* A descriptor of its own (owned by the caller), at the start, read-only; or -errno. */
int log_share(const struct sandbox *sandbox);

/* audit.c */
void audit_open(struct runner *runner);
/* Times, version and arguments are filled in. The event's number. */
uint64_t audit_record(struct runner *runner, struct exec_event *event, const char *arguments);
bool audit_is_sent(const struct runner *runner, uint64_t number);

/* confine.c: gives up what the runner does not need. */
int confine(struct error *err);

#endif

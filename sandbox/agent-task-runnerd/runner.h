/* What the parts of the task runner do for each other. */
#ifndef RUNNERD_RUNNER_H
#define RUNNERD_RUNNER_H

#include "lib/base/error.h"
#include "sandbox/agent-task-runnerd/tables.h"
#include "sandbox/exec-trap/message.h"
#include "sandbox/exec-trap/notice.h"

/* main.c: the time in MS from now; the tick looks at the latest in TICK_MS whether it has come. */
uint64_t runner_deadline(struct runner *self, uint64_t ms);
/* The same for a time that is known. */
void runner_expect(struct runner *self);
/* The policy is known for the first time. */
void runner_begin(struct runner *self);

/* listener.c: notifications. */
int listener_open_journal(struct runner *runner, struct error *err);
/* Takes the listener FD over and handles what an earlier runner owed. 0 or -errno. */
int listener_adopt(struct runner *runner, int fd);
/* Looks at the listener, or not: while the table or the record is full. */
void listener_pause(struct runner *runner);
/* True while the thread that the call's notification is about waits in it. */
bool listener_is_waiting(const struct call *call);
/* include/linux/errno.h of the kernel: the call is made again, whatever handlers say. */
#define ERESTARTNOINTR 513
/* The call fails with ERROR (positive), or goes on as it is for 0. Nothing is owed any more. */
void listener_answer(struct call *call, int error);
struct seccomp_notif *listener_notification(const struct call *call);
/* What was owed to FROM is owed to TO. */
void listener_move(const struct call *from, const struct call *to);

/* calls.c: the table of trapped execs. */
struct call *calls_take(struct runner *runner);
/* The next one after CALL (NULL: the first) in one of the states from FIRST to LAST; NULL. */
struct call *calls_next(struct runner *runner, const struct call *call, enum call_state first,
                        enum call_state last);
/* That of THREAD; NULL. */
struct call *calls_find(struct runner *runner, pid_t thread, enum call_state first,
                        enum call_state last);
void calls_free(struct call *call);
/* Answers what is owed with ERROR, and frees the row. */
void calls_end(struct call *call, int error);
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
/* Fills uid, from, path and target. 0, or a positive errno, the kernel's own; with *WHY when that
 * goes on record. */
int resolve(struct call *call, const struct seccomp_notif *notification, const char **why);
/* The program that PROCESS is an image of, or that lies at PATH; of inode 0 when there is none. */
struct program program_of_process(pid_t process);
struct program program_at(const char *path);
bool program_is_same(const struct program *one, const struct program *other);

/* seize.c, redirect.c: from the answer to the new image. */
void redirect_begin(struct call *call);
/* The thread of a call made another one: true when that is the call that was set up. */
bool redirect_recognise(struct call *call, const struct seccomp_notif *notification);
void redirect_on_deadline(struct call *call);
/* Lets the thread go, with SIGNAL (0: none). */
void redirect_release(struct call *call, int signal);
/* Handles stops and ends of traced threads. */
void redirect_on_child(void *context, uint32_t events);

/* tickets.c: relays that have not connected yet. */
/* CALL's process is stopped in the image of the relay. 0 or -errno. */
int ticket_issue(struct call *call);
/* The ticket of the process at the other end of CLIENT, which must have come after it; NULL. One
 * connection may claim it. */
struct call *ticket_find(struct client *client);
/* Ends the relay that has not connected for longest, when that is too long. */
void ticket_make_room(struct runner *runner);

/* direct.c: programs that may run outside a sandbox. */
bool direct_is_candidate(const struct call *call, const struct seccomp_notif *notification);
/* PROCESS is stopped in a new image: true when that has the shape of a rule. Fills EVENT. */
bool direct_judge(struct call *call, pid_t process, struct exec_event *event,
                  char arguments[TASK_ARGUMENTS_SHOWN]);

/* clients.c */
int clients_open(struct runner *runner, struct error *err);
void clients_free(struct client *client);
void clients_refuse(struct client *client, int error, const char *text);
/* Accepts those who are connected by now, as far as there is room. */
void clients_accept_waiting(struct runner *runner);
/* Answers with FD (borrowed; -1: none), or for a RESULT of -errno refuses and says WHY. */
void clients_answer(struct client *client, int result, const char *why, int fd);
/* The one that waits longest for PROFILE; NULL. *COUNT of them wait. */
struct client *clients_next(struct runner *runner, uint32_t profile, size_t *count);
/* CLIENT waits for a sandbox of PROFILE; only its end is looked for. */
void clients_queue(struct client *client, uint32_t profile);
/* The numbers of profiles are another policy's. */
void clients_on_configured(struct runner *runner);
void clients_on_tick(struct runner *runner, uint64_t now_ns);

/* operators.c: what clients ask beside commands. */
void operator_serve(struct client *client, const struct task_request *request);

/* pool.c */
/* CONTEXT is the runner: an event_loop_timer_callback. */
void pool_connect(void *context);
/* Hands warm sandboxes to those who wait and asks for new ones. */
void pool_balance(struct runner *runner);
/* Asks the service for what TYPE says; FD (borrowed; -1: none) goes with it. 0 or -errno. */
int pool_ask(const struct pool *pool, enum task_message type, int fd);
/* SANDBOX cannot serve anybody: told to who has it, or else to who waits longest for one. */
void pool_fail(struct sandbox *sandbox, int error, const char *text);

/* sandboxes.c */
struct sandbox *sandboxes_take(struct runner *runner, uint32_t profile);
void sandboxes_free(struct sandbox *sandbox);
struct sandbox *sandboxes_find(struct runner *runner, const char *id);
/* The next one after SANDBOX (NULL: the first) in one of the states from FIRST to LAST; NULL. */
struct sandbox *sandboxes_next(struct runner *runner, const struct sandbox *sandbox,
                               enum sandbox_state first, enum sandbox_state last);
/* Those in one of these states that serve commands of UID; of everybody for EVERY_UID. */
#define EVERY_UID ((uid_t)-1)
size_t sandboxes_count(struct runner *runner, uid_t uid, enum sandbox_state first,
                       enum sandbox_state last);
/* FDS (taken): its control socket and its init's pidfd. 0 or -errno. */
int sandboxes_on_made(struct sandbox *sandbox, const struct task_made *made, struct unix_fds *fds);
void sandboxes_start(struct sandbox *sandbox, struct client *client);
void sandboxes_kill(struct sandbox *sandbox);
/* What runs in it is told to end. 0 or -errno. */
int sandboxes_stop(const struct sandbox *sandbox);
void sandboxes_on_recorded(struct runner *runner);
void sandboxes_on_tick(struct runner *runner, uint64_t now_ns);

/* verdict.c: what a sandbox says on its control socket. */
void verdict_on_control(void *context, uint32_t events);
/* Takes one thing that it has said: false when there is none, or no socket any more. */
bool verdict_hear(struct sandbox *sandbox);
void verdict_go(struct sandbox *sandbox);
/* What an ask comes to, which goes on record as any verdict; as an answer says, or denied, and WHY.
 */
void verdict_answer(struct sandbox *sandbox, const struct exec_answer *answer);
void verdict_deny(struct sandbox *sandbox, const char *why);
/* Puts the end on record, once. */
void verdict_record_end(struct sandbox *sandbox, uint32_t wait_status);

/* audit.c */
void audit_open(struct runner *runner);
/* Times, version and arguments are filled in. The number of the event, which is on record when that
 * many are sent. */
uint64_t audit_record(struct runner *runner, struct exec_event *event, const char *arguments);
/* False while nothing that goes on record may be begun: the rest is for what a round of the loop
 * has begun already. Asked before each event of a series. */
bool audit_has_room(const struct runner *runner);

/* confine.c: gives up what the runner does not need, before it hears anybody. 0 or -errno. */
int confine(struct error *err);

#endif

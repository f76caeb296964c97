/*
 * The first process of a sandbox: serves one command, reaps all there is, and is its end. What its
 * parts share.
 */
#ifndef TASK_SANDBOX_INIT_H
#define TASK_SANDBOX_INIT_H

#include "lib/base/watch.h"
#include "sandbox/agent-task-sandbox/command.h"
#include "sandbox/agent-task-sandbox/nested.h"
#include "sandbox/agent-task-sandbox/settings.h"
#include "sandbox/agent-task-sandbox/task.h"
#include "sandbox/agent-task-sandbox/terminal.h"

/* The runner, the client, children, execs, the command's log. */
#define SOURCES 5

enum init_timer {
    TIMER_LINGER, /* what the command left behind has lived long enough */
    TIMER_STOP,   /* what was told to end has had its time */
    TIMER_COUNT
};

enum phase {
    PHASE_WARM,   /* waits for a command */
    PHASE_JUDGED, /* the verdict is out */
    PHASE_RUNNING,
    PHASE_ENDED,
    PHASE_LINGERING, /* the command has ended, what it left behind lives */
};

struct init {
    const struct settings *settings; /* borrowed */
    char id[TASK_ID_SIZE];
    enum phase phase;
    int control; /* owned */
    struct watch client;
    int children; /* owned; a signalfd */
    int log_source;
    bool is_stopping;
    struct task task;
    bool has_image;
    struct image image; /* has_image: what the task becomes */
    struct terminal terminal;
    struct command command;
    struct nested nested;
    struct event_loop loop;
    struct event_source sources[SOURCES];
    struct event_timer timers[TIMER_COUNT];
};

/*
 * init.c: confines the calling process, PID 1 of fresh namespaces, and serves the runner at CONTROL
 * (taken) until there is nothing more to do.
 */
void init_run(const struct settings *settings, int control, const char *id)
    __attribute__((noreturn));

/* Ends the sandbox: with this process the kernel kills everything inside. */
void init_end(void) __attribute__((noreturn));

/* The same before there is a verdict: the runner hears why, and tells who waits. */
void init_give_up(int control, const char *what, const struct error *err) __attribute__((noreturn));

/* The client is listened to from here on; its end is the end of the command. */
void init_watch_client(struct init *init);

/* What a detached command says is kept from here on. */
void init_watch_log(struct init *init);

/* Hears of children that stopped or ended; the end of the last one is that of the sandbox. */
void init_reap(struct init *init);

/* start.c: looks at what the command that was judged becomes, which can be done while the verdict
 * goes on record; what fails here is tried again, and told, when it starts. */
void init_expect_command(struct init *init);

/* Starts the command that was judged, or ends the sandbox after saying why not. */
void init_start_command(struct init *init);

/* Sends SIGNAL to the command's process group, if there is one. */
void init_signal_command(const struct init *init, uint32_t signal);

/*
 * TERM and CONT to everything inside, whatever group or session it is in; what lives after
 * TASK_STOP_GRACE_MS, counted from the first call, is killed. The sandbox ends with the last of it.
 */
void init_stop(struct init *init);

/* Watches FD; ends the sandbox when that cannot be. The source. */
int init_watch(struct init *init, int fd, event_loop_source_callback *callback);

/* control.c: what the runner says. An event_loop_source_callback. */
void control_on_runner(void *context, uint32_t events);

/* replies.c: what this process says. The runner reads, or the sandbox ends; the client need not. */
void reply_to_runner(const struct init *init, const void *data, size_t size);
void reply_to_client(struct init *init, const struct task_reply *reply, int fd);
/* Tells the client that the command cannot be run or must not be: TYPE, and why. */
void reply_refusal(struct init *init, uint32_t type, const char *text);
/* Gives the log to the client of another connection (borrowed). */
void reply_log(const struct init *init, int connection);
/* The verdict, and the beginning of argv. */
void reply_verdict(const struct init *init);
void reply_ended(const struct init *init, int wait_status);

#endif

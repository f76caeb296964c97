/*
 * A stage for a client of the task runner: a shell with job control above it, a terminal around it,
 * a sandbox behind its connection. All but the client are the test.
 */
#ifndef TESTS_TASK_STAGE_H
#define TESTS_TASK_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/wire/task_protocol.h"

#define STAGE_PATIENCE_MS 10000

struct stage {
    int sandbox;  /* our end of the connection */
    int outer;    /* the master of the client's terminal; -1 without */
    int master;   /* of the command's; handed over, and kept here until then */
    int command;  /* the command's side of it */
    int statuses; /* what the shell above the client saw, as waitpid told it */
    pid_t shell;
    pid_t client;
};

/* Starts shell and client, whose streams are the test's own without a terminal. */
void stage_begin(struct stage *stage, bool has_terminal);
/* Reaps the shell and closes everything. */
void stage_end(struct stage *stage);

/* Says REPLY as the sandbox, with FD (borrowed; -1: none). */
void stage_say(const struct stage *stage, const struct task_reply *reply, int fd);
void stage_say_started(struct stage *stage);
void stage_say_exited(const struct stage *stage, int wait_status);

/* The next change of the client that its shell saw, as waitpid(2) told it. */
int stage_next_status(const struct stage *stage);
/* The next signal that the client hands on; 0 when it says none. */
uint32_t stage_next_signal(const struct stage *stage);
/* Reads exactly SIZE bytes. */
void stage_read(int fd, void *data, size_t size);
void stage_wait_until_raw(const struct stage *stage, bool is_raw);

#endif

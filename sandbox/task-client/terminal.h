/* The client's own terminal while the command has one of its own: raw mode and back. */
#ifndef TASK_CLIENT_TERMINAL_H
#define TASK_CLIENT_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct task_terminal {
    int fd;      /* owned; a nonblocking description of its own where that was possible; -1: none */
    bool is_raw; /* and saved is what it was before */
    struct termios saved;
    struct termios raw;
};

/* Opens the first of the descriptors 0 to 2 that is a terminal; fd is -1 when none is. */
void task_terminal_open(struct task_terminal *terminal);

/* Leaves and closes it. */
void task_terminal_close(struct task_terminal *terminal);

/* True when the calling process may read it without being stopped for it. */
bool task_terminal_is_foreground(const struct task_terminal *terminal);

/* Raw mode, in the foreground; a job in the background leaves the terminal alone. */
void task_terminal_enter(struct task_terminal *terminal);

/* Puts back what enter found, unless somebody else has changed it since. */
void task_terminal_leave(struct task_terminal *terminal);

/* Gives MASTER (of the command's terminal) the size of this one. */
void task_terminal_copy_size(const struct task_terminal *terminal, int master);

#endif

/* Signals of a client: taken while its command runs, handed on, and obeyed with it. */
#ifndef TASK_CLIENT_SIGNALS_H
#define TASK_CLIENT_SIGNALS_H

#include <stdbool.h>
#include <sys/signalfd.h>

/*
 * Blocks every signal that was not blocked before and makes them readable. The signalfd (owned by
 * the caller) or -errno.
 */
int task_signals_take(void);

/* True for what the command has to hear of: all but word of the client's own children. */
bool task_signals_is_forwarded(const struct signalfd_siginfo *info);

/*
 * Stops this process as the command was stopped, with its process group when IS_GROUP and SIGNAL is
 * one that terminals send to groups. Returns when it was continued; at once where nobody could do
 * that (setpgid(2), orphaned process groups).
 */
void task_signals_stop(int signal, bool is_group);

/* Dies of SIGNAL without a core file; exits as a shell would say it if that cannot be. */
void task_signals_die(int signal) __attribute__((noreturn));

#endif

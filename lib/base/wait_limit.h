/*
 * No callback of a loop waits for what somebody else decides.
 *
 * Who serves untrusted peers closes descriptors that they chose, without a word in the program that
 * shows it: one that came with a message, those in messages that nobody read when a connection is
 * closed, those inside a socket that came; and up to Linux 6.8 any close of a local socket may
 * collect what others left in flight. The last close of a TCP socket with SO_LINGER and data that
 * nobody takes waits as long as its owner says. Neither SO_LINGER nor disconnecting on what was
 * received helps: whoever sent it can hold a copy and turn it back on, or send a socket that holds
 * it. But that wait ends with a signal (sk_stream_wait_close, and that of AF_VSOCK). So one comes
 * while a callback takes long; its handler does nothing.
 *
 * What no signal ends is the kernel's own work and has an end: freeing the memory of a memfd, or
 * the blocks of a file that has no name any more. Both are bounded by what the sender may have of
 * them. A pseudo-terminal and a pipe have nothing to wait for; FUSE and NFS ask whoever serves
 * them, who is the host.
 *
 * unix_socket_refuse_descriptors keeps them from being sent, where the kernel knows how.
 */
#ifndef BASE_WAIT_LIMIT_H
#define BASE_WAIT_LIMIT_H

#include <stdbool.h>

/*
 * From now on what is done between two waits of event_loop_run_once, in callbacks and after them,
 * does not wait for long itself. Calls that are interrupted there and not made again by the kernel
 * (poll(2), nanosleep(2), ioctls of a seccomp listener) fail with EINTR. Takes SIGRTMAX, which is
 * unblocked, and a timer; children have neither. With SHARES_SIGNAL a SIGRTMAX that somebody sends
 * can still be read from the caller's signalfd(2). 0 or -errno; -EAGAIN: no timer is to be had, and
 * nothing is limited.
 */
int wait_limit_open(bool shares_signal);

/* event_loop_run_once lifts it while it waits; so does who means to wait for somebody it trusts.
 * Without wait_limit_open nothing happens. */
void wait_limit_set(void);
void wait_limit_lift(void);

#endif

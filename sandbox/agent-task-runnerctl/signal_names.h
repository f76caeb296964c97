/* Signals by name or number, as kill(1) takes them. */
#ifndef RUNNERCTL_SIGNAL_NAMES_H
#define RUNNERCTL_SIGNAL_NAMES_H

/* The number for "TERM", "SIGTERM" or "15"; -1 for what is no signal. */
int signal_from_name(const char *name);

#endif

/*
 * The process that makes the sandboxes of one profile. It lives in their root, so a new sandbox is
 * one clone(2) of it; it keeps the policy it was forked with, so a reload makes new ones.
 */
#ifndef TASK_SANDBOX_MAKER_H
#define TASK_SANDBOX_MAKER_H

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/settings.h"

/*
 * Forks a maker with SETTINGS (borrowed; the maker has its own copy by the fork) and waits until it
 * has built its root. *SOCKET (owned by the caller) takes a struct task_make and the connection on
 * which to answer it with TASK_MADE or TASK_ERROR; closing it is the maker's end, not that of what
 * it made. 0 or -errno.
 */
int maker_start(const struct settings *settings, int *socket, struct error *err);

#endif

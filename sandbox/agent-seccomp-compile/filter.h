/* A seccomp filter as JSON, read strictly into a libseccomp context.
 * docs/man/agent-seccomp-compile.8. */
#ifndef AGENT_SECCOMP_COMPILE_FILTER_H
#define AGENT_SECCOMP_COMPILE_FILTER_H

#include <seccomp.h>

#include "lib/base/error.h"

#define FILTER_VERSION 1

/* A filter can be loaded in two parts, one before and one after something that needs what a rule
 * with "late" refuses. */
enum filter_part { FILTER_WHOLE, FILTER_EARLY, FILTER_LATE };

/*
 * Reads PART of the filter at PATH for the architecture this program was built for. *CONTEXT is
 * owned by the caller (seccomp_release). What the kernel would run under any other architecture
 * (i386 and x32 on x86_64) is killed. All of the file is checked, whatever PART is. 0, or -errno
 * with file, place and key in ERR.
 */
int filter_read(const char *path, enum filter_part part, scmp_filter_ctx *context,
                struct error *err);

#endif

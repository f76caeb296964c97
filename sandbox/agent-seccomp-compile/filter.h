/* A seccomp filter as JSON, read strictly into a libseccomp context.
 * docs/man/agent-seccomp-compile.8. */
#ifndef AGENT_SECCOMP_COMPILE_FILTER_H
#define AGENT_SECCOMP_COMPILE_FILTER_H

#include <seccomp.h>

#include "lib/base/error.h"

#define FILTER_VERSION 1

/*
 * Reads the filter at PATH for the architecture this program was built for. *CONTEXT is owned by
 * the caller (seccomp_release). What the kernel would run under any other architecture (i386 and
 * x32 on x86_64) is killed. 0, or -errno with file, place and key in ERR.
 */
int filter_read(const char *path, scmp_filter_ctx *context, struct error *err);

#endif

/* Loading a seccomp filter that was compiled ahead of time: no parser in the process that confines
 * itself. */
#ifndef BASE_SECCOMP_FILTER_H
#define BASE_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "lib/base/error.h"

/* Linux 5.19; not in the headers of every C library we build with. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* The kernel's own limit, BPF_MAXINSNS of linux/bpf_common.h. */
#define SECCOMP_FILTER_INSTRUCTIONS_MAX 4096

/*
 * Reads PATH, a raw array of struct sock_filter as seccomp_export_bpf(3) writes it. The
 * instructions of PROGRAM are owned by the caller (free). Anything odd about the file is an error:
 * the caller must not go on without the filter. 0 or -errno.
 */
int seccomp_filter_read(const char *path, struct sock_fprog *program, struct error *err);

/* Reads PATH and installs it on the calling thread, which needs no_new_privs or SYS_ADMIN. 0 or
 * -errno. */
int seccomp_filter_load(const char *path, struct error *err);

/*
 * Installs it likewise, with a listener for what it answers with SECCOMP_RET_USER_NOTIF; once the
 * listener has received a call, only a deadly signal interrupts it. The listener, close-on-exec and
 * owned by the caller, or -errno: -EBUSY when this process is below a filter with a listener
 * already, -EINVAL before Linux 5.19.
 */
int seccomp_filter_listen(const char *path, struct error *err);

/* The same with a program in memory (borrowed). The listener or -errno. */
int seccomp_filter_listen_to(const struct sock_fprog *program);

#endif

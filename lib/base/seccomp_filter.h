/* Loading a seccomp filter that was compiled ahead of time: no parser in the process that confines
 * itself. */
#ifndef BASE_SECCOMP_FILTER_H
#define BASE_SECCOMP_FILTER_H

#include "lib/base/error.h"

/* The kernel's own limit, BPF_MAXINSNS of linux/bpf_common.h. */
#define SECCOMP_FILTER_INSTRUCTIONS_MAX 4096

/*
 * Reads PATH, a raw array of struct sock_filter as seccomp_export_bpf(3) writes it, and installs it
 * on the calling thread (which needs no_new_privs or SYS_ADMIN). Anything odd about the file is an
 * error: the caller must not go on without the filter. 0 or -errno.
 */
int seccomp_filter_load(const char *path, struct error *err);

#endif

/* What a compiled seccomp filter says to a system call, without making it: for filters that are
 * changed on purpose, and for calls that nobody makes for fun. test_command_filter.c proves that
 * the kernel says the same. */
#ifndef TESTS_POLICIES_BPF_JUDGE_H
#define TESTS_POLICIES_BPF_JUDGE_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>

#include "lib/base/seccomp_filter.h"
#include "tests/unit/policies/expected_calls.h"

struct bpf_program {
    struct sock_filter code[SECCOMP_FILTER_INSTRUCTIONS_MAX];
    size_t length;
};

/* The program that CONTEXT is compiled to. Fails the test when it cannot be. */
void bpf_export(scmp_filter_ctx context, struct bpf_program *program);

/* The program in the file at PATH. Fails the test when it cannot be read. */
void bpf_read(const char *path, struct bpf_program *program);

/*
 * The answer to CALL on this machine's architecture: 0 when it is let through, else the errno;
 * ENOSYS for a call that a listener is told of, as the kernel answers where nobody listens; 1000
 * plus SIGSYS for one that kills. Fails the test at an instruction that libseccomp does not write.
 */
int bpf_judge(const struct bpf_program *program, const struct expected_call *call);

/* How many of the calls are answered otherwise than expected. */
size_t bpf_count_wrong(const struct bpf_program *program, const struct expected_calls *calls);

#endif

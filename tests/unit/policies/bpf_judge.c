/* Interprets the part of classic BPF that libseccomp writes. Linux,
 * Documentation/networking/filter.rst. */
#include "tests/unit/policies/bpf_judge.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"

#ifdef __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE AUDIT_ARCH_X86_64
#endif

static void read_program(int fd, struct bpf_program *program)
{
    ssize_t size = read(fd, program->code, sizeof(program->code));

    assert_true(size > 0 && (size_t)size % sizeof(program->code[0]) == 0);
    program->length = (size_t)size / sizeof(program->code[0]);
}

void bpf_export(scmp_filter_ctx context, struct bpf_program *program)
{
    cleanup_fd int fd = memfd_create("bpf", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(seccomp_export_bpf(context, fd), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    read_program(fd, program);
}

void bpf_read(const char *path, struct bpf_program *program)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    read_program(fd, program);
}

static bool jumps(const struct sock_filter *instruction, uint32_t word)
{
    switch (BPF_OP(instruction->code)) {
    case BPF_JEQ:
        return word == instruction->k;
    case BPF_JGT:
        return word > instruction->k;
    case BPF_JGE:
        return word >= instruction->k;
    case BPF_JSET:
        return (word & instruction->k) != 0;
    default:
        fail_msg("jump %#x is not known", instruction->code);
        return false;
    }
}

/* How many instructions are skipped after this one, which changes WORD. */
static size_t step(const struct sock_filter *instruction, const struct seccomp_data *data,
                   uint32_t *word)
{
    switch (instruction->code) {
    case BPF_LD | BPF_W | BPF_ABS:
        assert_true(instruction->k + sizeof(*word) <= sizeof(*data));
        memcpy(word, (const char *)data + instruction->k, sizeof(*word));
        return 0;
    case BPF_ALU | BPF_AND | BPF_K:
        *word &= instruction->k;
        return 0;
    case BPF_JMP | BPF_JA:
        return instruction->k;
    default:
        assert_int_equal(BPF_CLASS(instruction->code), BPF_JMP);
        return jumps(instruction, *word) ? instruction->jt : instruction->jf;
    }
}

/* The value of the RET that the program comes to. */
static uint32_t run(const struct bpf_program *program, const struct seccomp_data *data)
{
    uint32_t word = 0;

    for (size_t at = 0; at < program->length; at++) {
        if (program->code[at].code == (BPF_RET | BPF_K))
            return program->code[at].k;
        at += step(&program->code[at], data, &word);
    }
    fail_msg("the program ends nowhere");
    return SECCOMP_RET_KILL_PROCESS;
}

int bpf_judge(const struct bpf_program *program, const struct expected_call *call)
{
    struct seccomp_data data = {.nr = (int)call->number, .arch = ARCHITECTURE};

    for (size_t i = 0; i < ARRAY_LENGTH(call->arguments); i++)
        data.args[i] = call->arguments[i];
    uint32_t value = run(program, &data);
    switch (value & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
        return 0;
    case SECCOMP_RET_ERRNO:
        return (int)(value & SECCOMP_RET_DATA);
    case SECCOMP_RET_USER_NOTIF:
        return ENOSYS;
    default:
        return 1000 + SIGSYS;
    }
}

size_t bpf_count_wrong(const struct bpf_program *program, const struct expected_calls *calls)
{
    size_t wrong = 0;

    for (size_t i = 0; i < calls->count; i++)
        wrong += bpf_judge(program, &calls->calls[i]) != calls->calls[i].refusal;
    return wrong;
}

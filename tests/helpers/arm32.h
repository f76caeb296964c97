/* A program for 32-bit ARM, made here, since no compiler for it is at hand: what uses the second
 * system call table of an arm64 kernel, on a processor that has 32-bit code. */
#ifndef TESTS_HELPERS_ARM32_H
#define TESTS_HELPERS_ARM32_H

#include <elf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARM32_SAYS "the 32-bit table answered\n"
#define ARM32_PLACE 0x10000

/* clang-format off */
struct arm32_program {
    Elf32_Ehdr head;
    Elf32_Phdr segment;
    uint32_t code[8];
    char text[sizeof(ARM32_SAYS) - 1];
};

static const struct arm32_program arm32_program = {
    .head = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_ARM,
        .e_version = EV_CURRENT,
        .e_entry = ARM32_PLACE + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
        .e_phoff = sizeof(Elf32_Ehdr),
        .e_flags = EF_ARM_EABI_VER5,
        .e_ehsize = sizeof(Elf32_Ehdr),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = 1,
    },
    .segment = {
        .p_type = PT_LOAD,
        .p_vaddr = ARM32_PLACE,
        .p_filesz = sizeof(struct arm32_program),
        .p_memsz = sizeof(struct arm32_program),
        .p_flags = PF_R | PF_X,
        .p_align = 0x10000,
    },
    .code = {
        0xe3a00001,                            /* mov r0, #1 */
        0xe28f1014,                            /* add r1, pc, #20: the text */
        0xe3a02000 | (sizeof(ARM32_SAYS) - 1), /* mov r2, #length */
        0xe3a07004,                            /* mov r7, #4: write */
        0xef000000,                            /* svc #0 */
        0xe3a00000,                            /* mov r0, #0 */
        0xe3a07001,                            /* mov r7, #1: exit */
        0xef000000,                            /* svc #0 */
    },
    .text = {"the 32-bit table answered\n"},
};
/* clang-format on */

/* Becomes that program. Comes back with -1 and errno; ENOEXEC: there is no 32-bit code here. */
static inline int arm32_execute(void)
{
    char name[] = "arm32";
    char *const arguments[] = {name, NULL};
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0 || write(fd, &arm32_program, sizeof(arm32_program)) != sizeof(arm32_program))
        return -1;
    return fexecve(fd, arguments, environ);
}

#endif

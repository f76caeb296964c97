/*
 * Makes calls of the 32-bit system call table: a filter that knows one table only must not let them
 * by. Exits with 0 when they were answered, with 3 when this machine has no such table.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __x86_64__
#define GETPID_OF_32_BIT 20

/* Where the kernel has no gate at this number, as below some hypervisors, the instruction faults:
 * arch/x86/kernel/idt.c. */
static void fault(int unused)
{
    (void)unused;
    _exit(3);
}

int main(void)
{
    long result = GETPID_OF_32_BIT;
    if (signal(SIGSEGV, fault) == SIG_ERR)
        return 1;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result == getpid() ? puts("the 32-bit table answered") < 0 : 1;
}
#else
#include "tests/helpers/arm32.h"

int main(void)
{
    arm32_execute();
    return errno == ENOEXEC ? 3 : 1;
}
#endif

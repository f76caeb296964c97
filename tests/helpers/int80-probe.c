/* Calls getpid through the 32-bit system call table: a filter that knows one table only must not
 * let it by. */
#include <stdio.h>
#include <unistd.h>

#define GETPID_OF_32_BIT 20

int main(void)
{
#ifdef __x86_64__
    long result = GETPID_OF_32_BIT;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    if (result == getpid())
        return puts("the 32-bit table answered") < 0;
#endif
    return 1;
}

/*
 * Fuzzes the argument list of a process that stands still and lies: its memory is the input, again
 * and again, so that every pointer leads somewhere, but for the pages of a set, of which one in
 * sixteen always is: nothing is endless. What is read is what one who reads byte by byte finds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/foreign.h"
#include "tests/fuzz/fuzz.h"

#define PAGE 4096u
#define HEADER sizeof(uint64_t)

static const uint8_t *memory;
static size_t memory_size;
static uint64_t holes; /* a bit for every page, of each 16 */

static int byte_at(uint64_t address)
{
    if ((holes >> (address / PAGE % 16) & 1) != 0)
        return -EFAULT;
    return memory[address % memory_size];
}

/* In place of the C library's: process_vm_readv(2), which stops where a part is not there. */
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
                         const struct iovec *remote, unsigned long remote_count,
                         unsigned long flags)
{
    ssize_t total = 0;

    (void)pid;
    (void)flags;
    fuzz_require(local_count == remote_count);
    for (unsigned long i = 0; i < local_count; i++) {
        uint64_t address = (uintptr_t)remote[i].iov_base;

        fuzz_require(local[i].iov_len == remote[i].iov_len);
        for (size_t at = 0; at < local[i].iov_len; at++, total++) {
            int byte = byte_at(address + at);

            if (byte < 0 && total == 0)
                errno = EFAULT;
            if (byte < 0)
                return total > 0 ? total : -1;
            ((uint8_t *)local[i].iov_base)[at] = (uint8_t)byte;
        }
    }
    return total;
}

static int read_pointer(uint64_t address, uint64_t *pointer)
{
    *pointer = 0;
    for (unsigned int i = 0; i < sizeof(*pointer); i++) {
        int byte = byte_at(address + i);

        if (byte < 0)
            return byte;
        *pointer |= (uint64_t)byte << (8 * i);
    }
    return 0;
}

static int count_pointers(uint64_t address, size_t *count)
{
    for (*count = 0; *count <= FOREIGN_ARGUMENTS_MAX; (*count)++) {
        uint64_t pointer;
        int result = read_pointer(address + *count * sizeof(pointer), &pointer);

        if (result < 0 || pointer == 0)
            return result;
    }
    return -E2BIG;
}

/* What is to come of it, with the strings in TEXT. */
static int read_slowly(uint64_t address, size_t *count, char *text, size_t *used)
{
    int result = count_pointers(address, count);

    *used = 0;
    for (size_t i = 0; i < *count && result == 0; i++) {
        uint64_t pointer;
        int byte = 1;

        (void)read_pointer(address + i * sizeof(pointer), &pointer);
        for (; byte > 0; pointer++) {
            if (*used == FOREIGN_BYTES_MAX)
                return -E2BIG;
            byte = byte_at(pointer);
            if (byte < 0)
                return byte;
            text[(*used)++] = (char)byte;
        }
    }
    return result;
}

static void compare(const struct foreign_list *list, size_t count, const char *text, size_t used)
{
    fuzz_require(list->count == count && list->size == used);
    fuzz_require(memcmp(list->bytes, text, used) == 0 && list->items[count] == NULL);
    for (size_t i = 0; i < count; i++)
        fuzz_require(list->items[i] ==
                     (i == 0 ? list->bytes : list->items[i - 1] + strlen(list->items[i - 1]) + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct foreign_list list;
    uint64_t address;
    size_t count;
    size_t used;

    if (size < HEADER + sizeof(address) + 1)
        return 0;
    cleanup_free char *text = malloc(FOREIGN_BYTES_MAX);
    if (text == NULL)
        return 0;
    memcpy(&holes, data, sizeof(holes));
    holes |= UINT64_C(1) << 15;
    memcpy(&address, data + HEADER, sizeof(address));
    memory = data + HEADER + sizeof(address);
    memory_size = size - HEADER - sizeof(address);
    address |= 1; /* 0 is the empty list */
    foreign_list_begin(&list);
    int result = foreign_read_list(1, address, &list);
    int expected = read_slowly(address, &count, text, &used);

    fuzz_require(result == expected);
    if (result == 0)
        compare(&list, count, text, used);
    else
        fuzz_require(list.count == 0 && list.items[0] == NULL);
    foreign_list_free(&list);
    return 0;
}

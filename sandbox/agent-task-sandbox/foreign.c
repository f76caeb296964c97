/* Reads another process's memory, page by page where the end is not known. */
#include "sandbox/agent-task-sandbox/foreign.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/base/cleanup.h"

#define PAGE 4096u
/* Most arguments are shorter; those that are not are read again. */
#define FIRST_GUESS 128
#define BATCH 32

/* Bytes from ADDRESS to the end of its page, at most SIZE: what is there is there as a whole. */
static size_t page_rest(uint64_t address, size_t size)
{
    size_t rest = PAGE - (size_t)(address % PAGE);

    return rest < size ? rest : size;
}

static ssize_t read_some(pid_t pid, uint64_t address, void *data, size_t size)
{
    struct iovec local = {.iov_base = data, .iov_len = size};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t count = process_vm_readv(pid, &local, 1, &remote, 1, 0);

    return count < 0 ? -errno : count;
}

int foreign_read_string(pid_t pid, uint64_t address, char *text, size_t size)
{
    size_t used = 0;

    while (used < size) {
        size_t wanted = page_rest(address + used, size - used);
        ssize_t count = read_some(pid, address + used, text + used, wanted);

        if (count <= 0)
            return count < 0 ? (int)count : -EFAULT;
        if (memchr(text + used, '\0', (size_t)count) != NULL)
            return 0;
        used += (size_t)count;
    }
    return -ENAMETOOLONG;
}

/* The pointers up to the NULL. Their number or -errno. */
static ssize_t read_pointers(pid_t pid, uint64_t address, uint64_t *pointers)
{
    size_t count = 0;

    while (count < FOREIGN_ARGUMENTS_MAX) {
        size_t left = (FOREIGN_ARGUMENTS_MAX - count) * sizeof(*pointers);
        uint64_t at = address + count * sizeof(*pointers);
        ssize_t bytes = read_some(pid, at, pointers + count, page_rest(at, left));

        if (bytes < (ssize_t)sizeof(*pointers))
            return bytes < 0 ? bytes : -EFAULT;
        for (size_t end = count + (size_t)bytes / sizeof(*pointers); count < end; count++) {
            if (pointers[count] == 0)
                return (ssize_t)count;
        }
    }
    return (ssize_t)count;
}

/* The start of each of COUNT strings, with one call. Those it did not reach stay empty. */
static void guess(pid_t pid, const uint64_t *pointers, size_t count,
                  char starts[BATCH][FIRST_GUESS + 1])
{
    struct iovec local[BATCH];
    struct iovec remote[BATCH];

    for (size_t i = 0; i < count; i++) {
        size_t size = page_rest(pointers[i], FIRST_GUESS);

        memset(starts[i], 0xff, FIRST_GUESS);
        starts[i][FIRST_GUESS] = '\0';
        local[i] = (struct iovec){.iov_base = starts[i], .iov_len = size};
        remote[i] = (struct iovec){.iov_base = (void *)(uintptr_t)pointers[i], .iov_len = size};
    }
    (void)process_vm_readv(pid, local, count, remote, count, 0);
}

/* False when LIST is full. */
static int add(pid_t pid, struct foreign_list *list, uint64_t address, const char *start)
{
    char *text = list->bytes + list->size;
    size_t room = sizeof(list->bytes) - list->size;
    const char *nul = memchr(start, '\0', FIRST_GUESS);
    int result = 0;

    if (nul != NULL && (size_t)(nul - start) < room)
        memcpy(text, start, (size_t)(nul - start) + 1);
    else
        result = foreign_read_string(pid, address, text, room);
    if (result < 0)
        return result;
    list->items[list->count++] = text;
    list->size += strlen(text) + 1;
    return 0;
}

int foreign_read_list(pid_t pid, uint64_t address, struct foreign_list *list)
{
    uint64_t pointers[FOREIGN_ARGUMENTS_MAX];
    char starts[BATCH][FIRST_GUESS + 1];
    ssize_t count = address == 0 ? 0 : read_pointers(pid, address, pointers);
    int result = 0;

    list->count = 0;
    list->size = 0;
    if (count < 0)
        return (int)count;
    for (size_t i = 0; i < (size_t)count && result == 0; i++) {
        size_t left = (size_t)count - i;

        if (i % BATCH == 0)
            guess(pid, pointers + i, left < BATCH ? left : BATCH, starts);
        result = add(pid, list, pointers[i], starts[i % BATCH]);
    }
    list->items[list->count] = NULL;
    return result == -ENAMETOOLONG ? 0 : result;
}

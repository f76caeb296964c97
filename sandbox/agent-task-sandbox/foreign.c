/* Reads another process's memory, page by page where the end is not known. */
#include "sandbox/agent-task-sandbox/foreign.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "lib/base/cleanup.h"
#include "lib/base/other_process.h"

#define PAGE 4096u
/* Most arguments are shorter; those that are not are read again. */
#define FIRST_GUESS 128
#define BATCH 32

#define ITEMS_SIZE ((FOREIGN_ARGUMENTS_MAX + 1) * sizeof(const char *))
#define ROOM_SIZE (ITEMS_SIZE + FOREIGN_BYTES_MAX)

/* Pointers are read to where those into the list will be. */
_Static_assert(sizeof(const char *) == sizeof(uint64_t), "pointers of 64 bits");

/* How much a list may take up. */
struct bounds {
    size_t items; /* the NULL at the end included */
    size_t bytes;
};

/* Bytes from ADDRESS to the end of its page, at most SIZE: what is there is there as a whole. */
static size_t page_rest(uint64_t address, size_t size)
{
    size_t rest = PAGE - (size_t)(address % PAGE);

    return rest < size ? rest : size;
}

/* The pointers up to the NULL, whose address need not be a multiple of anything. */
static int read_pointers(pid_t pid, uint64_t address, struct foreign_list *list, size_t items)
{
    char *bytes = (char *)list->items;
    size_t size = items * sizeof(*list->items);
    size_t used = 0;

    for (list->count = 0; used < size;) {
        size_t part = page_rest(address + used, size - used);
        int result = other_process_read(pid, address + used, bytes + used, part);

        if (result < 0)
            return result;
        used += part;
        for (; list->count < used / sizeof(*list->items); list->count++) {
            if (list->items[list->count] == NULL)
                return 0;
        }
    }
    return -E2BIG;
}

/* The start of each of COUNT strings, with one call. Those it did not reach have no end. */
static void guess(pid_t pid, const uint64_t *pointers, size_t count,
                  char starts[BATCH][FIRST_GUESS])
{
    struct iovec local[BATCH];
    struct iovec remote[BATCH];

    for (size_t i = 0; i < count; i++) {
        size_t size = page_rest(pointers[i], FIRST_GUESS);

        memset(starts[i], 0xff, FIRST_GUESS);
        local[i] = (struct iovec){.iov_base = starts[i], .iov_len = size};
        remote[i] = (struct iovec){.iov_base = (void *)(uintptr_t)pointers[i], .iov_len = size};
    }
    (void)process_vm_readv(pid, local, count, remote, count, 0);
}

/* Item I, whose string begins at ADDRESS with START. */
static int add(pid_t pid, struct foreign_list *list, size_t i, uint64_t address, const char *start,
               size_t room)
{
    char *text = list->bytes + list->size;
    const char *nul = memchr(start, '\0', FIRST_GUESS);
    int result = 0;

    if (nul != NULL && (size_t)(nul - start) < room)
        memcpy(text, start, (size_t)(nul - start) + 1);
    else
        result = other_process_read_string(pid, address, text, room);
    if (result < 0)
        return result == -ENAMETOOLONG ? -E2BIG : result;
    list->items[i] = text;
    list->size += strlen(text) + 1;
    return 0;
}

static int read_strings(pid_t pid, struct foreign_list *list, size_t bytes)
{
    uint64_t pointers[BATCH];
    char starts[BATCH][FIRST_GUESS];
    int result = 0;

    for (size_t i = 0; i < list->count && result == 0; i++) {
        if (i % BATCH == 0) {
            size_t left = list->count - i < BATCH ? list->count - i : BATCH;

            memcpy(pointers, list->items + i, left * sizeof(*pointers));
            guess(pid, pointers, left, starts);
        }
        result = add(pid, list, i, pointers[i % BATCH], starts[i % BATCH], bytes - list->size);
    }
    return result;
}

static int read_within(pid_t pid, uint64_t address, struct foreign_list *list,
                       const struct bounds *bounds)
{
    int result = read_pointers(pid, address, list, bounds->items);

    list->size = 0;
    return result < 0 ? result : read_strings(pid, list, bounds->bytes);
}

void foreign_list_begin(struct foreign_list *list)
{
    list->room = NULL;
    list->items = list->few_items;
    list->bytes = list->few_bytes;
    list->count = list->size = 0;
    list->items[0] = NULL;
}

static int make_room(struct foreign_list *list)
{
    void *room = mmap(NULL, ROOM_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED)
        return -errno;
    list->room = room;
    list->items = room;
    list->bytes = (char *)room + ITEMS_SIZE;
    return 0;
}

int foreign_read_list(pid_t pid, uint64_t address, struct foreign_list *list)
{
    static const struct bounds few = {FOREIGN_ARGUMENTS_FEW + 1, FOREIGN_BYTES_FEW};
    static const struct bounds all = {FOREIGN_ARGUMENTS_MAX + 1, FOREIGN_BYTES_MAX};
    int result = 0;

    if (address != 0)
        result = read_within(pid, address, list, &few);
    if (result == -E2BIG) {
        result = make_room(list);
        if (result == 0)
            result = read_within(pid, address, list, &all);
    }
    if (result < 0)
        list->count = list->size = 0;
    list->items[list->count] = NULL;
    return result;
}

void foreign_list_free(struct foreign_list *list)
{
    if (list->room != NULL)
        munmap(list->room, ROOM_SIZE);
    foreign_list_begin(list);
}

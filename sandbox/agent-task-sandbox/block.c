/* Checks the seals of a block, maps it, and finds its strings. */
#include "sandbox/agent-task-sandbox/block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Nothing that was looked at can become something else. */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Takes COUNT strings off *REST, which ends at END. False when there are fewer. */
static bool take_strings(const char **rest, const char *end, char **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *nul = memchr(*rest, '\0', (size_t)(end - *rest));

        if (nul == NULL)
            return false;
        list[i] = (char *)(uintptr_t)*rest; /* execve(2) wants it so, and does not write */
        *rest = nul + 1;
    }
    list[count] = NULL;
    return true;
}

static bool take_all(struct block *block, const struct task_run *run)
{
    const char *rest = block->data;
    const char *end = block->data + block->size;
    char *directory[2];

    if (!take_strings(&rest, end, block->arguments, run->argument_count))
        return false;
    block->arguments_size = (size_t)(rest - block->data);
    if (!take_strings(&rest, end, block->environment, run->environment_count) ||
        !take_strings(&rest, end, directory, 1))
        return false;
    block->directory = directory[0];
    return rest == end && (directory[0][0] == '/' || directory[0][0] == '\0');
}

int block_parse(const char *data, size_t size, const struct task_run *run, struct block *block)
{
    struct block found = {.data = data, .size = size};
    int result = 0;

    if (run->argument_count == 0 || run->argument_count > TASK_STRINGS_MAX ||
        run->environment_count > TASK_STRINGS_MAX)
        return -EINVAL;
    found.arguments = calloc((size_t)run->argument_count + 1, sizeof(char *));
    found.environment = calloc((size_t)run->environment_count + 1, sizeof(char *));
    if (found.arguments == NULL || found.environment == NULL)
        result = -ENOMEM;
    else if (!take_all(&found, run))
        result = -EINVAL;
    if (result < 0) {
        free(found.arguments);
        free(found.environment);
        return result;
    }
    *block = found;
    return 0;
}

int block_map(int fd, const struct task_run *run, struct block *block)
{
    struct stat status;
    void *data;
    int seals;
    int result;

    if (run->block_size == 0 || run->block_size > TASK_BLOCK_MAX)
        return -E2BIG;
    seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &status) < 0 ||
        status.st_size != (off_t)run->block_size)
        return -EINVAL;
    data = mmap(NULL, run->block_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        return -ENOMEM;
    result = block_parse(data, run->block_size, run, block);
    if (result < 0)
        munmap(data, run->block_size);
    return result;
}

void block_free(struct block *block)
{
    free(block->arguments);
    free(block->environment);
    *block = (struct block){0};
}

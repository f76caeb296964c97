/* Fuzzes what takes a client's block apart: whatever the bytes and counts, the strings lie inside
 * and there are as many as were counted. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/agent-task-sandbox/block.h"
#include "tests/fuzz/fuzz.h"

/* Counts of one byte each, so that the fuzzer meets matching ones. */
#define HEADER 2

static void check_list(char *const *list, uint32_t count, const char **rest)
{
    for (uint32_t i = 0; i < count; i++) {
        fuzz_require(list[i] == *rest);
        *rest += strlen(*rest) + 1;
    }
    fuzz_require(list[count] == NULL);
}

static void check(const struct block *block, const struct task_run *run)
{
    const char *rest = block->data;

    check_list(block->arguments, run->argument_count, &rest);
    fuzz_require((size_t)(rest - block->data) == block->arguments_size);
    check_list(block->environment, run->environment_count, &rest);
    fuzz_require(block->directory == rest);
    fuzz_require(rest + strlen(rest) + 1 == block->data + block->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block block = {0};
    struct task_run run;
    char *copy;

    if (size < HEADER)
        return 0;
    run = (struct task_run){.argument_count = data[0], .environment_count = data[1]};
    size -= HEADER;
    /* Exactly as long, so that the sanitizer sees a byte too many. */
    copy = malloc(size == 0 ? 1 : size);
    fuzz_require(copy != NULL);
    memcpy(copy, data + HEADER, size);
    if (block_parse(copy, size, &run, &block) == 0) {
        check(&block, &run);
        block_free(&block);
    }
    free(copy);
    return 0;
}

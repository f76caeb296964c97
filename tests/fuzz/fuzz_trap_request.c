/* Fuzzes the first message of a client of the task runner. */
#include <string.h>

#include "sandbox/exec-trap/request.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union request request = {.header = {.version = 0}};
    if (size == 0 || size > sizeof(request))
        return 0;
    size_t fds = data[0] % 9;
    memcpy(&request, data + 1, size - 1);
    if (request_check(&request, size - 1, fds) < 0)
        return 0;
    fuzz_require(request.header.version == TASK_PROTOCOL_VERSION && fds <= 5);
    if (request.header.type == TASK_RUN)
        fuzz_require(request.run.block_size <= TASK_BLOCK_MAX && request.run.stream_mask <= 7 &&
                     request.run.argument_count < request.run.block_size);
    else
        fuzz_require(strlen(request.other.id) < sizeof(request.other.id));
    return 0;
}

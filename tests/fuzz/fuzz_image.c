/* Fuzzes what an image says of the programs that may redeem in it: only a line of theirs counts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/host/engine.h"
#include "tests/fuzz/fuzz.h"

#define PROGRAM "/usr/libexec/coding-agents/prepare-claude-secrets"

static const uint8_t *said;
static size_t said_size;

/* The engine's answer, which the image wrote. */
int engine_run(const char *const *arguments, unsigned int timeout_ms, struct process_result *result,
               struct error *err)
{
    (void)arguments;
    (void)timeout_ms;
    char *output = malloc(said_size + 1);
    if (output == NULL)
        return error_set(err, ENOMEM, "make room");
    if (said_size > 0)
        memcpy(output, said, said_size);
    output[said_size] = '\0';
    *result = (struct process_result){.output = output, .output_size = said_size};
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t digest[CAPABILITY_DIGEST_BYTES];
    struct error err = ERROR_INITIALIZER;
    said = data;
    said_size = size;
    if (image_program_digest("name:tag", PROGRAM, digest, &err) < 0) {
        fuzz_require(err.message[0] != '\0');
        return 0;
    }
    fuzz_require(memmem(data, size, "  " PROGRAM, strlen(PROGRAM) + 2) != NULL);
    return 0;
}

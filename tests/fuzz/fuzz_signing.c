/* Fuzzes a message to or from the signer, and a public key of ssh as a user's file has it. */
#include <string.h>

#include "lib/host/signing_config.h"
#include "lib/wire/signing.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signing_message message = {.payload = NULL};
    struct error err = ERROR_INITIALIZER;
    char key[SIGNING_KEY_BYTES];
    if (signing_config_parse_key((const char *)data, size, key) == 0)
        fuzz_require(strlen(key) <= size && memcmp(key, data, strlen(key)) == 0 &&
                     strchr(key, ' ') == strrchr(key, ' '));
    if (signing_parse(data, size, &message, &err) < 0) {
        fuzz_require(err.message[0] != '\0' && message.payload == NULL);
        return 0;
    }
    fuzz_require(message.type > 0 && message.type < SIGNING_TYPE_COUNT);
    fuzz_require((const uint8_t *)message.tail + message.tail_size == data + size);
    fuzz_require(size <= SIGNING_MESSAGE_MAX);
    return 0;
}

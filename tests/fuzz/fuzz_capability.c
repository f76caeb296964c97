/* Fuzzes a capability as the broker reads it: what is read is written again, byte for byte, but for
 * the signature. */
#include <string.h>

#include "lib/wire/capability.h"
#include "tests/fuzz/fuzz.h"

#define SIGNATURE_BYTES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[CAPABILITY_SIGNING_KEY_BYTES];
    struct capability capability;
    struct error err = ERROR_INITIALIZER;
    uint8_t again[CAPABILITY_SIZE];
    if (capability_parse(data, size, &capability, &err) < 0) {
        fuzz_require(err.message[0] != '\0');
        return 0;
    }
    fuzz_require(size == CAPABILITY_SIZE);
    fuzz_require(memchr(capability.stub, '\0', sizeof(capability.stub)) != NULL);
    fuzz_require(capability_sign(&capability, key, again) == 0);
    fuzz_require(memcmp(again, data, CAPABILITY_SIZE - SIGNATURE_BYTES) == 0);
    return 0;
}

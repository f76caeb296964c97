/* Fuzzes a message to or from the broker, and what a holder finds when it has decrypted a grant. */
#include "lib/wire/redeem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redeem_message message = {.payload = NULL};
    struct redeem_secret head;
    struct error err = ERROR_INITIALIZER;
    if (redeem_read_secret(data, size, &head) == 0)
        fuzz_require(head.size + sizeof(head) == size);
    if (redeem_parse(data, size, &message, &err) < 0) {
        fuzz_require(err.message[0] != '\0' && message.payload == NULL);
        return 0;
    }
    fuzz_require(message.type > 0 && message.type < REDEEM_TYPE_COUNT);
    fuzz_require((const uint8_t *)message.payload + message.size == data + size);
    fuzz_require(size <= REDEEM_MESSAGE_MAX);
    return 0;
}

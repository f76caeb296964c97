/* Fuzzes the verification of an audit log: lines are checked in order, and what is accepted moves
 * the chain on. */
#include <string.h>

#include "lib/wire/audit.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_chain chain = {.count = 0};
    const char *text = (const char *)data;
    for (size_t start = 0; start < size;) {
        struct error err = ERROR_INITIALIZER;
        struct audit_chain before = chain;
        const char *newline = memchr(text + start, '\n', size - start);
        size_t length = newline != NULL ? (size_t)(newline - text) + 1 - start : size - start;
        if (audit_chain_check(&chain, text + start, length, &err) < 0) {
            fuzz_require(err.message[0] != '\0' && chain.count == before.count);
            return 0;
        }
        fuzz_require(chain.count == before.count + 1);
        fuzz_require(chain.is_closed || !before.is_closed);
        fuzz_require(strcmp(chain.previous, before.previous) != 0);
        start += length;
    }
    return 0;
}

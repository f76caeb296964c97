/* Fuzzes the manifest: what is accepted renders to one form, which is accepted again and renders
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/limits.h"
#include "lib/wire/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest *first = NULL;
    struct manifest *second = NULL;
    struct error err = ERROR_INITIALIZER;
    char *text = NULL;
    char *again = NULL;
    size_t text_size = 0, again_size = 0;
    if (manifest_parse((const char *)data, size, &first, &err) < 0) {
        fuzz_require(first == NULL && err.number != 0 && err.message[0] != '\0');
        return 0;
    }
    fuzz_require(manifest_is_session_id(first->session) && manifest_is_branch(first->branch));
    /* Escapes and base64 can make the canonical form a little longer than the input was. */
    if (manifest_render(first, &text, &text_size, &err) == 0) {
        fuzz_require(manifest_parse(text, text_size, &second, &err) == 0);
        fuzz_require(manifest_render(second, &again, &again_size, &err) == 0);
        fuzz_require(text_size == again_size && memcmp(text, again, text_size) == 0);
    } else {
        fuzz_require(size > LIMIT_MANIFEST_BYTES / 8);
    }
    manifest_free(first);
    manifest_free(second);
    free(text);
    free(again);
    return 0;
}

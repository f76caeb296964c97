/* Fuzzes the path of an exec as the task runner reads it out of its caller. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "sandbox/exec-trap/path_text.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct path_text text = {.rest = NULL};
    cleanup_free char *path = malloc(size + 1);
    if (path == NULL)
        return 0;
    memcpy(path, data, size);
    path[size] = '\0';
    path_text_parse(path, &text);
    /* What follows is a part of the path, to its end, and nothing that starts at the root. */
    fuzz_require(text.rest >= path && text.rest + strlen(text.rest) == path + strlen(path));
    fuzz_require(text.base >= PATH_BASE_ROOT && text.base <= PATH_BASE_DESCRIPTOR);
    fuzz_require(text.base != PATH_BASE_DESCRIPTOR || text.descriptor >= 0);
    fuzz_require((path[0] != '/') == (text.base == PATH_BASE_DIRECTORY));
    return 0;
}

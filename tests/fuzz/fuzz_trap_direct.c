/* Fuzzes a direct rule and the strings of a new image that are held against it. */
#include <string.h>

#include "sandbox/exec-trap/direct_match.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct task_direct rule;
    if (size < sizeof(rule))
        return 0;
    memcpy(&rule, data, sizeof(rule));
    if (!direct_is_sound(&rule))
        return 0;
    const char *rest = (const char *)data + sizeof(rule);
    size_t half = (size - sizeof(rule)) / 2;
    const struct direct_strings arguments = {.data = rest, .size = half};
    struct direct_strings environment = {.data = rest + half, .size = half};
    bool is_match = direct_matches(&rule, &arguments, &environment);
    /* What nobody has read is no part of what matches. */
    environment.is_cut = true;
    if (is_match)
        fuzz_require(!direct_matches(&rule, &arguments, &environment));
    return 0;
}

/* What every fuzz target defines: libFuzzer calls it, and so does replay.c. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
static inline void fuzz_require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

#endif

/* Both ends of a mux in one process, over real pipes, with callers and who serves them. */
#ifndef TESTS_BASE_MUX_STAGE_H
#define TESTS_BASE_MUX_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mux.h"

#define PACKETS 0u
#define STREAM 1u
#define MOST 8u
#define ROUNDS 20000
#define CALLERS 1000

/* Both ends, and what the one that does not open was asked for. */
struct stage {
    char directory[64];
    int up[2];
    int down[2];
    struct mux *near; /* takes connections */
    struct mux *far;
    int served[CALLERS]; /* owned; what the far end made, in order */
    struct mux_caller callers[CALLERS];
    size_t count;
    bool refuses;
};

#define STAGE_TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
int stage_set_up(void **state);
int stage_tear_down(void **state);

/* Both ends have COUNT turns. */
void stage_turn(struct stage *stage, int count);
/* A caller of SERVICE (owned by the caller), or -1. */
int stage_call(unsigned int service);
/* The same once it is served, and who serves it (borrowed). */
int stage_connect(struct stage *stage, unsigned int service, int *served);
/* What is said to TO: its size, 0 at its end. */
ssize_t stage_hear(struct stage *stage, int to, char *data, size_t room);

#endif

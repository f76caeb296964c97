/* The reason in what the docker client says when it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/host/engine.h"

static const struct {
    const char *said;
    const char *reason;
} rows[] = {
    {"", ""},
    {"Error response from daemon: No such container: x\n", "No such container: x"},
    {"docker: invalid reference format.\nSee 'docker run --help'.\n", "invalid reference format."},
    {"docker: invalid field 'x' must be a key=value pair\n\nRun 'docker run --help' for more "
     "information\n",
     "invalid field 'x' must be a key=value pair"},
    {"  mounts  up\nagent-boot: mounts: refused\naudit: boot-refused {}\n",
     "agent-boot: mounts: refused"},
};

static void test_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char reason[128];
        engine_reason(rows[i].said, reason, sizeof(reason));
        assert_string_equal(reason, rows[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

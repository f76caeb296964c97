/* The reason in what the docker client says when it fails, and engines whose containers reach no
 * socket of this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

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

static void test_sockets(void **state)
{
    (void)state;
    struct utsname own;
    struct engine_facts facts = {.client = ""};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(uname(&own), 0);
    assert_int_equal(engine_check_sockets(&facts, &err), 0); /* it does not say */
    snprintf(facts.kernel_version, sizeof(facts.kernel_version), "%s", own.release);
    assert_int_equal(engine_check_sockets(&facts, &err), 0);
    snprintf(facts.kernel_version, sizeof(facts.kernel_version), "6.10.14-linuxkit");
    assert_true(engine_check_sockets(&facts, &err) < 0);
    assert_non_null(strstr(err.message, "6.10.14-linuxkit"));
    assert_non_null(strstr(err.message, own.release));
    assert_non_null(strstr(err.message, "--broker sidecar"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reason),
                                       cmocka_unit_test(test_sockets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

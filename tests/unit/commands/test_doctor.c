/* What doctor makes of the kernel's setting for tracing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host-shim/commands/doctor.h"

static const struct doctor_finding *check(const char *path, const char *text)
{
    static struct doctor_report report;
    report.count = 0;
    if (text != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
    }
    doctor_check_ptrace(&report, path);
    assert_int_equal(report.count, 1);
    return &report.findings[0];
}

static void test_ptrace_scope(void **state)
{
    (void)state;
    char path[] = "/tmp/ptrace-scope-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(check(path, "1\n")->verdict, DOCTOR_OK);
    assert_int_equal(check(path, "2\n")->verdict, DOCTOR_OK);
    const struct doctor_finding *finding = check(path, "0\n");
    assert_int_equal(finding->verdict, DOCTOR_WARN);
    assert_non_null(strstr(finding->detail, "outside the command filter"));
    assert_non_null(strstr(finding->remedy, "kernel.yama.ptrace_scope=1"));
    unlink(path);
    assert_int_equal(check(path, NULL)->verdict, DOCTOR_WARN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ptrace_scope)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

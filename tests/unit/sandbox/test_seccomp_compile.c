/* The filter compiler: what a comparison matches, and that every oddity of a file is named. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agent-seccomp-compile/comparison.h"
#include "sandbox/agent-seccomp-compile/filter.h"

static bool holds(const struct scmp_arg_cmp *alternative, uint64_t argument)
{
    if (alternative->op == SCMP_CMP_MASKED_EQ)
        return (argument & alternative->datum_a) == alternative->datum_b;
    if (alternative->op == SCMP_CMP_GE)
        return argument >= alternative->datum_a;
    return alternative->op == SCMP_CMP_EQ && argument == alternative->datum_a;
}

/* How many alternatives hold: more than one would be waste, and says that the cover overlaps. */
static size_t matches(const struct comparison *comparison, uint64_t argument)
{
    size_t count = 0;

    for (size_t i = 0; i < comparison->count; i++)
        count += holds(&comparison->alternatives[i], argument) ? 1 : 0;
    return count;
}

static int read_comparison(const char *text, struct comparison *comparison, struct error *err)
{
    json_t *json = json_loads(text, 0, NULL);
    int result;

    assert_non_null(json);
    result = comparison_read(json, comparison, err);
    json_decref(json);
    return result;
}

static void test_none_of_is_the_exact_complement(void **state)
{
    static const uint32_t values[] = {0, 8, 0x20000, 0x20008, 0x40000, 0xffffffff};
    struct comparison comparison;
    struct error err = ERROR_INITIALIZER;
    uint32_t number = 1;

    (void)state;
    assert_int_equal(
        read_comparison("{\"index\":0,\"operator\":\"none-of\",\"values\":[0,8,\"0x20000\","
                        "\"0x20008\",\"0x40000\",\"0xffffffff\"]}",
                        &comparison, &err),
        0);
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        assert_int_equal(matches(&comparison, values[i]), 0);
        assert_int_equal(matches(&comparison, values[i] | UINT64_C(0xabcd) << 32), 0);
        for (unsigned int bit = 0; bit < 32; bit++) {
            uint32_t neighbour = values[i] ^ UINT32_C(1) << bit;
            bool is_value = false;

            for (size_t j = 0; j < ARRAY_LENGTH(values); j++)
                is_value |= neighbour == values[j];
            assert_int_equal(matches(&comparison, neighbour), is_value ? 0 : 1);
        }
    }
    for (int i = 0; i < 100000; i++) {
        number = number * 1664525 + 1013904223;
        assert_int_equal(matches(&comparison, number), 1);
    }
}

static void test_bits_set(void **state)
{
    struct comparison comparison;
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(read_comparison("{\"index\":0,\"operator\":\"bits-set\",\"values\":"
                                     "[\"CLONE_NEWUSER\",\"CLONE_NEWNS\"]}",
                                     &comparison, &err),
                     0);
    assert_int_equal(matches(&comparison, 17), 0);
    assert_int_equal(matches(&comparison, 0x10000000 | 17), 1);
    assert_int_equal(matches(&comparison, 0x10020000), 2);
}

static void test_bad_comparisons_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } bad[] = {
        {"{\"index\":6,\"operator\":\"equal\",\"values\":[1]}", "index"},
        {"{\"operator\":\"equal\",\"values\":[1]}", "index"},
        {"{\"index\":0,\"operator\":\"like\",\"values\":[1]}", "like"},
        {"{\"index\":0,\"values\":[1]}", "operator"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[]}", "values"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":1}", "values"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[-1]}", "values"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[4294967296]}", "values"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[\"AF_NONE\"]}", "AF_NONE"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[\"0x1g\"]}", "0x1g"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[1],\"mask\":1}", "mask"},
        {"{\"index\":0,\"operator\":\"masked-equal\",\"values\":[1]}", "mask"},
        {"{\"index\":0,\"operator\":\"masked-equal\",\"mask\":1,\"values\":[2]}", "never match"},
        {"{\"index\":0,\"operator\":\"bits-set\",\"values\":[0]}", "never match"},
        {"{\"index\":0,\"operator\":\"at-least\",\"values\":[1,2]}", "one value"},
        {"{\"index\":0,\"operator\":\"equal\",\"values\":[1],\"arg\":1}", "arg"},
    };
    struct comparison comparison;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct error err = ERROR_INITIALIZER;

        assert_int_equal(read_comparison(bad[i].text, &comparison, &err), -EINVAL);
        if (strstr(error_text(&err), bad[i].expected) == NULL)
            fail_msg("'%s' does not name '%s'", error_text(&err), bad[i].expected);
    }
}

static int read_filter(const char *text, struct error *err)
{
    char path[] = "/tmp/test_filter.XXXXXX";
    int fd = mkstemp(path);
    scmp_filter_ctx context = NULL;
    int result;

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
    result = filter_read(path, FILTER_WHOLE, &context, err);
    unlink(path);
    if (result == 0)
        seccomp_release(context);
    return result;
}

#define HEAD "{\"version\":1,\"description\":\"d\",\"default\":{\"action\":\"allow\"},"
#define RULES(rule) HEAD "\"rules\":[" rule "],\"kept\":[]}"

static void test_filters(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: it is fine */
    } files[] = {
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\"}"), NULL},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"action\":\"kill-process\"}"), NULL},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"execve\"],\"action\":\"notify\"}"), NULL},
        /* Exists on i386 only: not an error, and no rule here. */
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"vm86\"],\"errno\":\"EPERM\"}"), NULL},
        {RULES("{\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\"}"), "rules[0]: 'reason'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bfp\"],\"errno\":\"EPERM\"}"), "'bfp'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[],\"errno\":\"EPERM\"}"), "'syscalls'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[1],\"errno\":\"EPERM\"}"), "'syscalls'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EODD\"}"), "'EODD'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"action\":\"trap\"}"), "'trap'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"]}"), "'errno' or 'action'"},
        {RULES(
             "{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\",\"action\":\"allow\"}"),
         "'errno' or 'action'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\",\"note\":1}"),
         "'note'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\",\"arguments\":[]}"),
         "'arguments'"},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\",\"late\":true}"),
         NULL},
        {RULES("{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\",\"late\":false}"),
         "'late'"},
        {RULES("7"), "rules[0]"},
        {HEAD "\"rules\":[]}", "'kept'"},
        {HEAD "\"rules\":[],\"kept\":[],\"extra\":1}", "'extra'"},
        {HEAD "\"rules\":[],\"rules\":[],\"kept\":[]}", "duplicate"},
        {HEAD "\"rules\":[],\"kept\":[{\"reason\":\"r\",\"syscalls\":[\"ptarce\"]}]}", "'ptarce'"},
        {HEAD "\"extends\":1,\"rules\":[],\"kept\":[]}", "'extends'"},
        {HEAD "\"extends\":\"../x\",\"rules\":[],\"kept\":[]}", "'extends'"},
        {HEAD "\"extends\":\"no-such-filter\",\"rules\":[],\"kept\":[]}", "no-such-filter"},
        {"{\"version\":2,\"description\":\"d\",\"default\":{\"action\":\"allow\"},\"rules\":[],"
         "\"kept\":[]}",
         "'version'"},
        {"{\"version\":1,\n\"description\"", ":2:"},
        {"", ":1:"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct error err = ERROR_INITIALIZER;
        int result = read_filter(files[i].text, &err);

        if (files[i].expected == NULL) {
            assert_int_equal(result, 0);
            continue;
        }
        assert_int_equal(result, -EINVAL);
        assert_non_null(strstr(error_text(&err), "/tmp/test_filter."));
        if (strstr(error_text(&err), files[i].expected) == NULL)
            fail_msg("'%s' does not say %s", error_text(&err), files[i].expected);
    }
}

static void write_text(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* The program that PATH compiles to. */
static size_t compile_part(const char *path, enum filter_part part, char *program, size_t size,
                           struct error *err)
{
    scmp_filter_ctx context = NULL;
    int ends[2];
    ssize_t count;

    if (filter_read(path, part, &context, err) < 0)
        return 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(seccomp_export_bpf(context, ends[1]), 0);
    seccomp_release(context);
    close(ends[1]);
    count = read(ends[0], program, size);
    close(ends[0]);
    assert_true(count > 0);
    return (size_t)count;
}

static size_t compile(const char *path, char *program, size_t size, struct error *err)
{
    return compile_part(path, FILTER_WHOLE, program, size, err);
}

/* A filter and one that extends it are, together, the filter that has the rules of both. */
static void test_extends(void **state)
{
#define FIRST_RULE "{\"reason\":\"r\",\"syscalls\":[\"bpf\"],\"errno\":\"EPERM\"}"
#define SECOND_RULE "{\"reason\":\"r\",\"syscalls\":[\"execve\"],\"action\":\"notify\"}"
    static const char extending[] =
        HEAD "\"extends\":\"base\",\"rules\":[" SECOND_RULE "],\"kept\":[]}";
    char directory[] = "/tmp/test_filter.XXXXXX";
    char together[4096];
    char apart[4096];
    struct error err = ERROR_INITIALIZER;
    size_t size;

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    write_text("base", RULES(FIRST_RULE));
    write_text("extending", extending);
    write_text("whole", RULES(FIRST_RULE "," SECOND_RULE));
    size = compile("whole", together, sizeof(together), &err);
    assert_int_equal(compile("extending", apart, sizeof(apart), &err), size);
    assert_memory_equal(apart, together, size);
    assert_int_not_equal(compile("base", apart, sizeof(apart), &err), size);
    write_text("base", extending);
    assert_int_equal(compile("extending", apart, sizeof(apart), &err), 0);
    assert_non_null(strstr(error_text(&err), "extends another"));
    unlink("base");
    unlink("extending");
    unlink("whole");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* A part of a filter is the filter that has only the rules of that part. */
static void test_parts(void **state)
{
#define LATE_RULE "{\"reason\":\"r\",\"syscalls\":[\"mount\"],\"errno\":\"EPERM\",\"late\":true}"
    static const struct {
        const char *rest;
        enum filter_part part;
    } parts[] = {
        {RULES(FIRST_RULE), FILTER_EARLY},
        {RULES(LATE_RULE), FILTER_LATE},
    };
    char path[] = "/tmp/test_filter.XXXXXX";
    char expected[4096];
    char part[4096];
    struct error err = ERROR_INITIALIZER;

    (void)state;
    close(mkstemp(path));
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        size_t size;

        write_text(path, parts[i].rest);
        size = compile(path, expected, sizeof(expected), &err);
        write_text(path, RULES(FIRST_RULE "," LATE_RULE));
        assert_int_equal(compile_part(path, parts[i].part, part, sizeof(part), &err), size);
        assert_memory_equal(part, expected, size);
        assert_int_not_equal(compile(path, part, sizeof(part), &err), size);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_of_is_the_exact_complement),
        cmocka_unit_test(test_bits_set),
        cmocka_unit_test(test_bad_comparisons_are_named),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_extends),
        cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

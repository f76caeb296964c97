/* Takes every guard out of the shipped seccomp filters, one at a time, as somebody might by
 * mistake: what is expected of them, written down in expected_calls.c, must notice every time. */
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "sandbox/agent-seccomp-compile/constants.h"
#include "sandbox/agent-seccomp-compile/filter.h"
#include "tests/unit/policies/bpf_judge.h"
#include "tests/unit/policies/mutants.h"

#define POLICIES "policies/seccomp"
#define VALUES_TRIED 64
#define NUMBERS_TRIED 512 /* more than any kernel has */

/* One filter under attack. */
static struct {
    const char *name;
    json_t *document; /* as it ships; owned */
    char directory[PATH_MAX];
    struct expected_calls expected;
} target;

static struct bpf_program program;

static void write_document(const json_t *document, const char *name)
{
    char path[PATH_MAX];

    assert_int_equal(path_format(path, "%s/%s", target.directory, name), 0);
    assert_int_equal(json_dump_file(document, path, 0), 0);
}

/* How many calls are answered otherwise than expected once DOCUMENT is the filter. */
static size_t count_wrong(const json_t *document)
{
    struct error err = ERROR_INITIALIZER;
    scmp_filter_ctx context = NULL;
    char path[PATH_MAX];

    write_document(document, target.name);
    assert_int_equal(path_format(path, "%s/%s", target.directory, target.name), 0);
    if (filter_read(path, FILTER_WHOLE, &context, &err) < 0)
        fail_msg("%s", error_text(&err));
    bpf_export(context, &program);
    seccomp_release(context);
    return bpf_count_wrong(&program, &target.expected);
}

/* The document once more, to be changed; RULE is its rule I. Owned by the caller. */
static json_t *copy(size_t i, json_t **rule)
{
    json_t *document = json_deep_copy(target.document);

    *rule = json_array_get(json_object_get(document, "rules"), i);
    return document;
}

static const json_t *argument_of(const json_t *rule, size_t k)
{
    return json_array_get(json_object_get(rule, "arguments"), k);
}

/* A call that this architecture has not is no guard here. */
static bool is_call_here(const char *name)
{
    return seccomp_syscall_resolve_name(name) >= 0;
}

static void without_calls(size_t i)
{
    json_t *rule;
    json_t *probe = copy(i, &rule);
    size_t count = json_array_size(json_object_get(rule, "syscalls"));

    for (size_t j = 0; count > 1 && j < count; j++) {
        json_t *document = copy(i, &rule);
        json_t *calls = json_object_get(rule, "syscalls");
        cleanup_free char *name = strdup(json_string_value(json_array_get(calls, j)));

        json_array_remove(calls, j);
        if (is_call_here(name))
            mutants_note(count_wrong(document) > 0, "%s in rule %zu", name, i);
        json_decref(document);
    }
    json_decref(probe);
}

/* One value fewer, of those that are refused. */
static void without_values(size_t i, size_t k)
{
    json_t *rule;
    json_t *probe = copy(i, &rule);
    size_t count = json_array_size(json_object_get(argument_of(rule, k), "values"));

    for (size_t v = 0; count > 1 && v < count; v++) {
        json_t *document = copy(i, &rule);

        json_array_remove(json_object_get(argument_of(rule, k), "values"), v);
        mutants_note(count_wrong(document) > 0, "value %zu of argument %zu of rule %zu", v, k, i);
        json_decref(document);
    }
    json_decref(probe);
}

static uint32_t number_of(const json_t *value)
{
    uint32_t number = 0;

    if (json_is_integer(value))
        return (uint32_t)json_integer_value(value);
    if (constant_find(json_string_value(value), &number) < 0)
        number = (uint32_t)strtoul(json_string_value(value), NULL, 0);
    return number;
}

static bool is_listed(const json_t *values, uint32_t number)
{
    const json_t *value;
    size_t i;

    json_array_foreach(values, i, value)
    {
        if (number_of(value) == number)
            return true;
    }
    return false;
}

/* A protocol of netlink with the number of DCCP, which the rule about protocols refuses in any
 * family: one guard is enough, and the rule about netlink cannot name what it refuses. */
static bool is_refused_twice(const json_t *argument, uint32_t value)
{
    return json_integer_value(json_object_get(argument, "index")) == 2 && value == IPPROTO_DCCP;
}

/* One more, of those that are let through. */
static void with_values(size_t i, size_t k)
{
    for (uint32_t value = 0; value < VALUES_TRIED; value++) {
        json_t *rule;
        json_t *document = copy(i, &rule);
        json_t *values = json_object_get(argument_of(rule, k), "values");

        if (!is_listed(values, value) && !is_refused_twice(argument_of(rule, k), value)) {
            json_array_append_new(values, json_integer(value));
            mutants_note(count_wrong(document) > 0,
                         "a further value %u of argument %zu of rule %zu", value, k, i);
        }
        json_decref(document);
    }
}

/* The whole word, with what the kernel does not look at, instead of the bits that count. */
static void with_whole_words(size_t i, size_t k)
{
    json_t *rule;
    json_t *document = copy(i, &rule);
    json_t *argument = json_array_get(json_object_get(rule, "arguments"), k);

    json_object_set_new(argument, "operator", json_string("equal"));
    json_object_del(argument, "mask");
    mutants_note(count_wrong(document) > 0, "the mask of argument %zu of rule %zu", k, i);
    json_decref(document);
}

static void clear_bit(json_t *values, uint32_t bit)
{
    for (size_t v = 0; v < json_array_size(values); v++) {
        uint32_t value = number_of(json_array_get(values, v));

        json_array_set_new(values, v, json_integer(value & ~bit));
    }
}

/* One bit fewer of those that are looked at. */
static void with_narrower_masks(size_t i, size_t k)
{
    for (unsigned int bit = 0; bit < 32; bit++) {
        json_t *rule;
        json_t *document = copy(i, &rule);
        json_t *argument = json_array_get(json_object_get(rule, "arguments"), k);
        uint32_t mask = number_of(json_object_get(argument, "mask"));

        if ((mask >> bit & 1) != 0) {
            json_object_set_new(argument, "mask", json_sprintf("0x%08x", mask & ~(1u << bit)));
            clear_bit(json_object_get(argument, "values"), 1u << bit);
            mutants_note(count_wrong(document) > 0, "bit %u of argument %zu of rule %zu", bit, k,
                         i);
        }
        json_decref(document);
    }
}

/* Where a rule lets through what the default refuses. */
static void widen_argument(size_t i, size_t k, bool is_masked)
{
    without_values(i, k);
    if (is_masked) {
        with_whole_words(i, k);
        with_narrower_masks(i, k);
    } else {
        with_values(i, k);
    }
}

static bool is_allowing(size_t i)
{
    const json_t *rule = json_array_get(json_object_get(target.document, "rules"), i);
    const char *action = json_string_value(json_object_get(rule, "action"));

    return action != NULL && strcmp(action, "allow") == 0;
}

static void change_argument(size_t i, size_t k)
{
    json_t *rule;
    json_t *document = copy(i, &rule);
    json_t *arguments = json_object_get(rule, "arguments");
    cleanup_free char *operation =
        strdup(json_string_value(json_object_get(argument_of(rule, k), "operator")));

    json_array_remove(arguments, k);
    if (json_array_size(arguments) == 0)
        json_object_del(rule, "arguments");
    mutants_note(count_wrong(document) > 0, "argument %zu of rule %zu", k, i);
    json_decref(document);
    if (is_allowing(i)) {
        widen_argument(i, k, strcmp(operation, "masked-equal") == 0);
        return;
    }
    if (strcmp(operation, "none-of") == 0) {
        with_values(i, k);
        return;
    }
    without_values(i, k);
    with_whole_words(i, k);
}

static void change_rule(size_t i)
{
    json_t *rule;
    json_t *document = copy(i, &rule);
    size_t argument_count = json_array_size(json_object_get(rule, "arguments"));

    json_array_remove(json_object_get(document, "rules"), i);
    mutants_note(count_wrong(document) > 0, "rule %zu", i);
    json_decref(document);
    without_calls(i);
    for (size_t k = 0; k < argument_count; k++)
        change_argument(i, k);
}

static void begin(const char *name)
{
    char path[PATH_MAX];

    target.name = name;
    mutants_begin(name);
    assert_int_equal(path_format(path, "%s/%s", POLICIES, name), 0);
    target.document = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(target.document);
    assert_int_equal(path_format(target.directory, "/tmp/filter-mutants.XXXXXX"), 0);
    assert_non_null(mkdtemp(target.directory));
}

static void end(void)
{
    assert_int_equal(path_remove_tree(AT_FDCWD, target.directory, NULL), 0);
    json_decref(target.document);
    mutants_end();
}

static void change_rules(void)
{
    size_t count = json_array_size(json_object_get(target.document, "rules"));

    assert_int_equal(count_wrong(target.document), 0);
    for (size_t i = 0; i < count; i++)
        change_rule(i);
}

static void misses_what_commands_may_not(void **state)
{
    (void)state;
    begin("command.json");
    expected_fill_command(&target.expected);
    change_rules();
    end();
}

static void misses_what_the_trap_refuses(void **state)
{
    json_t *extended = json_load_file(POLICIES "/command.json", JSON_REJECT_DUPLICATES, NULL);

    (void)state;
    begin("agentcli.json");
    write_document(extended, "command.json");
    expected_fill_trap(&target.expected);
    change_rules();
    json_t *alone = json_deep_copy(target.document);
    json_object_del(alone, "extends");
    mutants_note(count_wrong(alone) > 0, "the rules of commands");
    json_decref(alone);
    json_decref(extended);
    end();
}

static bool is_in_a_rule(const char *name)
{
    const json_t *rule;
    const json_t *call;
    size_t i;
    size_t j;

    json_array_foreach(json_object_get(target.document, "rules"), i, rule)
    {
        json_array_foreach(json_object_get(rule, "syscalls"), j, call)
        {
            if (strcmp(json_string_value(call), name) == 0)
                return true;
        }
    }
    return false;
}

/* Each call that no rule names, let through. */
static void with_every_other_call(void)
{
    for (int number = 0; number < NUMBERS_TRIED; number++) {
        cleanup_free char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);

        if (name == NULL || is_in_a_rule(name))
            continue;
        json_t *document = json_deep_copy(target.document);
        json_array_append_new(json_object_get(document, "rules"),
                              json_pack("{s:s, s:[s], s:s}", "reason", "a mistake", "syscalls",
                                        name, "action", "allow"));
        mutants_note(count_wrong(document) > 0, "that %s is refused", name);
        json_decref(document);
    }
}

static void misses_what_the_runner_never_does(void **state)
{
    (void)state;
    begin("runner.json");
    expected_fill_runner(&target.expected);
    change_rules();
    with_every_other_call();
    /* Rules that say what the default says are none to libseccomp. */
    json_t *open = json_pack("{s:i, s:s, s:{s:s}, s:[{s:s, s:[s], s:s}], s:[]}", "version", 1,
                             "description", "all", "default", "action", "allow", "rules", "reason",
                             "one", "syscalls", "bpf", "errno", "EPERM", "kept");
    mutants_note(count_wrong(open) > 0, "that the default refuses");
    json_decref(open);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_what_commands_may_not),
        cmocka_unit_test(misses_what_the_trap_refuses),
        cmocka_unit_test(misses_what_the_runner_never_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The container's seccomp profile means to libseccomp, which the engine uses, what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the headers above first. */
#include <cmocka.h>
#include <jansson.h>
#include <seccomp.h>

#define PROFILE "policies/seccomp/agent.json"

static json_t *profile;

static int load_profile(void **state)
{
    (void)state;
    profile = json_load_file(PROFILE, JSON_REJECT_DUPLICATES, NULL);
    return profile == NULL;
}

static int release_profile(void **state)
{
    (void)state;
    json_decref(profile);
    return 0;
}

static void assert_known(const char *name)
{
    if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
        fail_msg("%s: libseccomp knows no call '%s'", PROFILE, name);
}

static void test_every_name_is_a_system_call(void **state)
{
    (void)state;
    size_t index;
    json_t *group;
    json_array_foreach(json_object_get(profile, "syscalls"), index, group)
    {
        size_t position;
        json_t *name;
        json_array_foreach(json_object_get(group, "names"), position, name)
        {
            assert_known(json_string_value(name));
        }
    }
}

/* Adds the rule of GROUP for the call NUMBER to CONTEXT. All conditions of this profile are
 * equalities. */
static int add_rule(scmp_filter_ctx context, const json_t *group, int number)
{
    const json_t *arguments = json_object_get(group, "args");
    struct scmp_arg_cmp conditions[6];
    unsigned int count = 0;
    size_t index;
    json_t *argument;
    json_array_foreach(arguments, index, argument)
    {
        assert_true(count < 6);
        assert_string_equal(json_string_value(json_object_get(argument, "op")), "SCMP_CMP_EQ");
        unsigned int position =
            (unsigned int)json_integer_value(json_object_get(argument, "index"));
        scmp_datum_t value = (scmp_datum_t)json_integer_value(json_object_get(argument, "value"));
        conditions[count++] = SCMP_CMP(position, SCMP_CMP_EQ, value);
    }
    const json_t *error_number = json_object_get(group, "errnoRet");
    uint32_t action = error_number == NULL
                          ? SCMP_ACT_ALLOW
                          : SCMP_ACT_ERRNO((uint32_t)json_integer_value(error_number));
    return seccomp_rule_add_array(context, action, number, count, conditions);
}

static void add_group(scmp_filter_ctx context, const json_t *group)
{
    size_t position;
    json_t *name;
    json_array_foreach(json_object_get(group, "names"), position, name)
    {
        int number = seccomp_syscall_resolve_name(json_string_value(name));
        assert_int_equal(add_rule(context, group, number), 0);
    }
}

static void test_it_compiles_for_each_architecture(void **state)
{
    (void)state;
    static const uint32_t architectures[] = {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64};
    for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++) {
        scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(1));
        assert_non_null(context);
        if (architectures[i] != seccomp_arch_native()) {
            assert_int_equal(seccomp_arch_add(context, architectures[i]), 0);
            assert_int_equal(seccomp_arch_remove(context, seccomp_arch_native()), 0);
        }
        size_t index;
        json_t *group;
        json_array_foreach(json_object_get(profile, "syscalls"), index, group)
            add_group(context, group);
        seccomp_release(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_is_a_system_call),
        cmocka_unit_test(test_it_compiles_for_each_architecture),
    };
    return cmocka_run_group_tests(tests, load_profile, release_profile);
}

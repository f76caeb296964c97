/* The container's seccomp profile means to libseccomp, which the engine uses, what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the headers above first. */
#include <cmocka.h>

#include "tests/unit/policies/container_profile.h"

static json_t *profile;

static int load_profile(void **state)
{
    (void)state;
    profile = json_load_file(CONTAINER_PROFILE, JSON_REJECT_DUPLICATES, NULL);
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
        fail_msg("%s: libseccomp knows no call '%s'", CONTAINER_PROFILE, name);
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

static void test_it_compiles_for_each_architecture(void **state)
{
    (void)state;
    static const uint32_t architectures[] = {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64};
    for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++) {
        scmp_filter_ctx context = container_profile_compile(profile, architectures[i]);
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

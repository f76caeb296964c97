/* Reads the profile as an engine does: names, equalities, an action for each group. */
#include "tests/unit/policies/container_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
/* cmocka needs the headers above first. */
#include <cmocka.h>

#define EPERM_OF_THE_ENGINE 1

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
        conditions[count++] =
            (struct scmp_arg_cmp){.arg = position, .op = SCMP_CMP_EQ, .datum_a = value};
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

static uint32_t default_action(const json_t *profile)
{
    const char *name = json_string_value(json_object_get(profile, "defaultAction"));

    assert_non_null(name);
    return strcmp(name, "SCMP_ACT_ERRNO") == 0 ? SCMP_ACT_ERRNO(EPERM_OF_THE_ENGINE)
                                               : SCMP_ACT_ALLOW;
}

/* A rule that does what the default does is none to libseccomp. */
static bool is_default(const json_t *profile, const json_t *group)
{
    const char *name = json_string_value(json_object_get(profile, "defaultAction"));

    return strcmp(name, json_string_value(json_object_get(group, "action"))) == 0 &&
           json_object_get(group, "errnoRet") == NULL;
}

scmp_filter_ctx container_profile_compile(const json_t *profile, uint32_t architecture)
{
    scmp_filter_ctx context = seccomp_init(default_action(profile));
    size_t index;
    json_t *group;

    assert_non_null(context);
    if (architecture != seccomp_arch_native()) {
        assert_int_equal(seccomp_arch_add(context, architecture), 0);
        assert_int_equal(seccomp_arch_remove(context, seccomp_arch_native()), 0);
    }
    json_array_foreach(json_object_get(profile, "syscalls"), index, group)
    {
        if (!is_default(profile, group))
            add_group(context, group);
    }
    return context;
}

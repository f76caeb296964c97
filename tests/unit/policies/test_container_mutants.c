/* Opens the container's seccomp profile, one guard at a time, as somebody might by mistake: what is
 * expected of it, written down in expected_calls.c, must notice every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "tests/unit/policies/bpf_judge.h"
#include "tests/unit/policies/container_profile.h"
#include "tests/unit/policies/mutants.h"

/* More than any kernel has. */
#define NUMBERS_TRIED 512

static json_t *profile; /* as it ships */
static struct expected_calls expected;
static struct bpf_program program;

/* How many calls are answered otherwise than expected once CHANGED is the profile. */
static size_t count_wrong(const json_t *changed)
{
    scmp_filter_ctx context = container_profile_compile(changed, seccomp_arch_native());

    bpf_export(context, &program);
    seccomp_release(context);
    return bpf_count_wrong(&program, &expected);
}

/* Where NAME is among the names of GROUP; their count when it is not. */
static size_t find_name(const json_t *group, const char *name)
{
    const json_t *names = json_object_get(group, "names");
    size_t at = 0;

    while (at < json_array_size(names) &&
           strcmp(json_string_value(json_array_get(names, at)), name) != 0)
        at++;
    return at;
}

static bool is_let_through(const char *name)
{
    const json_t *group;
    size_t i;

    json_array_foreach(json_object_get(profile, "syscalls"), i, group)
    {
        if (find_name(group, name) < json_array_size(json_object_get(group, "names")) &&
            json_object_get(group, "errnoRet") == NULL)
            return true;
    }
    return false;
}

/* The profile with NAME let through whatever its arguments; owned by the caller. */
static json_t *let_through(const char *name)
{
    json_t *changed = json_deep_copy(profile);
    json_t *groups = json_object_get(changed, "syscalls");

    for (size_t i = 0; i < json_array_size(groups); i++) {
        json_t *group = json_array_get(groups, i);

        json_array_remove(json_object_get(group, "names"), find_name(group, name));
    }
    json_array_append_new(
        groups, json_pack("{s:[s], s:s, s:[]}", "names", name, "action", "SCMP_ACT_ALLOW", "args"));
    return changed;
}

/* Each call that the profile does not let through, let through. */
static void with_every_other_call(void)
{
    for (int number = 0; number < NUMBERS_TRIED; number++) {
        cleanup_free char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);

        if (name == NULL || is_let_through(name))
            continue;
        json_t *changed = let_through(name);
        mutants_note(count_wrong(changed) > 0, "that %s is refused", name);
        json_decref(changed);
    }
}

/* Each condition, dropped; each group that says an errno of its own, dropped. */
static void without_conditions(size_t i)
{
    const json_t *group = json_array_get(json_object_get(profile, "syscalls"), i);
    size_t count = json_array_size(json_object_get(group, "args"));

    for (size_t k = 0; k < count; k++) {
        json_t *changed = json_deep_copy(profile);
        const json_t *open = json_array_get(json_object_get(changed, "syscalls"), i);

        json_array_remove(json_object_get(open, "args"), k);
        mutants_note(count_wrong(changed) > 0, "condition %zu of group %zu", k, i);
        json_decref(changed);
    }
    if (json_object_get(group, "errnoRet") != NULL) {
        json_t *changed = json_deep_copy(profile);

        json_array_remove(json_object_get(changed, "syscalls"), i);
        mutants_note(count_wrong(changed) > 0, "the errno of group %zu", i);
        json_decref(changed);
    }
}

static void misses_what_a_container_may_not(void **state)
{
    (void)state;
    profile = json_load_file(CONTAINER_PROFILE, JSON_REJECT_DUPLICATES, NULL);
    expected_fill_container(&expected);
    assert_int_equal(count_wrong(profile), 0);
    mutants_begin(CONTAINER_PROFILE);
    with_every_other_call();
    for (size_t i = 0; i < json_array_size(json_object_get(profile, "syscalls")); i++)
        without_conditions(i);
    json_t *open = json_deep_copy(profile);
    json_object_set_new(open, "defaultAction", json_string("SCMP_ACT_ALLOW"));
    mutants_note(count_wrong(open) > 0, "that the default refuses");
    json_decref(open);
    json_decref(profile);
    mutants_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(misses_what_a_container_may_not)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

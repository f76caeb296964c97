/* Compiles the engine's seccomp profile as the engine does, with libseccomp. */
#include <fcntl.h>
#include <jansson.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/fault/container.h"

/* All conditions of the shipped profile are equalities: test_container_profile. */
static int add_rule(scmp_filter_ctx context, const json_t *group, const char *name)
{
    struct scmp_arg_cmp conditions[6];
    unsigned int count = 0;
    size_t index;
    json_t *argument;
    json_array_foreach(json_object_get(group, "args"), index, argument)
    {
        unsigned int position =
            (unsigned int)json_integer_value(json_object_get(argument, "index"));
        scmp_datum_t value = (scmp_datum_t)json_integer_value(json_object_get(argument, "value"));
        conditions[count++] = SCMP_CMP(position, SCMP_CMP_EQ, value);
    }
    const json_t *error_number = json_object_get(group, "errnoRet");
    uint32_t action = error_number == NULL
                          ? SCMP_ACT_ALLOW
                          : SCMP_ACT_ERRNO((uint32_t)json_integer_value(error_number));
    return seccomp_rule_add_array(context, action, seccomp_syscall_resolve_name(name), count,
                                  conditions);
}

static int add_group(scmp_filter_ctx context, const json_t *group)
{
    size_t position;
    json_t *name;
    int result = 0;
    json_array_foreach(json_object_get(group, "names"), position, name)
    {
        if (result == 0)
            result = add_rule(context, group, json_string_value(name));
    }
    return result;
}

static int compile(const json_t *profile, int fd)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(1));
    size_t index;
    json_t *group;
    int result = context == NULL ? -1 : 0;
    json_array_foreach(json_object_get(profile, "syscalls"), index, group)
    {
        if (result == 0)
            result = add_group(context, group);
    }
    if (result == 0)
        result = seccomp_export_bpf(context, fd);
    seccomp_release(context);
    return result;
}

int container_compile_profile(const char *profile, const char *filter)
{
    json_t *document = json_load_file(profile, JSON_REJECT_DUPLICATES, NULL);
    cleanup_fd int fd = open(filter, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int result = document == NULL || fd < 0 ? -1 : compile(document, fd);
    json_decref(document);
    if (result != 0)
        dprintf(STDERR_FILENO, "fault: cannot compile %s to %s\n", profile, filter);
    return result == 0 ? 0 : -1;
}

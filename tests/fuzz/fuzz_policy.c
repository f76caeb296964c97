/* Fuzzes the exec policy: what is refused says where and why, what is accepted judges. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/policy/policy.h"
#include "tests/fuzz/fuzz.h"

static void judge(const struct policy *policy)
{
    static const char *const arguments[] = {"sh", "-c", "env A=b git -C x push --force; ls | wc"};
    static const struct policy_command command = {.program = "/bin/sh",
                                                  .arguments = arguments,
                                                  .argument_count = 3,
                                                  .directory = "/workspace"};
    struct policy_judgement judgement;
    char text[64];

    policy_judge(policy, &command, &judgement);
    fuzz_require(policy_profile_find(policy, judgement.profile) != NULL);
    fuzz_require(judgement.rule[0] != '\0');
    fuzz_require((judgement.action != TASK_ACTION_SANDBOX) == (judgement.message != NULL));
    fuzz_require((judgement.action == TASK_ACTION_ASK) == (judgement.ask_seconds > 0));
    fuzz_require(judgement.action == TASK_ACTION_SANDBOX || !policy_is_observing(policy));
    if (judgement.message != NULL)
        policy_describe_denial(&judgement, text, sizeof(text));
    policy_passes_variable(policy, "LD_PRELOAD", 10);
}

static void look_at_shapes(const struct policy *policy)
{
    for (size_t i = 0; i < policy_direct_count(policy); i++) {
        const struct task_direct *direct = policy_direct_at(policy, i);
        size_t strings = 0;

        fuzz_require(direct->strings_size <= sizeof(direct->strings));
        for (size_t at = 0; at < direct->strings_size; at++)
            strings += direct->strings[at] == '\0';
        fuzz_require(strings == direct->argument_count + direct->name_count);
        fuzz_require(direct->from[0] == '/' && direct->program[0] == '/');
    }
    for (const char *const *variable = policy_variables(policy); *variable != NULL; variable++)
        fuzz_require(strchr(*variable, '=') > *variable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_fd int file = memfd_create("policy", MFD_CLOEXEC);
    char path[PATH_MAX];
    const char *const places[] = {path, NULL};
    struct policy *policy = NULL;
    struct error err = ERROR_INITIALIZER;

    fuzz_require(file >= 0 && fd_write_all(file, data, size) == 0);
    fuzz_require(path_format(path, "/proc/self/fd/%d", file) == 0);
    if (policy_load(places, "shell", &policy, &err) < 0) {
        fuzz_require(policy == NULL && err.number != 0);
        fuzz_require(strncmp(err.message, path, strlen(path)) == 0);
        return 0;
    }
    judge(policy);
    look_at_shapes(policy);
    policy_free(policy);
    return 0;
}

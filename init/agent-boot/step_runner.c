/* The runner step: the exec policy is read once before anything hangs on it, and the task runner
 * has a directory. */
#include <errno.h>
#include <sys/stat.h>

#include "init/agent-boot/boot.h"
#include "lib/policy/policy.h"
#include "lib/wire/recorded_program.h"

/* A program that may run outside a sandbox is the one that the image recorded. */
static int verify_direct(const struct policy *policy, struct error *err)
{
    int result = 0;

    for (size_t i = 0; i < policy_direct_count(policy) && result == 0; i++) {
        struct task_direct rule = *policy_direct_at(policy, i);

        result = direct_rule_verify(RECORDED_PROGRAMS, &rule, err);
    }
    return result;
}

int runner_prepare(struct boot_context *context, struct error *err)
{
    struct policy *policy = NULL;
    int result;

    if (context->manifest == NULL) {
        boot_set_detail(context, "no session");
        return BOOT_SKIPPED;
    }
    if (mkdir(TASK_RUNNER_DIRECTORY, 0755) < 0 && errno != EEXIST)
        return error_set(err, errno, "make directory '%s'", TASK_RUNNER_DIRECTORY);
    result = policy_load(policy_directories, context->manifest->agent, &policy, err);
    if (result < 0)
        return error_prefix(err, "the exec policy");
    boot_set_detail(context, "%zu sandbox profiles, %zu direct rules", policy_profile_count(policy),
                    policy_direct_count(policy));
    result = verify_direct(policy, err);
    policy_free(policy);
    return result < 0 ? error_prefix(err, "the exec policy") : 0;
}

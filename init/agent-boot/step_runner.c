/* The runner step: the exec policy is read once before anything hangs on it, and the task runner
 * has a directory. */
#include <errno.h>
#include <sys/stat.h>

#include "init/agent-boot/boot.h"
#include "lib/policy/policy.h"

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
    policy_free(policy);
    return 0;
}

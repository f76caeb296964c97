/* The setup step: the image's hooks that the session asked for, run as agentuser like any command.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/report.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/process.h"

#define HOOK_DIRECTORY BOOT_POLICY_DIRECTORY "/setup.d"
#define HOOK_TIMEOUT_MS (10 * 60 * 1000)

static const char *const hook_environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/home/agentuser",
    "USER=agentuser",
    "LOGNAME=agentuser",
    "LANG=C.UTF-8",
    NULL,
};

static size_t count_strings(char *const *strings)
{
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL)
        count++;
    return count;
}

static int run_hook(const struct manifest_setup_hook *hook, struct error *err)
{
    char program[PATH_MAX];
    if (!manifest_is_name(hook->name) || path_format(program, HOOK_DIRECTORY "/%s", hook->name) < 0)
        return error_set(err, EPROTO, "'%.100s' is not a setup hook's name", hook->name);
    size_t count = count_strings(hook->arguments);
    cleanup_free const char **argv = calloc(count + 2, sizeof(*argv));
    if (argv == NULL)
        return error_set(err, ENOMEM, "run the setup hook '%s'", hook->name);
    argv[0] = program;
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = hook->arguments[i];
    struct process_spec spec = {
        .argv = argv,
        .environment = hook_environment,
        .directory = "/workspace",
        .standard_input = -1,
        .standard_output = STDERR_FILENO,
        .standard_error = STDERR_FILENO,
        .timeout_ms = HOOK_TIMEOUT_MS,
        .is_cancelled = boot_is_interrupted,
    };
    struct process_result result = {.wait_status = 0};
    report_progress("setup", "%s", hook->name);
    int outcome = process_run(&spec, &result, err);
    if (outcome == -ECANCELED)
        return boot_interruption(err);
    if (outcome < 0)
        return error_prefix(err, "setup hook '%s'", hook->name);
    if (!process_is_success(result.wait_status))
        return error_set(err, EPROTO,
                         "the setup hook '%s' failed with code %d; its output is above", hook->name,
                         process_exit_code(result.wait_status));
    return 0;
}

int setup_run_hooks(struct boot_context *context, struct error *err)
{
    size_t count = context->manifest == NULL ? 0 : context->manifest->setup_hook_count;
    if (count == 0) {
        boot_set_detail(context, "no hooks");
        return BOOT_SKIPPED;
    }
    for (size_t i = 0; i < count; i++) {
        int result = run_hook(&context->manifest->setup_hooks[i], err);
        if (result < 0)
            return result;
        if (boot_is_interrupted())
            return boot_interruption(err);
    }
    boot_set_detail(context, "%zu hooks", count);
    return 0;
}

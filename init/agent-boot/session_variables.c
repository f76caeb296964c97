/* Reads the session's variables, and keeps them from its commands. */
#include "init/agent-boot/session_variables.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/wire/limits.h"
#include "lib/wire/variables.h"

/* Where policy is looked for first: lib/policy/policy.h, POLICY_SESSION_DIRECTORY. */
#define POLICY_DIRECTORY BOOT_RUN_DIRECTORY "/exec.d"
#define POLICY_FILE POLICY_DIRECTORY "/variables.json"

/* {"version": 1, "environment": {"scrub": [NAME, ...]}}. NULL without memory. */
static char *render_policy(const struct string_list *variables)
{
    json_t *names = json_array();
    bool failed = false;
    for (size_t i = 0; i < variables->count && !failed; i++) {
        const char *variable = variables->items[i];
        failed = json_array_append_new(names, json_stringn(variable, strcspn(variable, "="))) < 0;
    }
    json_t *policy = json_pack("{s:i, s:{s:o}}", "version", 1, "environment", "scrub", names);
    char *text = failed || policy == NULL ? NULL : json_dumps(policy, JSON_COMPACT);
    json_decref(policy);
    return text;
}

static int write_policy(const struct string_list *variables, struct error *err)
{
    cleanup_free char *text = render_policy(variables);
    if (text == NULL)
        return error_set(err, ENOMEM, "keep the session's variables from commands");
    if (mkdir(POLICY_DIRECTORY, 0755) < 0 && errno != EEXIST)
        return error_set(err, errno, "make directory '%s'", POLICY_DIRECTORY);
    return fd_write_file(AT_FDCWD, POLICY_FILE, text, strlen(text), 0644, err);
}

int session_variables_read(struct boot_context *context, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    int result =
        fd_read_file(AT_FDCWD, MANIFEST_VARIABLES_FILE, LIMIT_VARIABLES_BYTES, &text, &size, err);
    if (result == -ENOENT)
        return 0;
    if (result == 0)
        result = variables_parse(text, size, &context->variables, err);
    variables_free(text);
    if (result < 0)
        return error_prefix(err, "the session's variables");
    return context->variables.count > 0 ? write_policy(&context->variables, err) : 0;
}

/* Reads the policy tables the launcher obeys. */
#include "lib/host/policy.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/table_file.h"
#include "lib/host/install_paths.h"

static int read_policy(const char *name, size_t minimum, table_file_callback *callback,
                       void *context, struct error *err)
{
    char path[PATH_MAX];
    int status = install_path_share(name, path, err);
    return status < 0 ? status : table_file_read(path, minimum, minimum, callback, context, err);
}

static bool is_capability_set(const char *name)
{
    static const char *const sets[] = {"granted", "effective", "permitted", "starting"};
    for (size_t i = 0; i < ARRAY_LENGTH(sets); i++) {
        if (strcmp(name, sets[i]) == 0)
            return true;
    }
    return false;
}

static int add_capability(const struct table_file_row *row, void *context, struct error *err)
{
    if (strcmp(row->fields[1], "none") != 0 && capability_from_name(row->fields[1]) < 0)
        return error_set(err, EINVAL, "there is no capability '%.64s'", row->fields[1]);
    if (!is_capability_set(row->fields[2]))
        return error_set(err, EINVAL, "there is no set of capabilities '%.64s'", row->fields[2]);
    if (strcmp(row->fields[0], "container") != 0 || strcmp(row->fields[2], "granted") != 0)
        return 0;
    return string_list_add(context, row->fields[1]) == NULL
               ? error_set(err, ENOMEM, "read capabilities.tab")
               : 0;
}

int policy_read_capabilities(struct string_list *capabilities, struct error *err)
{
    return read_policy("policies/capabilities.tab", 4, add_capability, capabilities, err);
}

int policy_check_seccomp(const char *path, struct error *err)
{
    json_error_t reason;
    json_t *profile = json_load_file(path, JSON_REJECT_DUPLICATES, &reason);
    bool is_profile = json_is_string(json_object_get(profile, "defaultAction")) &&
                      json_is_array(json_object_get(profile, "syscalls"));
    bool is_json = profile != NULL;
    json_decref(profile);
    if (!is_json)
        return error_set(err, EINVAL,
                         "the seccomp profile %s cannot be read, install it again: %s (line %d)",
                         path, reason.text, reason.line);
    if (!is_profile)
        return error_set(err, EINVAL,
                         "%s is no seccomp profile, it lacks defaultAction or syscalls: install it "
                         "again",
                         path);
    return 0;
}

struct engine_argument_check {
    const struct string_list *arguments;
    bool *allowed; /* one per argument */
    bool *forbidden;
};

static int compile(const char *pattern, unsigned int line, regex_t *expression, struct error *err)
{
    char anchored[512];
    snprintf(anchored, sizeof(anchored), "^(%s)$", pattern);
    if (strlen(pattern) + 5 > sizeof(anchored) ||
        regcomp(expression, anchored, REG_EXTENDED | REG_NOSUB) != 0)
        return error_set(err, EINVAL, "engine-args.tab, line %u: '%s' is no regular expression",
                         line, pattern);
    return 0;
}

/* One row: option, pattern of its value, pattern of values it must not have ("-": none), reason. */
static int apply_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct engine_argument_check *check = context;
    regex_t value;
    regex_t exception;
    int status = compile(row->fields[1], row->line, &value, err);
    if (status < 0)
        return status;
    status = compile(row->fields[2], row->line, &exception, err);
    if (status < 0) {
        regfree(&value);
        return status;
    }
    size_t length = strlen(row->fields[0]);
    for (size_t i = 0; i < check->arguments->count; i++) {
        const char *argument = check->arguments->items[i];
        if (strncmp(argument, row->fields[0], length) != 0 || argument[length] != '=')
            continue;
        const char *given = argument + length + 1;
        check->allowed[i] =
            regexec(&value, given, 0, NULL, 0) == 0 && regexec(&exception, given, 0, NULL, 0) != 0;
        check->forbidden[i] = !check->allowed[i];
    }
    regfree(&value);
    regfree(&exception);
    return 0;
}

int policy_check_engine_arguments(const char *path, const struct string_list *arguments,
                                  struct error *err)
{
    cleanup_free bool *flags = calloc(arguments->count * 2 + 1, sizeof(*flags));
    if (flags == NULL)
        return error_set(err, ENOMEM, "check --engine-arg");
    struct engine_argument_check check = {
        .arguments = arguments, .allowed = flags, .forbidden = flags + arguments->count};
    int status = table_file_read(path, 4, 4, apply_row, &check, err);
    for (size_t i = 0; status == 0 && i < arguments->count; i++) {
        if (check.allowed[i])
            continue;
        error_set(err, EINVAL,
                  "--engine-arg '%.200s' %s: policies/engine-args.tab lists what may be passed",
                  arguments->items[i],
                  check.forbidden[i] ? "has a value that is not allowed"
                                     : "is not on the list of --NAME=VALUE arguments");
        status = -EPERM;
    }
    return status;
}

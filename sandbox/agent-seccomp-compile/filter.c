/* Turns the rules of a JSON filter into rules of libseccomp. */
#include "sandbox/agent-seccomp-compile/filter.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "sandbox/agent-seccomp-compile/comparison.h"
#include "sandbox/agent-seccomp-compile/constants.h"
#include "sandbox/agent-seccomp-compile/json_keys.h"

#define ARGUMENTS_MAX 6
#define LIBSECCOMP_NOTIFY_LEVEL 5

/* A filter as it grows. */
struct filter {
    scmp_filter_ctx context;
    enum filter_part part;
};

/* One rule on its way into the filter. */
struct rule {
    scmp_filter_ctx context;
    uint32_t action;
    int syscall;
    const char *name;
    struct comparison *comparisons; /* owned */
    size_t comparison_count;
};

static int read_action(const json_t *json, uint32_t *action, struct error *err)
{
    const char *name = json_string_value(json_object_get(json, "action"));
    const char *error_name = json_string_value(json_object_get(json, "errno"));

    if ((name != NULL) == (error_name != NULL))
        return error_set(err, EINVAL, "either 'errno' or 'action' must be given");
    if (error_name != NULL) {
        int number = constant_find_errno(error_name);

        if (number < 0)
            return error_set(err, EINVAL, "'errno' is '%s', which is not known", error_name);
        *action = SCMP_ACT_ERRNO((uint16_t)number);
    } else if (strcmp(name, "allow") == 0) {
        *action = SCMP_ACT_ALLOW;
    } else if (strcmp(name, "kill-process") == 0) {
        *action = SCMP_ACT_KILL_PROCESS;
    } else if (strcmp(name, "notify") == 0) {
        *action = SCMP_ACT_NOTIFY;
    } else {
        return error_set(err, EINVAL, "'action' is '%s', which is not known", name);
    }
    return 0;
}

/* The number; a negative one that is not an error for a call that only other architectures have. */
static int resolve_syscall(const char *name, int *number, struct error *err)
{
    if (name == NULL)
        return error_set(err, EINVAL, "'syscalls' must be a list of names");
    *number = seccomp_syscall_resolve_name(name);
    if (*number == __NR_SCMP_ERROR)
        *number = constant_find_syscall(name);
    if (*number == -ENOENT)
        return error_set(err, EINVAL, "unknown system call '%s'", name);
    return 0;
}

/* Adds the rule for each combination of the alternatives from argument DEPTH on. */
static int add_combinations(const struct rule *rule, struct scmp_arg_cmp *chosen, size_t depth,
                            struct error *err)
{
    int result = 0;

    if (depth == rule->comparison_count) {
        result = seccomp_rule_add_exact_array(rule->context, rule->action, rule->syscall,
                                              (unsigned int)depth, chosen);
        return result < 0 ? error_set(err, -result, "add the rule for '%s'", rule->name) : 0;
    }
    for (size_t i = 0; i < rule->comparisons[depth].count && result == 0; i++) {
        chosen[depth] = rule->comparisons[depth].alternatives[i];
        result = add_combinations(rule, chosen, depth + 1, err);
    }
    return result;
}

static int add_syscalls(struct rule *rule, const json_t *syscalls, struct error *err)
{
    struct scmp_arg_cmp chosen[ARGUMENTS_MAX];

    if (json_array_size(syscalls) == 0)
        return error_set(err, EINVAL, "'syscalls' must be a list of names");
    for (size_t i = 0; i < json_array_size(syscalls); i++) {
        int result;

        rule->name = json_string_value(json_array_get(syscalls, i));
        result = resolve_syscall(rule->name, &rule->syscall, err);
        if (result == 0 && rule->syscall >= 0)
            result = add_combinations(rule, chosen, 0, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static int read_comparisons(const json_t *arguments, struct rule *rule, struct error *err)
{
    size_t count = json_array_size(arguments);

    if (arguments == NULL)
        return 0;
    if (count == 0 || count > ARGUMENTS_MAX)
        return error_set(err, EINVAL, "'arguments' must be a list of 1 to %d", ARGUMENTS_MAX);
    rule->comparisons = calloc(count, sizeof(*rule->comparisons));
    if (rule->comparisons == NULL)
        return error_set(err, ENOMEM, "read 'arguments'");
    for (size_t i = 0; i < count; i++) {
        int result = comparison_read(json_array_get(arguments, i), &rule->comparisons[i], err);

        if (result < 0)
            return error_prefix(err, "arguments[%zu]", i);
    }
    rule->comparison_count = count;
    return 0;
}

/* A context of its own for a rule of the other part: it is checked like all others, and dropped. */
static int choose_context(const struct filter *filter, const json_t *late, scmp_filter_ctx *context,
                          struct error *err)
{
    if (late != NULL && !json_is_true(late))
        return error_set(err, EINVAL, "'late' can only be true");
    *context = filter->context;
    if (filter->part == FILTER_WHOLE || (filter->part == FILTER_LATE) == (late != NULL))
        return 0;
    *context = seccomp_init(SCMP_ACT_KILL_THREAD);
    return *context == NULL ? error_set(err, ENOMEM, "make a filter") : 0;
}

static int read_rule(const struct filter *filter, const json_t *json, struct error *err)
{
    static const char *const keys[] = {"reason", "syscalls", "arguments", "errno",
                                       "action", "late",     NULL};
    struct rule rule = {.context = NULL};
    int result = json_keys_check(json, keys, err);

    if (result == 0 && json_keys_text(json, "reason", err) == NULL)
        result = -EINVAL;
    if (result == 0)
        result = read_action(json, &rule.action, err);
    if (result == 0)
        result = read_comparisons(json_object_get(json, "arguments"), &rule, err);
    if (result == 0)
        result = choose_context(filter, json_object_get(json, "late"), &rule.context, err);
    if (result == 0)
        result = add_syscalls(&rule, json_object_get(json, "syscalls"), err);
    if (rule.context != filter->context)
        seccomp_release(rule.context);
    free(rule.comparisons);
    return result;
}

/* What is left alone on purpose: nothing is compiled, but the names and the reason are checked. */
static int read_kept(const struct filter *filter, const json_t *json, struct error *err)
{
    static const char *const keys[] = {"reason", "syscalls", NULL};
    const json_t *syscalls = json_object_get(json, "syscalls");
    int result = json_keys_check(json, keys, err);

    (void)filter;
    if (result == 0 && json_keys_text(json, "reason", err) == NULL)
        result = -EINVAL;
    if (result == 0 && json_array_size(syscalls) == 0)
        result = error_set(err, EINVAL, "'syscalls' must be a list of names");
    for (size_t i = 0; i < json_array_size(syscalls) && result == 0; i++) {
        int number;

        result = resolve_syscall(json_string_value(json_array_get(syscalls, i)), &number, err);
    }
    return result;
}

static int read_list(const struct filter *filter, const json_t *document, const char *key,
                     int (*read)(const struct filter *filter, const json_t *json,
                                 struct error *err),
                     struct error *err)
{
    const json_t *list = json_object_get(document, key);

    if (!json_is_array(list))
        return error_set(err, EINVAL, "'%s' must be a list", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (read(filter, json_array_get(list, i), err) < 0)
            return error_prefix(err, "%s[%zu]", key, i);
    }
    return 0;
}

static int make_context(const json_t *document, scmp_filter_ctx *context, struct error *err)
{
    uint32_t action;
    int result = read_action(json_object_get(document, "default"), &action, err);

    if (result < 0)
        return error_prefix(err, "default");
    /* Level 5 knows notification: what the filter's kernel has counts, not the builder's. */
    (void)seccomp_api_set(LIBSECCOMP_NOTIFY_LEVEL);
    *context = seccomp_init(action);
    if (*context == NULL)
        return error_set(err, ENOMEM, "make a filter");
    result = seccomp_attr_set(*context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A sorted tree instead of a list: the cost of a call does not grow with the number of rules.
     */
    if (result == 0)
        result = seccomp_attr_set(*context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return result < 0 ? error_set(err, -result, "set up a filter") : 0;
}

static int check_document(const json_t *document, struct error *err)
{
    static const char *const keys[] = {"version", "description", "extends", "default",
                                       "rules",   "kept",        NULL};
    int result = json_keys_check(document, keys, err);

    if (result < 0)
        return result;
    if (json_integer_value(json_object_get(document, "version")) != FILTER_VERSION)
        return error_set(err, EINVAL, "'version' must be %d", FILTER_VERSION);
    return json_keys_text(document, "description", err) == NULL ? -EINVAL : 0;
}

static int add_document(const struct filter *filter, const json_t *document, struct error *err)
{
    int result = read_list(filter, document, "rules", read_rule, err);

    return result < 0 ? result : read_list(filter, document, "kept", read_kept, err);
}

static int load_document(const char *path, json_t **document, struct error *err)
{
    json_error_t json_error;

    *document = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    return *document == NULL ? error_set(err, EINVAL, "%s:%d:%d: %s", path, json_error.line,
                                         json_error.column, json_error.text)
                             : 0;
}

/* The rules of the file NAME beside PATH. That one extends no other: who reads a filter reads two
 * files at most. */
static int add_extended(const struct filter *filter, const char *path, const char *name,
                        struct error *err)
{
    const char *slash = strrchr(path, '/');
    json_t *document = NULL;
    char extended[PATH_MAX];
    int result;

    if (name == NULL || strchr(name, '/') != NULL)
        return error_set(err, EINVAL, "'extends' must be the name of a file beside this one");
    result =
        path_format(extended, "%.*s%s", slash == NULL ? 0 : (int)(slash - path) + 1, path, name);
    result =
        result < 0 ? error_set(err, -result, "%s", name) : load_document(extended, &document, err);
    if (result == 0)
        result = check_document(document, err);
    if (result == 0 && json_object_get(document, "extends") != NULL)
        result = error_set(err, EINVAL, "%s extends another file itself", name);
    if (result == 0 && add_document(filter, document, err) < 0)
        result = error_prefix(err, "%s", name);
    json_decref(document);
    return result;
}

static int read_document(const char *path, const json_t *document, struct filter *filter,
                         struct error *err)
{
    const json_t *extends = json_object_get(document, "extends");
    int result = check_document(document, err);

    if (result == 0)
        result = make_context(document, &filter->context, err);
    if (result == 0 && extends != NULL)
        result = add_extended(filter, path, json_string_value(extends), err);
    return result < 0 ? result : add_document(filter, document, err);
}

int filter_read(const char *path, enum filter_part part, scmp_filter_ctx *context,
                struct error *err)
{
    json_t *document = NULL;
    struct filter made = {.context = NULL, .part = part};
    int result = load_document(path, &document, err);

    if (result < 0)
        return result;
    result = read_document(path, document, &made, err);
    json_decref(document);
    if (result < 0) {
        seccomp_release(made.context);
        return error_prefix(err, "%s", path);
    }
    *context = made.context;
    return 0;
}

/* Takes the rows about code out of the table of refused variables. */
#include "sandbox/agent-task-sandbox/code_variables.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/table_file.h"

/* Whoever compares knows a * at the end, and no value. */
static bool is_name(const char *pattern)
{
    size_t length = strcspn(pattern, "*?[=");
    return pattern[length] == '\0' || (length > 0 && strcmp(pattern + length, "*") == 0);
}

static int add(const struct table_file_row *row, void *context, struct error *err)
{
    struct task_direct *rule = context;
    size_t size = strlen(row->fields[1]) + 1;
    if (strcmp(row->fields[0], "code") != 0)
        return 0;
    if (!is_name(row->fields[1]))
        return error_set(err, EPROTO, "'%s' is neither a name nor how names begin", row->fields[1]);
    if (rule->name_count == TASK_DIRECT_NAMES || size > sizeof(rule->strings) - rule->strings_size)
        return error_set(err, E2BIG, "more variables load code than rule '%s' can name",
                         rule->rule);
    memcpy(rule->strings + rule->strings_size, row->fields[1], size);
    rule->strings_size += (uint32_t)size;
    rule->name_count++;
    return 0;
}

int code_variables_name(const char *path, struct task_direct *rule, struct error *err)
{
    if (rule->is_any_environment == 0)
        return 0;
    int result = table_file_read(path, 3, 3, add, rule, err);
    if (result == 0 && rule->name_count == 0)
        result = error_set(err, EPROTO, "%s: no variable loads code", path);
    return result;
}

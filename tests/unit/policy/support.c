/* Shared by the tests of lib/policy. */
#include "tests/unit/policy/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define VERDICTS "tests/unit/policy/verdicts.json"

void support_directory_make(char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "/tmp/policy-test.XXXXXX");
    assert_non_null(mkdtemp(path));
}

void support_directory_remove(const char *path)
{
    assert_int_equal(path_remove_tree(AT_FDCWD, path, NULL), 0);
}

void support_write(const char *directory, const char *name, const char *text)
{
    char path[PATH_MAX];

    assert_int_equal(path_format(path, "%s/%s", directory, name), 0);
    assert_int_equal(fd_write_file(AT_FDCWD, path, text, strlen(text), 0644, NULL), 0);
}

struct policy *support_load(const char *path, const char *agent)
{
    const char *const places[] = {path, NULL};
    struct error err = ERROR_INITIALIZER;
    struct policy *policy = NULL;

    if (policy_load(places, agent, &policy, &err) < 0)
        fail_msg("%s", error_text(&err));
    return policy;
}

struct policy *support_load_text(const char *text, const char *agent)
{
    char directory[PATH_MAX];
    struct policy *policy;

    support_directory_make(directory);
    support_write(directory, "policy.json", text);
    policy = support_load(directory, agent);
    support_directory_remove(directory);
    return policy;
}

void support_judge(const struct policy *policy, const char *const *arguments, size_t count,
                   struct policy_judgement *judgement)
{
    char program[PATH_MAX];
    const struct policy_command command = {
        .program = program,
        .arguments = arguments,
        .argument_count = count,
        .directory = "/workspace",
    };

    snprintf(program, sizeof(program), "%s%s", strchr(arguments[0], '/') != NULL ? "" : "/usr/bin/",
             arguments[0]);
    policy_judge(policy, &command, judgement);
}

json_t *support_verdicts(const char *key)
{
    json_error_t reason;
    json_t *document = json_load_file(VERDICTS, JSON_REJECT_DUPLICATES, &reason);
    json_t *rows;

    if (document == NULL)
        fail_msg(VERDICTS ":%d: %s", reason.line, reason.text);
    rows = json_incref(json_object_get(document, key));
    json_decref(document);
    assert_true(json_array_size(rows) > 0);
    return rows;
}

bool support_row_holds(const struct policy *policy, const json_t *row, char said[256])
{
    struct policy_judgement judgement;
    size_t count = json_array_size(row) - 1;
    cleanup_free const char **arguments = calloc(count, sizeof(*arguments));

    assert_non_null(arguments);
    for (size_t i = 0; i < count; i++)
        arguments[i] = json_string_value(json_array_get(row, i + 1));
    support_judge(policy, arguments, count, &judgement);
    snprintf(said, 256, "%s %s %s", policy_action_name(judgement.action),
             policy_tier_name(judgement.tier), judgement.rule);
    return strcmp(said, json_string_value(json_array_get(row, 0))) == 0;
}

/* Takes every row out of the shipped tables, or makes it say more, one at a time: what is expected
 * of the tables, written down here and in table-examples.json, must notice every time. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host-shim/collect/auto_exec.h"
#include "init/agent-commit/credential_patterns.h"
#include "lib/base/cleanup.h"
#include "lib/base/string_list.h"
#include "lib/base/table_file.h"
#include "lib/base/users.h"
#include "lib/host/policy.h"
#include "tests/unit/policies/mutants.h"

#define EXAMPLES "tests/unit/policies/table-examples.json"
#define LINES_MAX 1024
#define LINE_SIZE 512

/* A table's lines; owned. */
struct table {
    char *lines[LINES_MAX];
    size_t count;
};

/* How much does not come out as expected of the table at PATH. */
typedef size_t judge_function(const char *path);

static json_t *examples;
static const char *table_name;

static void read_table(struct table *table)
{
    cleanup_file FILE *file = fopen(table_name, "re");
    size_t size = 0;

    assert_non_null(file);
    *table = (struct table){.count = 0};
    while (getline(&table->lines[table->count], &size, file) > 0) {
        table->count++;
        size = 0;
        assert_true(table->count < LINES_MAX);
    }
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i <= table->count; i++)
        free(table->lines[i]);
}

static bool is_row(const char *line)
{
    return line[0] != '#' && line[0] != '\n';
}

/* The table with LINE in the place of its line AT (NULL: without that), judged. */
static void judge_mutant(const struct table *table, size_t at, const char *line,
                         judge_function *judge)
{
    char path[] = "/tmp/table-mutant-XXXXXX";
    FILE *file = fdopen(mkostemp(path, O_CLOEXEC), "w");

    assert_non_null(file);
    for (size_t i = 0; i < table->count; i++) {
        if (i != at)
            fputs(table->lines[i], file);
        else if (line != NULL)
            fputs(line, file);
    }
    assert_int_equal(fclose(file), 0);
    mutants_note(judge(path) > 0, "line %zu%s: %s", at + 1, line == NULL ? "" : " as it was before",
                 line == NULL ? table->lines[at] : line);
    unlink(path);
}

static void begin(const char *name, struct table *table, judge_function *judge)
{
    table_name = name;
    mutants_begin(name);
    read_table(table);
    assert_int_equal(judge(name), 0);
}

static void end(struct table *table)
{
    free_table(table);
    mutants_end();
}

static void misses_every_row(const char *name, judge_function *judge)
{
    struct table table;

    begin(name, &table, judge);
    for (size_t i = 0; i < table.count; i++) {
        if (is_row(table.lines[i]))
            judge_mutant(&table, i, NULL, judge);
    }
    end(&table);
}

static size_t judge_auto_exec(const char *path)
{
    struct error err = ERROR_INITIALIZER;
    struct auto_exec_table table;
    const json_t *example;
    size_t wrong = 0;
    size_t i;

    if (auto_exec_load(path, &table, &err) < 0)
        fail_msg("%s", error_text(&err));
    json_array_foreach(json_object_get(examples, "auto-exec"), i, example) wrong +=
        auto_exec_match(&table, json_string_value(example)) == NULL;
    auto_exec_free(&table);
    return wrong;
}

static void misses_what_runs_code(void **state)
{
    (void)state;
    misses_every_row("policies/auto-exec.tab", judge_auto_exec);
}

static size_t judge_credentials(const char *path)
{
    static struct credential_patterns patterns;
    struct error err = ERROR_INITIALIZER;
    const json_t *example;
    size_t wrong = 0;
    size_t i;

    if (credential_patterns_load(path, &patterns, &err) < 0)
        fail_msg("%s", error_text(&err));
    json_array_foreach(json_object_get(examples, "credentials"), i, example) wrong +=
        !credential_patterns_match(&patterns, json_string_value(example));
    json_array_foreach(json_object_get(examples, "no credentials"), i, example) wrong +=
        credential_patterns_match(&patterns, json_string_value(example));
    credential_patterns_free(&patterns);
    return wrong;
}

static void misses_what_is_a_credential(void **state)
{
    (void)state;
    misses_every_row("policies/credential-patterns.tab", judge_credentials);
}

static bool passes(const char *path, const char *argument)
{
    struct string_list list = {.items = NULL};
    struct error err = ERROR_INITIALIZER;

    string_list_add(&list, argument);
    int result = policy_check_engine_arguments(path, &list, &err);
    string_list_free(&list);
    if (result != 0 && result != -EPERM)
        fail_msg("%s", error_text(&err));
    return result == 0;
}

static size_t judge_engine_arguments(const char *path)
{
    const json_t *example;
    size_t wrong = 0;
    size_t i;

    json_array_foreach(json_object_get(examples, "engine arguments"), i, example) wrong +=
        !passes(path, json_string_value(example));
    json_array_foreach(json_object_get(examples, "no engine arguments"), i, example) wrong +=
        passes(path, json_string_value(example));
    return wrong;
}

/* Any value, and no value that is excepted. */
static void misses_what_the_engine_may_be_told(void **state)
{
    struct table table;

    (void)state;
    begin("policies/engine-args.tab", &table, judge_engine_arguments);
    for (size_t i = 0; i < table.count; i++) {
        char option[LINE_SIZE];
        char value[LINE_SIZE];
        char exception[LINE_SIZE];
        char changed[LINE_SIZE * 3];

        if (!is_row(table.lines[i]))
            continue;
        assert_int_equal(sscanf(table.lines[i], "%511s %511s %511s", option, value, exception), 3);
        judge_mutant(&table, i, NULL, judge_engine_arguments);
        snprintf(changed, sizeof(changed), "%s .* %s why\n", option, exception);
        judge_mutant(&table, i, changed, judge_engine_arguments);
        snprintf(changed, sizeof(changed), "%s %s - why\n", option, value);
        if (strcmp(exception, "-") != 0)
            judge_mutant(&table, i, changed, judge_engine_arguments);
    }
    end(&table);
}

static size_t judge_users(const char *path)
{
    /* Files on people's machines belong to 1000 and up, and to the system's accounts below that. */
    static const struct user expected[] = {
        {"agentuser", 10000, 10000, "/home/agentuser"},
        {"agentcli", 10001, 10001, "/home/agentcli"},
        {"agentattach", 10003, 10003, "/nonexistent"},
        {"agentfetch", 10004, 10004, "/nonexistent"},
        {"agentgit", 10005, 10005, "/nonexistent"},
    };
    size_t wrong = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        struct error err = ERROR_INITIALIZER;
        struct user user;

        wrong += users_find(path, expected[i].name, &user, &err) < 0 ||
                 user.uid != expected[i].uid || user.gid != expected[i].gid ||
                 strcmp(user.home, expected[i].home) != 0;
    }
    return wrong;
}

static void misses_who_is_who(void **state)
{
    (void)state;
    misses_every_row("policies/users.tab", judge_users);
}

/* What a container is granted: with more, a process could have more. processes.bats holds the other
 * rows against the processes of sessions. */
static int count_granted(const struct table_file_row *row, void *context, struct error *err)
{
    static const char *const expected[] = {"SYS_ADMIN", "SETUID", "SETGID",    "SETPCAP",
                                           "CHOWN",     "KILL",   "SYS_PTRACE"};
    unsigned int *seen = context;

    (void)err;
    if (strcmp(row->fields[0], "container") != 0)
        return 0;
    for (unsigned int i = 0; i < ARRAY_LENGTH(expected); i++) {
        if (strcmp(row->fields[1], expected[i]) == 0) {
            *seen |= 1u << i;
            return 0;
        }
    }
    *seen |= 1u << ARRAY_LENGTH(expected);
    return 0;
}

static size_t judge_capabilities(const char *path)
{
    struct error err = ERROR_INITIALIZER;
    unsigned int seen = 0;

    if (table_file_read(path, 4, 4, count_granted, &seen, &err) < 0)
        fail_msg("%s", error_text(&err));
    return seen != 0x7f;
}

static void misses_what_is_granted(void **state)
{
    static const char *const more[] = {
        "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",       "FSETID",     "NET_ADMIN",
        "NET_RAW",      "SYS_MODULE",      "SYS_RAWIO",    "SYS_CHROOT", "SYS_BOOT",
        "MKNOD",        "SYSLOG",          "SETFCAP",      "BPF",        "PERFMON",
        "SYS_TIME",     "MAC_ADMIN",       "SYS_RESOURCE",
    };
    struct table table;

    (void)state;
    begin("policies/capabilities.tab", &table, judge_capabilities);
    for (size_t i = 0; i < table.count; i++) {
        if (strncmp(table.lines[i], "container ", 10) == 0)
            judge_mutant(&table, i, NULL, judge_capabilities);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(more); i++) {
        char row[LINE_SIZE];

        snprintf(row, sizeof(row), "container %s granted why\n", more[i]);
        judge_mutant(&table, 0, row, judge_capabilities);
    }
    end(&table);
}

static int read_examples(void **state)
{
    (void)state;
    examples = json_load_file(EXAMPLES, JSON_REJECT_DUPLICATES, NULL);
    return examples == NULL;
}

static int free_examples(void **state)
{
    (void)state;
    json_decref(examples);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_what_runs_code),
        cmocka_unit_test(misses_what_is_a_credential),
        cmocka_unit_test(misses_what_the_engine_may_be_told),
        cmocka_unit_test(misses_who_is_who),
        cmocka_unit_test(misses_what_is_granted),
    };
    return cmocka_run_group_tests(tests, read_examples, free_examples);
}

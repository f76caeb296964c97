/* Makes every shipped direct rule looser, one at a time: an exec without a sandbox that nobody
 * expects must be noticed. */
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

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/policy/policy.h"
#include "sandbox/agent-task-sandbox/code_variables.h"
#include "sandbox/exec-trap/direct_match.h"
#include "tests/unit/policies/mutants.h"

#define SHIPPED "policies/exec"
#define EXEC "/usr/libexec/coding-agents/agentcli-exec"
#define CODEX "/opt/coding-agents/codex/bin/codex"
#define CLAUDE "/opt/coding-agents/claude/bin/claude"
#define COPILOT "/opt/coding-agents/copilot/bin/copilot"
#define TMUX "/usr/bin/tmux"
#define SOCKET "/run/agent-tmux/tmux.sock"
#define WORDS_MAX 10
#define STRINGS_SIZE 1024

/* An exec that is direct as it stands. With any other word where FREE has an 'x', or with a word
 * more behind, it is not; where FREE has an 'o' any word will do. */
struct shape {
    const char *agent, *from, *program;
    const char *words[WORDS_MAX];
    const char *free;
    bool is_open; /* further words may follow */
    bool has_any_environment;
};

/* clang-format off */
static const struct shape shapes[] = {
    {"shell", EXEC, TMUX, {"tmux", "-D", "-u", "-S", SOCKET, "-f", "/etc/coding-agents/tmux.conf"}, "xxxxxxx", false, true},
    {"shell", EXEC, TMUX, {"tmux", "-D", "-u", "-S", SOCKET, "-f", "/etc/coding-agents/tmux-persistent.conf", "-f",
                           "/etc/coding-agents/tmux.conf"}, "xxxxxxxxx", false, true},
    {"shell", EXEC, TMUX, {"tmux", "-N", "-S", SOCKET, "start-server"}, "xxxxx", false, true},
    {"shell", EXEC, TMUX, {"tmux", "-u", "-S", SOCKET, "attach", "-t", "agent"}, "xxxxxxx", false, true},
    {"shell", TMUX, EXEC, {EXEC, "--pane"}, "xx", false, true},
    {"codex", EXEC, CODEX, {CODEX, "exec", "do this"}, "xoo", true, true},
    {"codex", CODEX, CODEX, {"/proc/self/exe", "--codex-run-as-process-setup", "a", "b", "c", "d", "e", "f"}, "xxoooooo", true, false},
    {"claude", EXEC, CLAUDE, {CLAUDE, "-p", "do this"}, "xoo", true, true},
    {"copilot", EXEC, COPILOT, {COPILOT, "-p", "do this"}, "xoo", true, true},
};
/* Where a direct exec may come from, and what it may become: nothing else. */
static const char *const others[] = {"/bin/bash", "/usr/bin/env", TMUX, EXEC, CODEX, CLAUDE, COPILOT};
/* clang-format on */

static const char *const files[] = {"claude.json", "codex.json", "copilot.json", "default.json",
                                    "interactive.json"};
static json_t *documents[ARRAY_LENGTH(files)];

static bool is_direct(const struct policy *policy, const char *from, const char *program,
                      const struct direct_strings strings[2])
{
    for (size_t i = 0; i < policy_direct_count(policy); i++) {
        struct task_direct rule = *policy_direct_at(policy, i);

        assert_int_equal(code_variables_name("policies/refused-variables.tab", &rule, NULL), 0);
        if (strcmp(rule.from, from) == 0 && strcmp(rule.program, program) == 0 &&
            direct_is_sound(&rule) && direct_matches(&rule, &strings[0], &strings[1]))
            return true;
    }
    return false;
}

/* The words of SHAPE with OTHER at AT (or behind the last), as /proc shows them. */
static size_t spell(const struct shape *shape, size_t at, const char *other,
                    char text[STRINGS_SIZE])
{
    size_t size = 0;

    for (size_t i = 0; i < WORDS_MAX && (shape->words[i] != NULL || i == at); i++) {
        const char *word = i == at ? other : shape->words[i];
        size_t length = strlen(word) + 1;

        assert_true(size + length <= STRINGS_SIZE);
        memcpy(text + size, word, length);
        size += length;
    }
    return size;
}

static bool holds(const struct policy *policy, const struct shape *shape, size_t at,
                  const char *environment)
{
    char text[STRINGS_SIZE];
    const struct direct_strings strings[2] = {
        {.data = text, .size = spell(shape, at, "--other", text)},
        {.data = environment, .size = strlen(environment) + (environment[0] != '\0')},
    };
    return is_direct(policy, shape->from, shape->program, strings);
}

static bool is_place(const char *from, const char *program)
{
    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
        if (strcmp(shapes[i].from, from) == 0 && strcmp(shapes[i].program, program) == 0)
            return true;
    }
    return false;
}

/* From and to every pair of programs that is none of the shapes'. */
static size_t count_wrong_places(const struct policy *policy, const struct shape *shape)
{
    size_t wrong = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(others); j++) {
            struct shape moved = *shape;

            moved.from = others[i];
            moved.program = others[j];
            wrong += !is_place(others[i], others[j]) && holds(policy, &moved, WORDS_MAX, "");
        }
    }
    return wrong;
}

static size_t count_wrong_of_shape(const struct policy *policy, const struct shape *shape)
{
    size_t count = strlen(shape->free);
    size_t wrong = !holds(policy, shape, WORDS_MAX, "");

    for (size_t i = 0; i < count; i++)
        wrong += holds(policy, shape, i, "") != (shape->free[i] == 'o');
    wrong += holds(policy, shape, count, "") != shape->is_open;
    wrong += holds(policy, shape, WORDS_MAX, "SOME=x") != shape->has_any_environment;
    /* What loads code is never any variable. */
    wrong += holds(policy, shape, WORDS_MAX, "NODE_OPTIONS=x");
    return wrong + count_wrong_places(policy, shape);
}

static struct policy *load(const char *agent)
{
    char directory[] = "/tmp/direct-mutants-XXXXXX";
    const char *const places[] = {directory, NULL};
    struct error err = ERROR_INITIALIZER;
    struct policy *policy = NULL;

    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        char path[PATH_MAX];
        assert_int_equal(path_format(path, "%s/%s", directory, files[i]), 0);
        assert_int_equal(json_dump_file(documents[i], path, 0), 0);
    }
    if (policy_load(places, agent, &policy, &err) < 0)
        fail_msg("%s", error_text(&err));
    assert_int_equal(path_remove_tree(AT_FDCWD, directory, NULL), 0);
    return policy;
}

static size_t count_wrong(void)
{
    size_t wrong = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
        struct policy *policy = load(shapes[i].agent);
        wrong += count_wrong_of_shape(policy, &shapes[i]);
        policy_free(policy);
    }
    return wrong;
}

static void note(const json_t *rule, const char *what)
{
    mutants_note(count_wrong() > 0, "%s of %s", what,
                 json_string_value(json_object_get(rule, "id")));
}

static void set_key(json_t *rule, const char *key, json_t *value)
{
    json_t *before = json_incref(json_object_get(rule, key));

    json_object_set_new(rule, key, value);
    note(rule, key);
    json_object_set_new(rule, key, before);
}

static void loosen(json_t *rule)
{
    json_t *arguments = json_object_get(rule, "arguments");

    for (size_t i = 0; i < json_array_size(arguments); i++) {
        const char *word = json_string_value(json_array_get(arguments, i));

        if (strcmp(word, "*") == 0 || strcmp(word, "...") == 0)
            continue;
        json_t *before = json_incref(json_array_get(arguments, i));
        json_array_set_new(arguments, i, json_string("*"));
        note(rule, json_string_value(before));
        json_array_set_new(arguments, i, before);
    }
    set_key(rule, "arguments", json_pack("[s]", "..."));
    if (json_is_array(json_object_get(rule, "environment")))
        set_key(rule, "environment", json_string("any"));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (strcmp(others[i], json_string_value(json_object_get(rule, "from"))) != 0)
            set_key(rule, "from", json_string(others[i]));
        if (strcmp(others[i], json_string_value(json_object_get(rule, "program"))) != 0)
            set_key(rule, "program", json_string(others[i]));
    }
}

static void misses_every_edge_of_a_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        char path[PATH_MAX];
        assert_int_equal(path_format(path, "%s/%s", SHIPPED, files[i]), 0);
        documents[i] = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(documents[i]);
    }
    assert_int_equal(count_wrong(), 0);
    mutants_begin("direct rules");
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        json_t *rules = json_object_get(documents[i], "direct");
        for (size_t j = 0; j < json_array_size(rules); j++)
            loosen(json_array_get(rules, j));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        json_decref(documents[i]);
    mutants_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(misses_every_edge_of_a_shape)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The patterns of files that run code on the host, and the shipped table of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "host-shim/collect/auto_exec.h"
#include "lib/base/cleanup.h"

/* Matches PATH against a table of the one PATTERN. */
static bool matches(const char *pattern, const char *path)
{
    struct auto_exec_rule rule = {.pattern = strdup(pattern), .why = strdup("why")};
    struct auto_exec_table table = {.rules = &rule, .count = 1};
    bool is_match = auto_exec_match(&table, path) != NULL;
    free(rule.pattern);
    free(rule.why);
    return is_match;
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *path;
        bool is_match;
    } cases[] = {
        {"Makefile", "Makefile", true},
        {"Makefile", "deep/er/Makefile", true},
        {"Makefile", "makefile", true},
        {"Makefile", "Makefile.txt", false},
        {"Makefile", "Makefile/x", false},
        {"*.mk", "a/b.mk", true},
        {"*.mk", "a.mk/b", false},
        {"/debian/rules", "debian/rules", true},
        {"/debian/rules", "x/debian/rules", false},
        {"debian/rules", "x/debian/rules", true},
        {"debian/rules", "xdebian/rules", false},
        {".husky/", ".husky/pre-commit", true},
        {".husky/", "a/.husky/b/c", true},
        {".husky/", ".HUSKY/x", true},
        {".husky/", ".husky", false},
        {".husky/", "x.husky/y", false},
        {".github/workflows/", ".github/workflows/a/b.yml", true},
        {".github/workflows/", "sub/.github/workflows/b.yml", true},
        {".github/workflows/", ".github/other/b.yml", false},
        {"/top/", "top/x", true},
        {"/top/", "a/top/x", false},
        {"[ab]*", "b[", true},
        {"x", "\xff\xfe", false},
        {"*", "\xff\xfe", true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        if (matches(cases[i].pattern, cases[i].path) != cases[i].is_match)
            fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].path);
    }
}

static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *target;
        bool is_suspect;
    } cases[] = {
        {"link", "file", false},
        {"a/b/link", "../../file", false},
        {"a/b/link", "../../../file", true},
        {"link", "..", true},
        {"a/link", "..", false},
        {"link", "/etc/passwd", true},
        {"link", ".git/hooks", true},
        {"link", "sub/.GIT/config", true},
        {"link", ".gitignore", false},
        {"link", "./x//y/./z", false},
        {"link", "dir/../file", true},
        {"a/link", "./../x", false},
        {"a/link", "../x/..", true},
        {"link", "", false},
        {"link", "..file", false},
        {"link", "...", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        if ((auto_exec_link(cases[i].path, cases[i].target) != NULL) != cases[i].is_suspect)
            fail_msg("'%s' -> '%s'", cases[i].path, cases[i].target);
    }
}

static void test_shipped_table(void **state)
{
    (void)state;
    static const char *const running[] = {
        ".git/config",
        "sub/.git/hooks/x",
        ".husky/pre-commit",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        ".vscode/tasks.json",
        ".idea/workspace.xml",
        "package.json",
        "web/package.json",
        "Makefile",
        ".envrc",
        ".gitattributes",
        ".gitmodules",
        ".pre-commit-config.yaml",
        ".devcontainer/devcontainer.json",
        "setup.py",
        "build.rs",
        "Justfile",
        ".npmrc",
        "CMakeLists.txt",
        "hooks/pre-commit",
        ".mcp.json",
        ".claude/settings.json",
        "vite.config.ts",
    };
    static const char *const harmless[] = {
        "README.md",       "src/main.c", "docs/hooks.md",
        "images/logo.png", "git/config", "workflows/ci.yml",
    };
    struct auto_exec_table table;
    struct error err = ERROR_INITIALIZER;
    if (auto_exec_load("policies/auto-exec.tab", &table, &err) < 0)
        fail_msg("%s", error_text(&err));
    for (size_t i = 0; i < ARRAY_LENGTH(running); i++) {
        if (auto_exec_match(&table, running[i]) == NULL)
            fail_msg("%s is not in the table", running[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++) {
        if (auto_exec_match(&table, harmless[i]) != NULL)
            fail_msg("%s is in the table", harmless[i]);
    }
    for (size_t i = 0; i < table.count; i++) {
        for (size_t j = i + 1; j < table.count; j++)
            assert_string_not_equal(table.rules[i].pattern, table.rules[j].pattern);
    }
    auto_exec_free(&table);
}

static int load_text(const char *text, struct error *err)
{
    char path[] = "/tmp/test-auto-exec-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct auto_exec_table table = {.rules = NULL, .count = 0};
    int result = auto_exec_load(path, &table, err);
    auto_exec_free(&table);
    unlink(path);
    return result;
}

static void test_bad_tables(void **state)
{
    (void)state;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(load_text("Makefile why it runs\n", &err), 0);
    assert_int_equal(load_text("Makefile\n", &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), ":1:"));
    assert_int_equal(load_text("a b\nx//y why\n", &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), ":2"));
    assert_int_equal(load_text("/ why\n", &err), -EINVAL);
    assert_int_equal(load_text("# nothing\n", &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_shipped_table),
        cmocka_unit_test(test_bad_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

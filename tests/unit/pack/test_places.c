/* Where an agent's data lies: the shipped table, and what is no table. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/pack/tree.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define TABLE "policies/agent-data.tab"

static void load(const char *agent, struct pack_places *places)
{
    struct error err = ERROR_INITIALIZER;
    if (pack_places_load(TABLE, agent, places, &err) != 0)
        fail_msg("%s", error_text(&err));
}

static void knows_the_places_of_each_agent(void **state)
{
    /* clang-format off */
    static const struct { const char *agent; const char *path; bool is_place; } rows[] = {
        {"claude",  ".claude/history.jsonl", true},
        {"claude",  ".claude/projects/-workspace/" UUID ".jsonl", true},
        {"claude",  ".claude/projects/-workspace/" UUID "/subagents/agent-a1.jsonl", true},
        {"claude",  ".claude/projects/-workspace/" UUID, false},
        {"claude",  ".claude/projects/-workspace/" UUID "/tool-results/a.txt", true},
        {"claude",  ".claude/projects/-workspace/" UUID "/workflows/scripts/x.js", false},
        {"claude",  ".claude/projects/-workspace/" UUID "/x.js", false},
        {"claude",  ".claude/tasks/" UUID "/1.json", false},
        {"claude",  ".claude/todos/" UUID ".json", false},
        {"claude",  ".claude/projects/-workspace/notes.jsonl", false},
        {"claude",  ".claude/projects/-workspace/memory/session-1.md", false},
        {"claude",  ".claude/projects/-workspace/.hidden-" UUID ".jsonl", false},
        {"claude",  ".claude/settings.json", false},
        {"claude",  ".claude/history.jsonl/x", false},
        {"claude",  "x/.claude/history.jsonl", false},
        {"claude",  ".claude/agents/session-1.md", false},
        {"codex",   ".codex/history.jsonl", true},
        {"codex",   ".codex/sessions/2026/11/30/rollout-2026-11-30T10-00-00-" UUID ".jsonl", true},
        {"codex",   ".codex/sessions/notes.md", false},
        {"codex",   ".codex/log/session-1.log", false},
        {"codex",   ".codex/config.toml", false},
        {"codex",   ".claude/history.jsonl", false},
        {"copilot", ".copilot/session-state/" UUID "/events.jsonl", true},
        {"copilot", ".copilot/session-state/" UUID "/workspace.yaml", true},
        {"copilot", ".copilot/session-state/" UUID "/checkpoints/001.md", true},
        {"copilot", ".copilot/session-state/" UUID "/extensions/x/extension.mjs", false},
        {"copilot", ".copilot/session-state/" UUID "/checkpoints/x/extension.mjs", false},
        {"copilot", ".copilot/logs/session-1.log", false},
        {"copilot", ".copilot/mcp-config.json", false},
        /* The logins, whatever stands there: stubs/capability-unseal/prepare.c. */
        {"claude",  ".claude/.credentials.json", false},
        {"codex",   ".codex/auth.json", false},
        {"copilot", ".copilot/config.json", false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct pack_places places;
        load(rows[i].agent, &places);
        if (pack_places_have(&places, rows[i].path) != rows[i].is_place)
            fail_msg("%s: '%s'", rows[i].agent, rows[i].path);
    }
    struct pack_places none;
    load("shell", &none);
    assert_int_equal(none.count, 0);
    assert_false(pack_places_have(&none, ".claude/history.jsonl"));
}

static void leads_to_places_and_nowhere_else(void **state)
{
    struct pack_places places;
    (void)state;
    load("claude", &places);
    assert_true(pack_places_lead(&places, ".claude"));
    assert_true(pack_places_lead(&places, ".claude/projects/anything"));
    assert_true(pack_places_lead(&places, ".claude/projects/anything/" UUID));
    assert_true(pack_places_lead(&places, ".claude/projects/anything/" UUID "/subagents/deeper"));
    assert_false(pack_places_lead(&places, ".claude/projects/anything/" UUID "/workflows"));
    assert_false(pack_places_lead(&places, ".claude/projects/anything/memory"));
    assert_false(pack_places_lead(&places, ".claude/plugins"));
    assert_false(pack_places_lead(&places, ".codex"));
}

static void refuses_what_is_no_row(void **state)
{
    static const char *const tables[] = {
        "claude  sometimes  .claude/x\n", "claude  unique\n",
        "claude  unique  /etc/passwd\n",  "claude  unique  ../x\n",
        "claude  unique  .claude//x\n",   "other  unique  x/../y\n",
        "claude  rolling  /\n",
    };
    struct tree_fixture *fixture = *state;
    struct pack_places places;
    support_write(fixture->archive, "claude  unique  .claude/x/\n", 27);
    assert_int_equal(pack_places_load(fixture->archive, "claude", &places, NULL), 0);
    assert_int_equal(places.count, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
        struct error err = ERROR_INITIALIZER;
        support_write(fixture->archive, tables[i], strlen(tables[i]));
        assert_int_equal(pack_places_load(fixture->archive, "claude", &places, &err), -EINVAL);
        assert_non_null(strstr(error_text(&err), "/archive:1:"));
    }
}

/* Lists the tree with FILTER; what is listed, with a space behind each, and *LEFT_OUT. */
static const char *list(const struct tree_fixture *fixture, const struct pack_filter *filter,
                        size_t *left_out)
{
    static char text[PATH_MAX];
    char **paths = NULL;
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int root = open(fixture->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    text[0] = '\0';
    if (pack_list(root, filter, &paths, left_out, &err) != 0) {
        snprintf(text, sizeof(text), "%s", error_text(&err));
        return text;
    }
    for (size_t i = 0; paths[i] != NULL; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", paths[i]);
    pack_list_free(paths);
    return text;
}

static void set_time(const struct tree_fixture *fixture, const char *name, time_t when)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = when}};
    cleanup_fd int root = open(fixture->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(utimensat(root, name, times, 0), 0);
}

static void lists_the_newest_that_fit_or_refuses(void **state)
{
    struct tree_fixture *fixture = *state;
    size_t left_out = 0;
    tree_put(fixture->tree, "a", "12345");
    tree_put(fixture->tree, "b", "12345");
    tree_put(fixture->tree, "c", "12345");
    set_time(fixture, "a", 300);
    set_time(fixture, "b", 100);
    set_time(fixture, "c", 200);
    const struct pack_filter some = {.most = 10, .is_partial = true};
    assert_string_equal(list(fixture, &some, &left_out), "a c ");
    assert_int_equal(left_out, 1);
    const struct pack_filter all = {.most = 10};
    assert_non_null(strstr(list(fixture, &all, &left_out), "is more than there may be in all"));
    const struct pack_filter enough = {.most = 15};
    assert_string_equal(list(fixture, &enough, &left_out), "a b c ");
    assert_int_equal(left_out, 0);
}

static void lists_nothing_that_is_known_as_it_is(void **state)
{
    struct tree_fixture *fixture = *state;
    struct pack_entry entries[] = {{.path = (char *)(uintptr_t) "a", .size = 1, .modified = 100},
                                   {.path = (char *)(uintptr_t) "b", .size = 1, .modified = 100},
                                   {.path = (char *)(uintptr_t) "c", .size = 1, .modified = 100}};
    const struct pack_manifest known = {.entries = entries, .count = ARRAY_LENGTH(entries)};
    const struct pack_filter filter = {.known = &known};
    size_t left_out = 0;
    tree_put(fixture->tree, "a", "1");
    tree_put(fixture->tree, "b", "22");
    tree_put(fixture->tree, "c", "3");
    tree_put(fixture->tree, "d", "4");
    set_time(fixture, "a", 100);
    set_time(fixture, "b", 100);
    set_time(fixture, "c", 101);
    set_time(fixture, "d", 100);
    assert_string_equal(list(fixture, &filter, &left_out), "b c d ");
}

static void leaves_links_in_places_out(void **state)
{
    struct tree_fixture *fixture = *state;
    struct pack_places places;
    const struct pack_filter filter = {.places = &places};
    char path[PATH_MAX];
    size_t left_out = 0;
    load("claude", &places);
    tree_put(fixture->tree, ".claude/history.jsonl", "one\n");
    tree_put(fixture->tree, ".claude/projects/w/readable-" UUID ".jsonl", "x");
    tree_put(fixture->other, UUID ".jsonl", "secret");
    assert_int_equal(path_format(path, "%s/.claude/projects/linked", fixture->tree), 0);
    assert_int_equal(symlink(fixture->other, path), 0);
    assert_int_equal(path_format(path, "%s/.claude/projects/w/" UUID ".jsonl", fixture->tree), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    /* Not where anything of it is looked for, so nobody's loss. */
    assert_int_equal(path_format(path, "%s/.claude/settings.json", fixture->tree), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_string_equal(list(fixture, &filter, &left_out),
                        ".claude/history.jsonl .claude/projects/w/readable-" UUID ".jsonl ");
    assert_int_equal(left_out, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_places_of_each_agent),
        cmocka_unit_test(leads_to_places_and_nowhere_else),
        TREE_TEST(refuses_what_is_no_row),
        TREE_TEST(lists_the_newest_that_fit_or_refuses),
        TREE_TEST(lists_nothing_that_is_known_as_it_is),
        TREE_TEST(leaves_links_in_places_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

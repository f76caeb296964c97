/* The grammar of the command line: what is taken, and what each bad value is told. */
#include <errno.h>
#include <string.h>

#include "lib/host/grammar.h"
#include "tests/unit/host/support.h"
#include "tests/unit/launch/command_line.h"

/* clang-format off */
static const char *const good[] = {
    "shell", "shell .", "shell https://example.com/x.git", "shell --name a", "shell --name session-1",
    "shell --branch feature/x", "shell --use-current-branch", "shell --cpus 0.01", "shell --cpus 9999.999",
    "shell --memory 64m", "shell --memory 8g", "shell --memory 67108864", "shell --memory 65536k",
    "shell --pids 32", "shell --pids 4194304", "shell --broker socket", "shell --broker sidecar", "shell --network allow-all", "shell --network restricted",
    "shell --gpu all", "shell --gpu 2", "shell --gpu device=GPU-1a,2", "shell --image coding-agents/shell:1",
    "shell --image localhost:5000/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "shell --from-source", "shell --dotnet-preview 10.0", "shell --dry-run --json", "shell --yes",
    "shell -- --anything --branch", "shell . -- sh -c x", "shell --engine-arg --dns=1.1.1.1",
    "shell --prompt hello", "shell --interactive -- vi", "shell --commit-message m --commit-secrets --no-push --include-ignored",
};

/* The value, and a part of what is said about it. */
static const struct { const char *arguments; const char *said; } bad[] = {
    {"shell --interactive --prompt x", "give one of them"},
    {"shell . extra",                 "behind --"},
    {"shell --name Upper",            "lower case"},
    {"shell --name -x",               "lower case"},
    {"shell --name a_b",              "lower case"},
    {"shell --name abcdefghijklmnopqrstuvwxyz0123456", "1 to 32"},
    {"shell --branch a..b",           "git-check-ref-format"},
    {"shell --branch -x",             "git-check-ref-format"},
    {"shell --branch x.lock",         "git-check-ref-format"},
    {"shell --branch @",              "git-check-ref-format"},
    {"shell --branch a/",             "git-check-ref-format"},
    {"shell --cpus 0",                "at least 0.01"},
    {"shell --cpus -1",               "number of processors"},
    {"shell --cpus 1e3",              "number of processors"},
    {"shell --cpus 1,5",              "number of processors"},
    {"shell --cpus 2x",               "number of processors"},
    {"shell --memory 8gb",            "no size"},
    {"shell --memory -1",             "no size"},
    {"shell --memory 8G",             "no size"},
    {"shell --memory 1.5g",           "no size"},
    {"shell --memory 63m",            "at least 64m"},
    {"shell --memory 999999999999g",  "more memory"},
    {"shell --pids 0",                "from 32"},
    {"shell --pids -1",               "from 32"},
    {"shell --pids 31",               "from 32"},
    {"shell --pids 4194305",          "from 32"},
    {"shell --network host",          "allow-all or restricted"},
    {"shell --broker host",           "socket or sidecar"},
    {"shell --network container:x",   "allow-all or restricted"},
    {"shell --gpu 0",                 "write all"},
    {"shell --gpu device=0,,1",       "write all"},
    {"shell --gpu all,capabilities=x", "write all"},
    {"shell --device-read-bps /dev/null:1mb",    "no block device"},
    {"shell --device-read-bps sda:1mb",          "DEVICE:RATE"},
    {"shell --device-write-bps /dev/../x:1mb",   "DEVICE:RATE"},
    {"shell --device-write-bps /dev/x:0",        "DEVICE:RATE"},
    {"shell --image --privileged",    "local tag"},
    {"shell --image x@sha256:12",     "64 hexadecimal"},
    {"shell --image x@md5:0123456789abcdef", "64 hexadecimal"},
    {"shell --dotnet-preview ../x",   "channel"},
    {"shell --dotnet-preview -x",     "channel"},
    {"shell --branch a --use-current-branch", "give one of them"},
    {"shell --image a --from-source", "give one of them"},
    {"shell --env-file /nonexistent", "No such file"},
    {"shell --json",                  "give both"},
};
/* clang-format on */

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        struct launch_options options;
        struct error err = ERROR_INITIALIZER;
        if (command_line_parse(good[i], &options, &err) != 0)
            fail_msg("%s: %s", good[i], error_text(&err));
        options_free(&options);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct launch_options options;
        struct error err = ERROR_INITIALIZER;
        if (command_line_parse(bad[i].arguments, &options, &err) != -EINVAL)
            fail_msg("taken: %s", bad[i].arguments);
        if (strstr(error_text(&err), bad[i].said) == NULL)
            fail_msg("%s: said '%s', not '%s'", bad[i].arguments, error_text(&err), bad[i].said);
        assert_null(strchr(error_text(&err), '\n'));
        options_free(&options);
    }
}

/* An empty value is no value. */
static void test_empty_values(void **state)
{
    (void)state;
    static char empty[] = "";
    static char agent[] = "shell";
    static const char *const flags[] = {"--name",    "--branch", "--prompt", "--commit-message",
                                        "--image",   "--cpus",   "--memory", "--pids",
                                        "--network", "--broker", "--gpu",    "--dotnet-preview"};
    for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
        char *argv[] = {agent, agent, (char *)(uintptr_t)flags[i], empty, NULL};
        struct launch_options options = {.is_persistent = false};
        struct error err = ERROR_INITIALIZER;
        if (options_parse(4, argv, &options, &err) != -EINVAL)
            fail_msg("%s takes an empty value", flags[i]);
        options_free(&options);
    }
}

static void test_values_arrive(void **state)
{
    (void)state;
    struct launch_options options;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(command_line_parse(
                         "--cpus 1.5 shell --memory 1g dir --pids 77 --network restricted -- a --b",
                         &options, &err),
                     0);
    assert_string_equal(options.agent, "shell");
    assert_string_equal(options.source, "dir");
    assert_int_equal(options.milli_cpus, 1500);
    assert_true(options.memory_bytes == 1ull << 30);
    assert_int_equal(options.pids, 77);
    assert_true(options.is_restricted);
    assert_string_equal(options.command[0], "a");
    assert_string_equal(options.command[1], "--b");
    assert_null(options.command[2]);
    options_free(&options);
}

static void test_urls(void **state)
{
    (void)state;
    assert_true(grammar_is_url("https://example.com/a.git"));
    assert_true(grammar_is_url("ssh://git@example.com/a"));
    assert_true(grammar_is_url("git@example.com:a/b.git"));
    assert_true(grammar_is_url("file:///srv/a.git"));
    assert_false(grammar_is_url("ext::sh -c x"));
    assert_false(grammar_is_url("http://example.com/a.git"));
    assert_false(grammar_is_url("./a:b"));
    assert_false(grammar_is_url("/srv/git@x:y"));
    assert_false(grammar_is_url("--upload-pack=x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),         cmocka_unit_test(test_bad),
        cmocka_unit_test(test_empty_values), cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

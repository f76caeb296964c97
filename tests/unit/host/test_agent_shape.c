/* What the shipped table says of commands as vendors' programs start them, and of what only looks
 * like them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/host/agent_shape.h"
#include "tests/unit/host/support.h"

#define SHIPPED "policies/agent-shapes.tab"
#define BEFORE                                                                            \
    "\\builtin shopt -u extglob 2>/dev/null || true && { \\builtin unalias -- 'which'; "  \
    "\\builtin unset -f -- 'which'; } >/dev/null 2>&1 || true && { \\builtin unalias -- " \
    "'unsetenv'; \\builtin unset -f -- 'unsetenv'; } >/dev/null 2>&1 || true && eval "
#define SNAPSHOT(name) \
    "source /home/agentcli/.claude/shell-snapshots/" name ".sh 2>/dev/null || true && "
#define BEHIND " < /dev/null && pwd -P >| /tmp/claude-0a1b-cwd"

struct shape_case {
    const char *agent;
    const char *arguments[6];
    enum agent_shape_kind kind;
    const char *command;
};

/* clang-format off */
static const struct shape_case cases[] = {
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls'" BEHIND}, AGENT_SHAPE_QUOTED, "ls"},
    {"codex",  {"/bin/bash", "-c", "-l", BEFORE "'ls'" BEHIND}, AGENT_SHAPE_QUOTED, "ls"},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls &' && pwd -P >| /tmp/claude-0a1b-cwd"}, AGENT_SHAPE_QUOTED, "ls &"},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'it'\"'\"'s'" BEHIND}, AGENT_SHAPE_QUOTED, "it's"},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "''\"'\"'it'\"'\"''" BEHIND}, AGENT_SHAPE_QUOTED, "'it'"},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "''" BEHIND}, AGENT_SHAPE_QUOTED, ""},
    {"claude", {"/bin/bash", "-c", SNAPSHOT("snapshot-bash-17-x9") BEFORE "'ls'" BEHIND}, AGENT_SHAPE_QUOTED, "ls"},
    {"claude", {"/bin/bash", "-c", SNAPSHOT("../../x") BEFORE "'ls'" BEHIND}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", SNAPSHOT("x.sh; evil; x") BEFORE "'ls'" BEHIND}, AGENT_SHAPE_NONE, NULL},
    /* What does more than run the command is shown as it is. */
    {"claude", {"/bin/bash", "-c", "-l", "evil; " BEFORE "'ls'" BEHIND}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls'" BEHIND "; evil"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls'$(evil)" BEHIND}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls'; evil; 'ls'" BEHIND}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls" BEHIND}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls' < /dev/null && pwd -P >| /tmp/claude-;evil-cwd"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls' < /dev/null && pwd -P >| /tmp/claude--cwd"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/bin/bash", "-c", "-l", BEFORE "'ls'" BEHIND, "more"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"/tmp/bin/bash", "-c", "-l", BEFORE "'ls'" BEHIND}, AGENT_SHAPE_NONE, NULL},
    {"codex", {"/bin/bash", "-lc", "cd x && make\nls"}, AGENT_SHAPE_TEXT, "cd x && make\nls"},
    {"codex", {"/bin/bash", "-lc", ""}, AGENT_SHAPE_TEXT, ""},
    {"codex", {"/bin/bash", "-lc"}, AGENT_SHAPE_NONE, NULL},
    {"codex", {"/bin/bash", "-l", "c"}, AGENT_SHAPE_NONE, NULL},
    {"codex", {"bash", "-lc", "ls"}, AGENT_SHAPE_NONE, NULL},
    {"copilot", {"/bin/bash", "--norc", "--noprofile", "-c", "ls"}, AGENT_SHAPE_TEXT, "ls"},
    {"copilot", {"/bin/bash", "--norc", "-c", "ls"}, AGENT_SHAPE_NONE, NULL},
    /* What a program runs for itself, and what is another's or nobody's. */
    {"codex", {"getconf", "LONG_BIT"}, AGENT_SHAPE_OWN, NULL},
    {"codex", {"/usr/bin/getconf", "LONG_BIT"}, AGENT_SHAPE_OWN, NULL},
    {"codex", {"getconf", "PAGE_SIZE"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"getconf", "LONG_BIT"}, AGENT_SHAPE_NONE, NULL},
    {NULL, {"getconf", "LONG_BIT"}, AGENT_SHAPE_NONE, NULL},
    {"copilot", {"git", "--version"}, AGENT_SHAPE_OWN, NULL},
    {"shell", {"git", "--version"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {"git", "-c", "core.askPass=", "-c", "protocol.ext.allow=never", "remote"}, AGENT_SHAPE_OWN, NULL},
    {"claude", {"git", "remote"}, AGENT_SHAPE_NONE, NULL},
    {"claude", {NULL}, AGENT_SHAPE_NONE, NULL},
};
/* clang-format on */

static void knows_the_shapes(void **state)
{
    struct agent_shapes shapes;
    struct error err = ERROR_INITIALIZER;
    (void)state;
    if (agent_shapes_read(SHIPPED, &shapes, &err) < 0)
        fail_msg("%s", error_text(&err));
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        size_t count = 0;
        cleanup_free char *command = NULL;
        while (count < ARRAY_LENGTH(cases[i].arguments) && cases[i].arguments[count] != NULL)
            count++;
        enum agent_shape_kind kind =
            agent_shape_find(&shapes, cases[i].agent, cases[i].arguments, count, &command);
        if (kind != cases[i].kind)
            fail_msg("case %zu: kind %d", i, (int)kind);
        if (cases[i].command == NULL)
            assert_null(command);
        else
            assert_string_equal(command, cases[i].command);
    }
    agent_shapes_free(&shapes);
}

static void refuses_malformed_tables(void **state)
{
    static const char *const malformed[] = {
        "claude  other  bash  x\n",
        "claude  text  bash  no place\n",
        "claude  text  bash\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++) {
        char path[] = "/tmp/shapes-XXXXXX";
        struct agent_shapes shapes;
        struct error err = ERROR_INITIALIZER;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, malformed[i], strlen(malformed[i])), strlen(malformed[i]));
        close(fd);
        assert_true(agent_shapes_read(path, &shapes, &err) < 0);
        assert_int_equal(shapes.count, 0);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_shapes),
        cmocka_unit_test(refuses_malformed_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

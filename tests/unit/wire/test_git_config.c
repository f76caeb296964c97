/* Which git configuration may travel: nothing that runs a program, names a file or carries a
 * credential. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/git_config.h"
#include "tests/unit/wire/support.h"

struct entry {
    const char *key;
    const char *value;
};

/* clang-format off */
static const struct entry allowed[] = {
    {"remote.origin.url", "https://example.org/x.git"},
    {"remote.origin.url", "ssh://git@example.org/x.git"},
    {"remote.origin.url", "git@example.org:x.git"},
    {"remote.origin.url", "/srv/git/x.git"},
    {"remote.origin.url", "../x.git"},
    {"remote.with.dots.url", "../x.git"},
    {"remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"},
    {"branch.main.merge", "refs/heads/main"},
    {"core.AutoCRLF", "input"},
    {"submodule.lib.update", "rebase"},
    {"user.name", "Jane"},
};

static const struct entry refused[] = {
    {"core.fsmonitor", "x"}, {"core.sshCommand", "x"}, {"core.hooksPath", "x"}, {"core.editor", "x"},
    {"core.pager", "x"}, {"core.askPass", "x"}, {"core.gitProxy", "x"}, {"core.worktree", "x"},
    {"core.attributesFile", "x"}, {"core.excludesFile", "x"}, {"core.alternateRefsCommand", "x"},
    {"filter.lfs.clean", "x"}, {"diff.external", "x"}, {"diff.x.textconv", "x"}, {"diff.x.command", "x"},
    {"merge.x.driver", "x"}, {"mergetool.x.cmd", "x"}, {"difftool.x.cmd", "x"},
    {"credential.helper", "x"}, {"credential.https://x.helper", "x"}, {"gpg.program", "x"},
    {"alias.st", "!x"}, {"include.path", "x"}, {"includeIf.gitdir:x.path", "x"},
    {"url.x.insteadOf", "y"}, {"http.proxy", "x"}, {"http.extraHeader", "x"}, {"sequence.editor", "x"},
    {"remote.origin.uploadpack", "x"}, {"remote.origin.receivepack", "x"}, {"remote.origin.vcs", "x"},
    {"remote.origin.proxy", "x"}, {"uploadpack.packObjectsHook", "x"}, {"pager.log", "x"},
    {"lfs.customtransfer.x.path", "x"}, {"trailer.x.command", "x"}, {"interactive.diffFilter", "x"},
    {"submodule.lib.update", "!x"}, {"submodule.lib.ignore", "all"}, {"remote.origin.url", "ext::sh -c x"}, {"remote.origin.url", "ext::x[y"},
    {"remote.origin.url", "-oProxyCommand=x"}, {"remote.origin.url", "https://token@example.org/x"},
    {"remote.origin.url", "https://a:b@example.org/x"}, {"remote.origin.url", "ssh://a:b@example.org/x"},
    {"remote.origin.pushurl", "fd::3"}, {"remote.origin.url", "odd://x"},
    {"user.name", "a\nb"}, {"core", "x"}, {"", "x"}, {"user.x.name", "x"}, {"remote.url", "x"},
};
/* clang-format on */

static void lets_harmless_keys_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++) {
        const char *reason = git_config_refusal(allowed[i].key, allowed[i].value);
        if (reason != NULL)
            fail_msg("%s = %s: %s", allowed[i].key, allowed[i].value, reason);
    }
}

static void refuses_everything_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        if (git_config_refusal(refused[i].key, refused[i].value) == NULL)
            fail_msg("%s = %s was let through", refused[i].key, refused[i].value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_harmless_keys_through),
        cmocka_unit_test(refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Facts about real repositories of every kind a session may be started on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/host/support.h"

static struct repository repository;

static int inspect(const char *directory, bool with_ignored, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.2000s/%.2000s", support_directory, directory);
    return repository_inspect(path, with_ignored, &repository, err);
}

static void inspect_good(const char *directory)
{
    struct error err = ERROR_INITIALIZER;
    if (inspect(directory, false, &err) != 0)
        fail_msg("%s", error_text(&err));
}

static void inspect_bad(const char *directory, const char *said)
{
    struct error err = ERROR_INITIALIZER;
    if (inspect(directory, false, &err) == 0)
        fail_msg("%s was taken", directory);
    if (strstr(error_text(&err), said) == NULL)
        fail_msg("said '%s', not '%s'", error_text(&err), said);
    assert_null(strchr(error_text(&err), '\n'));
}

static const char *config_of(const struct manifest_git_directory *directory, const char *key)
{
    for (size_t i = 0; i < directory->config_count; i++) {
        if (strcmp(directory->config[i].key, key) == 0)
            return directory->config[i].value;
    }
    return NULL;
}

static void make_plain(void)
{
    support_shell("git init -q r && cd r && echo one >tracked && mkdir sub && echo two >sub/file\n"
                  "echo ignored >.gitignore && git add . && git commit -qm start\n"
                  "echo new >untracked && echo no >ignored && ln -s /nonexistent broken");
}

static void test_plain(void **state)
{
    (void)state;
    make_plain();
    inspect_good("r/sub");
    assert_string_equal(repository.head_branch, "main");
    assert_int_equal(strlen(repository.base_commit), 40);
    assert_string_equal(repository.object_format, "sha1");
    assert_string_equal(repository.user_name, "Tester");
    assert_string_equal(repository.label, "r");
    assert_false(repository.is_git_outside);
    assert_int_equal(repository.directory_count, 1);
    assert_string_equal(repository.directories[0].common_path, "/tmp/source-repo/.git");
    assert_string_equal(repository.directories[0].private_path, "/tmp/source-repo/.git");
    assert_int_equal(repository.files.count, 5);
    assert_true(support_lists(&repository.files, "untracked"));
    assert_true(support_lists(&repository.files, "broken"));
    assert_true(support_lists(&repository.files, "sub/file"));
    assert_false(support_lists(&repository.files, "ignored"));
    repository_free(&repository);
}

static void test_ignored_files_by_option(void **state)
{
    (void)state;
    struct error err = ERROR_INITIALIZER;
    make_plain();
    assert_int_equal(inspect("r", true, &err), 0);
    assert_true(support_lists(&repository.files, "ignored"));
    assert_false(support_lists(&repository.files, ".git/HEAD"));
    repository_free(&repository);
}

static void test_deleted_and_odd_names(void **state)
{
    (void)state;
    support_shell("git init -q 'o,dd \"n\"' && cd 'o,dd \"n\"' && touch gone ./-rf 'new\nline' "
                  "\"$(printf '\\377\\376')\" 'qu\"ote'\n"
                  "git add . && git commit -qm start && rm gone && mkfifo pipe && rm -f 'qu\"ote' "
                  "&& mkfifo 'qu\"ote'");
    inspect_good("o,dd \"n\"");
    assert_false(support_lists(&repository.files, "gone"));
    assert_true(support_lists(&repository.files, "-rf"));
    assert_true(support_lists(&repository.files, "new\nline"));
    assert_true(support_lists(&repository.files, "\377\376"));
    assert_false(support_lists(&repository.files, "qu\"ote"));
    assert_int_equal(repository.files.left_out, 1);
    repository_free(&repository);
}

static void test_unborn_and_detached(void **state)
{
    (void)state;
    support_shell("git init -q unborn && echo x >unborn/file\n"
                  "git init -q detached && cd detached && git commit -q --allow-empty -m a && git "
                  "checkout -q --detach");
    inspect_good("unborn");
    assert_string_equal(repository.base_commit, "");
    assert_string_equal(repository.head_branch, "main");
    assert_true(support_lists(&repository.files, "file"));
    repository_free(&repository);
    inspect_good("detached");
    assert_string_equal(repository.head_branch, "");
    assert_int_equal(strlen(repository.base_commit), 40);
    repository_free(&repository);
}

static void test_sha256(void **state)
{
    (void)state;
    support_shell(
        "git init -q --object-format=sha256 r && cd r && git commit -q --allow-empty -m a");
    inspect_good("r");
    assert_string_equal(repository.object_format, "sha256");
    assert_int_equal(strlen(repository.base_commit), 64);
    repository_free(&repository);
}

static void test_worktree(void **state)
{
    (void)state;
    make_plain();
    support_shell("cd r && git worktree add -q ../w -b side");
    inspect_good("w");
    assert_true(repository.is_git_outside);
    assert_string_equal(repository.head_branch, "side");
    assert_string_equal(repository.directories[0].common_path, "/tmp/source-git");
    assert_string_equal(repository.directories[0].private_path, "/tmp/source-git/worktrees/w");
    repository_free(&repository);
}

static void test_separate_git_directory(void **state)
{
    (void)state;
    support_shell(
        "git init -q --separate-git-dir store r && cd r && git commit -q --allow-empty -m a");
    inspect_good("r");
    assert_true(repository.is_git_outside);
    assert_string_equal(repository.directories[0].common_path, "/tmp/source-git");
    assert_string_equal(repository.directories[0].private_path, "/tmp/source-git");
    repository_free(&repository);
}

static void test_submodules(void **state)
{
    (void)state;
    support_shell(
        "git init -q inner && (cd inner && echo i >i && git add . && git commit -qm i)\n"
        "git init -q middle && (cd middle && git submodule --quiet add ../inner deep/inner && git "
        "commit -qm m)\n"
        "git init -q outer && cd outer && git submodule --quiet add --name named ../middle middle\n"
        "git submodule --quiet update --init --recursive && git submodule --quiet add ../inner "
        "empty\n"
        "git commit -qm o && git submodule --quiet deinit -f empty && echo u "
        ">middle/deep/inner/untracked");
    inspect_good("outer");
    assert_int_equal(repository.directory_count, 3);
    assert_string_equal(repository.directories[1].worktree, "middle");
    assert_string_equal(repository.directories[1].name, "named");
    assert_string_equal(repository.directories[1].common_path,
                        "/tmp/source-repo/.git/modules/named");
    assert_string_equal(repository.directories[2].worktree, "middle/deep/inner");
    assert_string_equal(repository.directories[2].name, "named/modules/deep/inner");
    assert_true(support_lists(&repository.files, "middle/deep/inner/i"));
    assert_true(support_lists(&repository.files, "middle/deep/inner/untracked"));
    assert_true(support_lists(&repository.files, "empty"));
    assert_true(support_lists(&repository.files, "middle"));
    repository_free(&repository);
}

static void test_submodule_of_a_worktree(void **state)
{
    (void)state;
    support_shell("git init -q inner && (cd inner && echo i >i && git add . && git commit -qm i)\n"
                  "git init -q outer && cd outer && git submodule --quiet add ../inner inner && "
                  "git commit -qm o\n"
                  "git worktree add -q ../w && cd ../w && git submodule --quiet update --init");
    inspect_good("w");
    assert_int_equal(repository.directory_count, 2);
    assert_string_equal(repository.directories[1].name, "inner");
    assert_string_equal(repository.directories[1].private_path,
                        "/tmp/source-git/worktrees/w/modules/inner");
    repository_free(&repository);
}

static void test_nested_repository_is_left_out(void **state)
{
    (void)state;
    make_plain();
    support_shell(
        "git init -q r/nested && cd r/nested && echo x >file && git add . && git commit -qm n");
    inspect_good("r");
    assert_int_equal(repository.files.left_out, 1);
    assert_string_equal(repository.files.first_left_out, "nested/");
    assert_false(support_lists(&repository.files, "nested/"));
    repository_free(&repository);
}

static void test_shallow_and_sparse(void **state)
{
    (void)state;
    make_plain();
    support_shell("(cd r && git commit -q --allow-empty -m two)\n"
                  "git clone -q --depth 1 file://$PWD/r shallow\n"
                  "git clone -q r sparse && cd sparse && git sparse-checkout set --cone "
                  "--sparse-index nothing");
    inspect_good("shallow");
    assert_true(support_lists(&repository.files, "tracked"));
    repository_free(&repository);
    inspect_good("sparse");
    assert_true(support_lists(&repository.files, "tracked"));
    assert_false(support_lists(&repository.files, "sub/file"));
    assert_string_equal(config_of(&repository.directories[0], "core.sparsecheckout"), "true");
    repository_free(&repository);
}

static void test_alternates(void **state)
{
    (void)state;
    make_plain();
    support_shell("git clone -q --shared r middle && git clone -q --shared middle end");
    inspect_good("end");
    assert_int_equal(repository.alternates.count, 2);
    assert_string_equal(repository.directories[0].alternates[0], "/tmp/source-alternates/0");
    assert_string_equal(repository.directories[0].alternates[1], "/tmp/source-alternates/1");
    assert_null(repository.directories[0].alternates[2]);
    repository_free(&repository);
    support_shell("mv r elsewhere");
    inspect_bad("end", "borrows are not there");
    support_shell("git init -q lost && cd lost && git commit -q --allow-empty -m a\n"
                  "rm -r .git/objects/??");
    inspect_bad("lost", "git fsck");
}

static void test_configuration_is_filtered(void **state)
{
    (void)state;
    make_plain();
    support_shell(
        "cd r && git remote add origin https://user:secret@example.com/x.git\n"
        "git remote add evil 'ext::sh -c x' && git remote add local /srv/x\n"
        "git config core.sshCommand 'touch /tmp/x' && git config core.fsmonitor /tmp/x\n"
        "git config filter.x.clean /tmp/x && git config credential.helper store\n"
        "git config core.autocrlf input && git config http.extraHeader 'Authorization: x'\n"
        "git config --global core.editor vi && git config include.path /etc/x");
    inspect_good("r");
    const struct manifest_git_directory *top = &repository.directories[0];
    assert_string_equal(config_of(top, "remote.origin.url"), "https://example.com/x.git");
    assert_string_equal(config_of(top, "core.autocrlf"), "input");
    static const char *const dropped[] = {"core.sshcommand",   "core.fsmonitor",   "filter.x.clean",
                                          "credential.helper", "http.extraheader", "core.editor",
                                          "remote.evil.url",   "remote.local.url", "include.path"};
    for (size_t i = 0; i < ARRAY_LENGTH(dropped); i++)
        assert_null(config_of(top, dropped[i]));
    repository_free(&repository);
}

/* The repository's own programs must not run when it is looked at. */
static void test_nothing_of_it_is_executed(void **state)
{
    (void)state;
    char ran[PATH_MAX];
    make_plain();
    support_shell(
        "printf '#!/bin/sh\\ntouch %s/ran\\n' \"$PWD\" >evil && chmod +x evil && cd r\n"
        "git config core.fsmonitor \"$PWD/../evil\" && git config core.sshCommand "
        "\"$PWD/../evil\"\n"
        "git config core.pager \"$PWD/../evil\" && git config filter.x.clean \"$PWD/../evil\"\n"
        "git config filter.x.process \"$PWD/../evil\" && echo '* filter=x' >.gitattributes\n"
        "mkdir -p .git/hooks && cp ../evil .git/hooks/post-index-change && touch tracked");
    inspect_good("r");
    repository_free(&repository);
    snprintf(ran, sizeof(ran), "%.4000s/ran", support_directory);
    assert_int_not_equal(access(ran, F_OK), 0);
    /* The control: plain git does run it. */
    support_shell("git -C r status >/dev/null || true; test -e ran");
}

static void test_refusals(void **state)
{
    (void)state;
    support_shell("mkdir none && git init -q --bare bare.git && git init -q broken && echo x "
                  ">broken/.git/HEAD");
    inspect_bad("none", "not in a git repository");
    inspect_bad("bare.git", "needs a work tree");
    inspect_bad("missing", "No such file");
    inspect_bad("broken", "not in a git repository");
    support_shell("cd home && git init -q . && git init -q ../r");
    inspect_bad("home", "home directory");
    support_shell("git init -q .");
    inspect_bad(".", "home directory");
    struct error err = ERROR_INITIALIZER;
    assert_true(repository_inspect("/", false, &repository, &err) < 0);
}

/* Root reads everything, but the container's root does not: the same eyes are used here. */
static void test_unreadable_files(void **state)
{
    (void)state;
    make_plain();
    support_shell("chmod 000 r/tracked r/untracked");
    inspect_bad("r", "2 of the repository's files cannot be copied; the first, '");
    support_shell("chmod 600 r/tracked r/untracked");
    inspect_good("r");
    repository_free(&repository);
}

static void test_repository_of_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    make_plain();
    support_shell(
        "chmod 755 . home && chown -R 12345:12345 r && chmod 700 r && chmod 600 r/tracked");
    inspect_good("r");
    assert_int_equal(repository.identity.uid, 12345);
    assert_true(support_lists(&repository.files, "tracked"));
    repository_free(&repository);
    support_shell("chown root:root r/untracked && chmod 600 r/untracked");
    inspect_bad("r", "'untracked', cannot be read");
    /* And root is itself again afterwards. */
    assert_int_equal(access("/etc/shadow", R_OK), 0);
}

#define WITH_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, support_enter, support_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_plain),
        WITH_DIRECTORY(test_ignored_files_by_option),
        WITH_DIRECTORY(test_deleted_and_odd_names),
        WITH_DIRECTORY(test_unborn_and_detached),
        WITH_DIRECTORY(test_sha256),
        WITH_DIRECTORY(test_worktree),
        WITH_DIRECTORY(test_separate_git_directory),
        WITH_DIRECTORY(test_submodules),
        WITH_DIRECTORY(test_submodule_of_a_worktree),
        WITH_DIRECTORY(test_nested_repository_is_left_out),
        WITH_DIRECTORY(test_shallow_and_sparse),
        WITH_DIRECTORY(test_alternates),
        WITH_DIRECTORY(test_configuration_is_filtered),
        WITH_DIRECTORY(test_nothing_of_it_is_executed),
        WITH_DIRECTORY(test_refusals),
        WITH_DIRECTORY(test_unreadable_files),
        WITH_DIRECTORY(test_repository_of_another_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

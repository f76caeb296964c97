/* The manifest: what is written is read back, and what is wrong is refused by the name of its key.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/limits.h"
#include "tests/unit/wire/support.h"

static char *render(const struct manifest *manifest, size_t *size)
{
    struct error err = ERROR_INITIALIZER;
    char *text = NULL;
    if (manifest_render(manifest, &text, size, &err) != 0)
        fail_msg("%s", error_text(&err));
    return text;
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    struct manifest manifest;
    struct manifest *parsed = NULL;
    struct error err = ERROR_INITIALIZER;
    size_t size = 0, again_size = 0;
    support_manifest(&manifest);
    cleanup_free char *text = render(&manifest, &size);
    assert_int_equal(manifest_parse(text, size, &parsed, &err), 0);
    cleanup_free char *again = render(parsed, &again_size);
    assert_string_equal(text, again);
    assert_int_equal(text[size - 1], '\n');
    assert_string_equal(parsed->command[1], "two words");
    assert_int_equal(parsed->read_groups[1], 999);
    assert_string_equal(parsed->git_directories[1].worktree, "vendor/lib");
    assert_string_equal(parsed->git_directories[0].config[1].value, "input");
    assert_string_equal(parsed->setup_hooks[0].arguments[0], "10.0");
    manifest_free(parsed);
}

static void carries_bytes_that_are_not_text(void **state)
{
    (void)state;
    struct manifest manifest;
    struct manifest *parsed = NULL;
    char *odd_command[] = {(char *)(uintptr_t) "cat", (char *)(uintptr_t) "b\xff\xfe", NULL};
    size_t size = 0;
    support_manifest(&manifest);
    manifest.command = odd_command;
    manifest.commit_message = (char *)(uintptr_t) "caf\xe9";
    cleanup_free char *text = render(&manifest, &size);
    assert_non_null(strstr(text, "\"command_base64\":[\"Y2F0\",\"Yv/+\"]"));
    assert_non_null(strstr(text, "\"commit_message_base64\":\"Y2Fm6Q==\""));
    assert_null(strstr(text, "\"command\""));
    assert_int_equal(manifest_parse(text, size, &parsed, NULL), 0);
    assert_string_equal(parsed->command[1], "b\xff\xfe");
    assert_string_equal(parsed->commit_message, "caf\xe9");
    manifest_free(parsed);
}

/* One edit of the valid document, and the words the refusal must have. An empty VALUE removes the
 * key. */
struct edit {
    const char *path; /* keys and indices separated by '/' */
    const char *value;
    const char *expected;
};

/* clang-format off */
static const struct edit edits[] = {
    {"version", "2", "version 2 is not the one known"},
    {"version", "", "version is missing"},
    {"session", "\"ABCDEFGH\"", "session is not a session id"},
    {"session", "\"abcdefgh2\"", "session is not a session id"},
    {"session", "7", "session must be a string"},
    {"agent", "\"\"", "agent is not a name"},
    {"agent", "", "agent is missing"},
    {"surprise", "1", "surprise is not a known key"},
    {"agent_base64", "\"c2hlbGw=\"", "agent is given twice"},
    {"mode", "\"batch\"", "mode is not one of"},
    {"is_persistent", "1", "is_persistent must be true or false"},
    {"command", "{}", "command must be an array"},
    {"command/0", "3", "command[0] must be a string"},
    {"stop_grace_ms", "0", "stop_grace_ms is out of range"},
    {"stop_grace_ms", "-1", "stop_grace_ms is out of range"},
    {"stop_grace_ms", "1.5", "stop_grace_ms must be an integer"},
    {"repository_label", "\"a/b\"", "repository_label holds a '/'"},
    {"git/signing", "\"x509\"", "git.signing is not one of"},
    {"git/signing", "\"ssh\"", "git.signing_key must be given"},
    {"git/signing_key", "\"ABCD\"", "git.signing_key must be empty"},
    {"git/signing_key", "\"AB\\nCD\"", "git.signing_key holds a control character"},
    {"git/sign_commits", "true", "git.sign_commits and git.sign_tags need git.signing"},
    {"source", "[]", "source must be an object"},
    {"source/kind", "\"none\"", "source.git_directories must be empty"},
    {"source/surprise", "1", "source.surprise is not a known key"},
    {"source/read_uid", "4294967295", "source.read_uid is out of range"},
    {"source/read_groups/0", "-3", "source.read_groups[0] is out of range"},
    {"source/file_list_sha256", "\"00\"", "source.file_list_sha256 is not a SHA-256"},
    {"source/file_list_sha256", "\"\"", "source.file_list_sha256 must be given"},
    {"source/trusted_files", "[]", "source.trusted_sha256 must be given with trusted_files"},
    {"source/trusted_files/0", "\"../x\"", "source.trusted_files[0] is not a plain relative path"},
    {"source/trusted_files/1", "\"\"", "source.trusted_files[1] is empty"},
    {"source/trusted_files/1", "\".git/config\"", "source.trusted_files[1] leads into a .git"},
    {"source/trusted_sha256", "\"\"", "source.trusted_sha256 must be given with trusted_files"},
    {"source/trusted_sha256", "\"zz\"", "source.trusted_sha256 is not a SHA-256"},
    {"source/git_directories", "[]", "must name the repository's own directory"},
    {"source/git_directories/0/worktree", "\"x\"", "source.git_directories[0] must be the top one"},
    {"source/git_directories/1/worktree", "\"../x\"", "source.git_directories[1].worktree is not a plain relative path"},
    {"source/git_directories/1/worktree", "\"/x\"", "git_directories[1].worktree is not a plain"},
    {"source/git_directories/1/worktree", "\"a/.GIT/hooks\"", "git_directories[1].worktree leads into a .git"},
    {"source/git_directories/1/name", "\"../../x\"", "git_directories[1].name is not a plain"},
    {"source/git_directories/1/common_path", "\"/etc\"", "git_directories[1].common_path is not a plain path below"},
    {"source/git_directories/1/common_path", "\"/tmp/source-repo/../x\"", "common_path is not a plain path below"},
    {"source/git_directories/1/private_path", "\"/tmp/source-repository\"", "private_path is not a plain path below"},
    {"source/git_directories/0/alternates/0", "\"/root\"", "alternates[0] is not a plain path below"},
    {"source/git_directories/0/config/0/key", "\"core.fsmonitor\"", "config[0]: 'core.fsmonitor' is not on the list"},
    {"source/git_directories/0/config/0/value", "\"ext::sh -c x\"", "is a URL for a remote helper"},
    {"git/branch", "\"-x\"", "git.branch is not a branch name"},
    {"git/branch", "\"a\\u0000b\"", "not JSON"},
    {"git/base_commit", "\"xyz\"", "git.base_commit is not an object id"},
    {"git/object_format", "\"sha256\"", "git.base_commit does not fit"},
    {"git/object_format", "\"md5\"", "git.object_format is neither"},
    {"git/user_name", "\"a <b>\"", "git.user_name holds"},
    {"setup_hooks/0/name", "\"../x\"", "setup_hooks[0].name is not the name"},
    {"setup_hooks/0/name", "\".x\"", "setup_hooks[0].name is not the name"},
};
/* clang-format on */

static json_t *child(json_t *parent, const char *key)
{
    return json_is_array(parent) ? json_array_get(parent, strtoul(key, NULL, 10))
                                 : json_object_get(parent, key);
}

static void set_child(json_t *parent, const char *key, const char *value)
{
    json_t *parsed = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (json_is_array(parent))
        json_array_set_new(parent, strtoul(key, NULL, 10), parsed);
    else if (value[0] == '\0')
        json_object_del(parent, key);
    else
        json_object_set_new(parent, key, parsed);
}

static char *apply(const char *text, const struct edit *edit)
{
    json_t *document = json_loads(text, 0, NULL);
    json_t *parent = document;
    char path[128];
    snprintf(path, sizeof(path), "%s", edit->path);
    char *key = path;
    for (char *slash = strchr(key, '/'); slash != NULL; slash = strchr(key, '/')) {
        *slash = '\0';
        parent = child(parent, key);
        assert_non_null(parent);
        key = slash + 1;
    }
    set_child(parent, key, edit->value);
    char *edited = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return edited;
}

static void names_the_key_that_is_wrong(void **state)
{
    (void)state;
    struct manifest manifest;
    size_t size = 0;
    support_manifest(&manifest);
    cleanup_free char *text = render(&manifest, &size);
    for (size_t i = 0; i < ARRAY_LENGTH(edits); i++) {
        struct error err = ERROR_INITIALIZER;
        struct manifest *parsed = NULL;
        cleanup_free char *edited = apply(text, &edits[i]);
        assert_int_equal(manifest_parse(edited, strlen(edited), &parsed, &err), -EPROTO);
        assert_null(parsed);
        if (strstr(error_text(&err), edits[i].expected) == NULL)
            fail_msg("%s = %s: '%s' lacks '%s'", edits[i].path, edits[i].value, error_text(&err),
                     edits[i].expected);
    }
}

static void refuses_doubled_submodules(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *name; bool accepted; } names[] = {
        {"other", true}, {"lib/modules/inner", true}, {"library", true},
        {"lib", false}, {"lib/hooks", false}, {"lib/modules", false},
    };
    /* clang-format on */
    struct manifest manifest;
    support_manifest(&manifest);
    struct manifest_git_directory directories[3] = {
        manifest.git_directories[0], manifest.git_directories[1], manifest.git_directories[1]};
    directories[2].worktree = (char *)(uintptr_t) "vendor/other";
    manifest.git_directories = directories;
    manifest.git_directory_count = 3;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        cleanup_free char *text = NULL;
        size_t size = 0;
        directories[2].name = (char *)(uintptr_t)names[i].name;
        assert_int_equal(manifest_render(&manifest, &text, &size, NULL),
                         names[i].accepted ? 0 : -EPROTO);
    }
}

static void refuses_what_is_too_large(void **state)
{
    (void)state;
    struct error err = ERROR_INITIALIZER;
    struct manifest *parsed = NULL;
    cleanup_free char *text = calloc(1, LIMIT_MANIFEST_BYTES + 1);
    assert_int_equal(manifest_parse(text, LIMIT_MANIFEST_BYTES + 1, &parsed, &err), -EPROTO);
    assert_non_null(strstr(error_text(&err), "larger than"));
}

static void digests_as_sha256sum_does(void **state)
{
    (void)state;
    char digest[MANIFEST_DIGEST_SIZE];
    manifest_digest("abc", 3, digest);
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void knows_ids_names_and_branches(void **state)
{
    (void)state;
    static const char *const good_branches[] = {"main", "shell/session-1", "a.b/c_d", "\xc3\xa4",
                                                "@x"};
    static const char *const bad_branches[] = {"",         "-x",   "a..b", "a b",  "a~b",  "a^b",
                                               "a:b",      "a?b",  "a*b",  "a[b",  "a\\b", "/a",
                                               "a/",       "a//b", ".a",   "a/.b", "a.",   "a.lock",
                                               "a.lock/b", "a@{b", "@",    "HEAD", "a\tb", "a\x7f"};
    for (size_t i = 0; i < ARRAY_LENGTH(good_branches); i++)
        assert_true(manifest_is_branch(good_branches[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(bad_branches); i++)
        assert_false(manifest_is_branch(bad_branches[i]));
    assert_true(manifest_is_session_id("a2b3c4d5"));
    assert_false(manifest_is_session_id("a2b3c4d"));
    assert_false(manifest_is_session_id("a2b3c4d1"));
    assert_false(manifest_is_session_id("a2b3c4d55"));
    assert_true(manifest_is_name("a"));
    assert_true(manifest_is_name("0-a"));
    assert_false(manifest_is_name("-a"));
    assert_false(manifest_is_name(""));
    assert_false(manifest_is_name("A"));
    assert_true(manifest_is_name("abcdefghijabcdefghijabcdefghij12"));
    assert_false(manifest_is_name("abcdefghijabcdefghijabcdefghij123"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(carries_bytes_that_are_not_text),
        cmocka_unit_test(names_the_key_that_is_wrong),
        cmocka_unit_test(refuses_doubled_submodules),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(digests_as_sha256sum_does),
        cmocka_unit_test(knows_ids_names_and_branches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

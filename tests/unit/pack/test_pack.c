/* What is packed comes out the same, and no byte of an archive can change unnoticed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/pack/limits.h"
#include "lib/pack/pack_key.h"
#include "tests/unit/pack/tree.h"

static const struct pack_label label = {
    .direction = PACK_EXPORT, .agent = "claude", .session = "abcdefg2", .counter = 3};

static void fill(const struct tree_fixture *fixture)
{
    tree_put(fixture->tree, ".claude/history.jsonl", "{\"a\":1}\n{\"a\":2}\n");
    tree_put(fixture->tree, ".claude/projects/-workspace/0fa1.jsonl", "line\n");
    tree_put(fixture->tree, "empty", "");
    tree_put(fixture->tree, "name with blanks", "x");
}

static void comes_out_as_it_went_in(void **state)
{
    struct tree_fixture *fixture = *state;
    struct pack_manifest *manifest = NULL;
    struct error err = ERROR_INITIALIZER;
    struct stat before, after;
    char path[PATH_MAX];
    fill(fixture);
    tree_pack(fixture->tree, fixture->archive, &label, tree_key);
    if (tree_read(fixture->archive, fixture->other, &manifest, &err) != 0)
        fail_msg("%s", error_text(&err));
    assert_memory_equal(&manifest->label, &label, sizeof(label));
    assert_int_equal(manifest->count, 4);
    assert_int_equal(manifest->total, 16 + 5 + 1);
    cleanup_free char *in = tree_dump(fixture->tree);
    cleanup_free char *out = tree_dump(fixture->other);
    assert_string_equal(in, out);
    assert_int_equal(path_format(path, "%s/empty", fixture->tree), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(path_format(path, "%s/empty", fixture->other), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_mtime, after.st_mtime);
    assert_int_equal(after.st_mode & 0777, 0600);
    pack_manifest_free(manifest);
}

static void notices_every_changed_byte_that_counts(void **state)
{
    struct tree_fixture *fixture = *state;
    size_t size = 0, taken = 0;
    fill(fixture);
    tree_pack(fixture->tree, fixture->archive, &label, tree_key);
    cleanup_free char *text = support_read(fixture->archive, &size);
    for (size_t i = 0; i < size; i++) {
        struct pack_manifest *manifest = NULL;
        text[i] = (char)(text[i] ^ 1);
        support_write(fixture->archive, text, size);
        if (tree_read(fixture->archive, NULL, &manifest, NULL) == 0) {
            /* Owner, padding, time of a member: nothing that is used. What is used is the same. */
            assert_int_equal(manifest->count, 4);
            taken++;
        }
        pack_manifest_free(manifest);
        text[i] = (char)(text[i] ^ 1);
    }
    assert_true(taken < size);
    for (size_t cut = 0; cut < size - 1024; cut += 111) {
        struct pack_manifest *manifest = NULL;
        support_write(fixture->archive, text, cut);
        assert_int_not_equal(tree_read(fixture->archive, NULL, &manifest, NULL), 0);
    }
}

static void leaves_out_what_no_archive_may_have(void **state)
{
    struct tree_fixture *fixture = *state;
    char path[PATH_MAX];
    char **paths = NULL;
    size_t left_out = 0;
    tree_put(fixture->tree, "good", "x");
    tree_put(fixture->tree, "bad\nname", "x");
    tree_put(fixture->tree, "caf\xc3\xa9", "x");
    assert_int_equal(path_format(path, "%s/link", fixture->tree), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(path_format(path, "%s/fifo", fixture->tree), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    cleanup_fd int root = open(fixture->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(pack_list(root, NULL, &paths, &left_out, NULL), 0);
    assert_string_equal(paths[0], "good");
    assert_null(paths[1]);
    assert_int_equal(left_out, 4);
    pack_list_free(paths);
}

/* Each direction and each session has a key of its own, and all come from the user's. */
static void derives_keys_that_differ(void **state)
{
    struct tree_fixture *fixture = *state;
    unsigned char master[PACK_MASTER_BYTES], again[PACK_MASTER_BYTES];
    unsigned char import[PACK_KEY_BYTES], export[PACK_KEY_BYTES], other[PACK_KEY_BYTES];
    struct pack_label at = label;
    char path[PATH_MAX];
    cleanup_fd int root = open(fixture->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(pack_key_load(root, "key", master, NULL), 0);
    assert_int_equal(pack_key_load(root, "key", again, NULL), 0);
    assert_memory_equal(master, again, sizeof(master));
    pack_key_derive(master, &at, export);
    at.session[0] = 'b';
    pack_key_derive(master, &at, other);
    assert_memory_not_equal(export, other, sizeof(other));
    at = label;
    at.direction = PACK_IMPORT;
    pack_key_derive(master, &at, import);
    assert_memory_not_equal(export, import, sizeof(import));
    at.session[0] = '\0';
    pack_key_derive(master, &at, other);
    assert_memory_not_equal(other, import, sizeof(import));
    assert_memory_not_equal(master, import, sizeof(import));
    assert_int_equal(path_format(path, "%s/key", fixture->tree), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(pack_key_load(root, "key", again, NULL), -EPROTO);
}

static void refuses_another_key(void **state)
{
    struct tree_fixture *fixture = *state;
    static const unsigned char key[PACK_KEY_BYTES] = "another key";
    struct pack_manifest *manifest = NULL;
    struct error err = ERROR_INITIALIZER;
    fill(fixture);
    tree_pack(fixture->tree, fixture->archive, &label, key);
    assert_int_equal(tree_read(fixture->archive, fixture->other, &manifest, &err), -EBADMSG);
    assert_non_null(strstr(error_text(&err), "was not made with the key it needs"));
    cleanup_free char *out = tree_dump(fixture->other);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(comes_out_as_it_went_in),
        TREE_TEST(notices_every_changed_byte_that_counts),
        TREE_TEST(leaves_out_what_no_archive_may_have),
        TREE_TEST(derives_keys_that_differ),
        TREE_TEST(refuses_another_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Commits and tags as the signer reads them: what git writes, and what it never would. */
#include <string.h>

#include "host-shim/signer/git_object.h"
#include "lib/base/cleanup.h"
#include "tests/unit/wire/support.h"

#define ID "0123456789abcdef0123456789abcdef01234567"
#define ID256 ID "89abcdef0123456789abcdef"
#define WHO "Jane Doe <jane@example.org> 1700000000 +0100\n"
#define COMMIT "tree " ID "\nparent " ID "\nauthor " WHO "committer " WHO
#define TAG "object " ID "\ntype commit\ntag v1\ntagger " WHO

static int parse(const char *text, struct git_object *object)
{
    struct error err = ERROR_INITIALIZER;
    return git_object_parse(text, strlen(text), GIT_OBJECT_SHA1_DIGITS, object, &err);
}

static void reads_what_git_writes(void **state)
{
    (void)state;
    struct git_object object;
    struct error err = ERROR_INITIALIZER;
    static const char long_one[] = "tree " ID256 "\nauthor " WHO "committer " WHO "\nx";
    static const char *const texts[] = {
        COMMIT "\nmessage\n",
        COMMIT "\n",
        COMMIT "encoding ISO-8859-1\n\nx",
        COMMIT "mergetag object " ID "\n type commit\n tag v\n tagger " WHO " \n text\n\nx",
        "tree " ID "\nauthor " WHO "committer " WHO "\nfirst\n",
        TAG "\nmessage\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_int_equal(parse(texts[i], &object), 0);
    assert_int_equal(parse(texts[0], &object), 0);
    assert_int_equal(object.kind, GIT_OBJECT_COMMIT);
    assert_int_equal(object.parent_count, 1);
    assert_memory_equal(object.parents[0].text, ID, 40);
    assert_memory_equal(texts[0] + object.headers, "\nmessage", 8);
    assert_int_equal(parse(TAG "\nmessage\n", &object), 0);
    assert_int_equal(object.kind, GIT_OBJECT_TAG);
    assert_memory_equal(object.target_type.text, "commit", object.target_type.size);
    assert_int_equal(
        git_object_parse(long_one, strlen(long_one), GIT_OBJECT_SHA256_DIGITS, &object, &err), 0);
}

static void refuses_what_git_does_not_write(void **state)
{
    (void)state;
    struct git_object object;
    static const char *const texts[] = {
        "",
        "\n",
        "hello\n",
        "tree " ID "\n\nx",
        COMMIT,                                               /* no empty line */
        "tree " ID256 "\nauthor " WHO "committer " WHO "\nx", /* another hash */
        "tree 0123\nauthor " WHO "committer " WHO "\nx",
        "tree " ID "\nparent\nauthor " WHO "committer " WHO "\nx",
        "tree " ID "\nparent 01\nauthor " WHO "committer " WHO "\nx",
        "tree " ID "\ncommitter " WHO "author " WHO "\nx",
        "tree " ID "\nauthor " WHO "\nx",
        "tree " ID "\nauthor " WHO "parent " ID "\ncommitter " WHO "\nx",
        "tree " ID "\nauthor " WHO "author " WHO "committer " WHO "\nx",
        COMMIT "gpgsig -----BEGIN PGP SIGNATURE-----\n \n\nx",
        COMMIT "gpgsig-sha256 x\n\nx",
        COMMIT "note x\n\nx",
        COMMIT " continued\n\nx",
        "tree " ID "\nauthor Jane jane@example.org 1 +0000\ncommitter " WHO "\nx",
        "tree " ID "\nauthor Jane <a@b> <c@d> 1 +0000\ncommitter " WHO "\nx",
        "tree " ID "\nauthor Jane <a@b> +0000\ncommitter " WHO "\nx",
        "tree " ID "\nauthor Jane <a@b> 1 +000\ncommitter " WHO "\nx",
        "tree " ID "\nauthor Jane <a@b> 1 0000\ncommitter " WHO "\nx",
        "tree " ID "\nauthor Jane <a@b> x +0000\ncommitter " WHO "\nx",
        "object " ID "\ntype thing\ntag v1\ntagger " WHO "\nx",
        "object " ID "\ntype commit\ntagger " WHO "\nx",
        "object " ID "\ntype commit\ntag v1\n\nx",
        TAG "note x\n\nx",
        TAG "\nmessage\n-----BEGIN PGP SIGNATURE-----\n",
        TAG "\n-----BEGIN SSH SIGNATURE-----\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (parse(texts[i], &object) == 0)
            fail_msg("taken for an object: %s", texts[i]);
    }
    /* A NUL ends nothing here. */
    struct error err = ERROR_INITIALIZER;
    static const char with_nul[] = COMMIT "\nmessage\0more";
    assert_true(git_object_parse(with_nul, sizeof(with_nul) - 1, GIT_OBJECT_SHA1_DIGITS, &object,
                                 &err) < 0);
    assert_int_equal(
        git_object_parse(with_nul, strlen(with_nul), GIT_OBJECT_SHA1_DIGITS, &object, &err), 0);
}

static void knows_a_person_as_git_writes_one(void **state)
{
    (void)state;
    struct git_object object;
    assert_int_equal(parse(COMMIT "\nx", &object), 0);
    assert_true(git_object_is_by(&object.author, "Jane Doe", "jane@example.org"));
    assert_true(git_object_is_by(&object.author, " \"Jane Doe\".", "jane@example.org"));
    assert_false(git_object_is_by(&object.author, "Jane", "jane@example.org"));
    assert_false(git_object_is_by(&object.author, "Jane Doe", "jane@example.or"));
    assert_false(git_object_is_by(&object.author, "", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_git_writes),
        cmocka_unit_test(refuses_what_git_does_not_write),
        cmocka_unit_test(knows_a_person_as_git_writes_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The id of what is signed, beside the one that git itself gives the same object. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/signer/object_id.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "tests/unit/wire/support.h"

#define TREE "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
#define TREE256 "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
#define WHO "Jane Doe <jane@example.org> 1700000000 +0100\n"
#define SIGNATURE "-----BEGIN SSH SIGNATURE-----\nYWJj\n\nZGVm\n-----END SSH SIGNATURE-----\n"
#define AS_HEADER " -----BEGIN SSH SIGNATURE-----\n YWJj\n \n ZGVm\n -----END SSH SIGNATURE-----\n"

struct row {
    const char *format;
    const char *type;
    const char *payload;
    const char *whole; /* as git stores it */
};

/* clang-format off */
static const struct row rows[] = {
    {"sha1", "commit", "tree " TREE "\nauthor " WHO "committer " WHO "\nmessage\n\nmore\n",
     "tree " TREE "\nauthor " WHO "committer " WHO "gpgsig" AS_HEADER "\nmessage\n\nmore\n"},
    {"sha1", "commit", "tree " TREE "\nauthor " WHO "committer " WHO "encoding latin1\n\n",
     "tree " TREE "\nauthor " WHO "committer " WHO "encoding latin1\ngpgsig" AS_HEADER "\n"},
    {"sha256", "commit", "tree " TREE256 "\nauthor " WHO "committer " WHO "\nmessage\n",
     "tree " TREE256 "\nauthor " WHO "committer " WHO "gpgsig-sha256" AS_HEADER "\nmessage\n"},
    {"sha1", "tag", "object " TREE "\ntype tree\ntag v1\ntagger " WHO "\nmessage\n",
     "object " TREE "\ntype tree\ntag v1\ntagger " WHO "\nmessage\n" SIGNATURE},
    {"sha256", "tag", "object " TREE256 "\ntype tree\ntag v1\ntagger " WHO "\nmessage\n",
     "object " TREE256 "\ntype tree\ntag v1\ntagger " WHO "\nmessage\n" SIGNATURE},
};
/* clang-format on */

/* `git hash-object` in an empty repository of FORMAT. */
static void ask_git(const char *place, const struct row *row, char id[OBJECT_ID_SIZE])
{
    char file[PATH_MAX];
    char repository[PATH_MAX];
    char format[32];
    struct error err = ERROR_INITIALIZER;
    struct process_result result = {.output = NULL};
    assert_int_equal(path_format(file, "%s/object", place), 0);
    assert_int_equal(path_format(repository, "%s/%s", place, row->format), 0);
    snprintf(format, sizeof(format), "--object-format=%s", row->format);
    assert_int_equal(fd_write_file(AT_FDCWD, file, row->whole, strlen(row->whole), 0600, &err), 0);
    const char *const init[] = {"git", "init", "--quiet", "--bare", format, repository, NULL};
    const struct process_spec make = {
        .argv = init, .standard_input = -1, .standard_output = -1, .standard_error = 2};
    assert_int_equal(process_run(&make, &result, &err), 0);
    process_result_free(&result);
    const char *const hash[] = {"git",     "--git-dir",   repository, "hash-object", "-t",
                                row->type, "--literally", file,       NULL};
    const struct process_spec ask = {
        .argv = hash, .standard_input = -1, .standard_output = -1, .standard_error = 2};
    assert_int_equal(process_run(&ask, &result, &err), 0);
    snprintf(id, OBJECT_ID_SIZE, "%.*s", (int)strcspn(result.output, "\n"), result.output);
    process_result_free(&result);
}

static void is_the_id_that_git_gives_it(void **state)
{
    (void)state;
    char place[PATH_MAX];
    support_directory_make(place);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct git_object object;
        struct error err = ERROR_INITIALIZER;
        char ours[OBJECT_ID_SIZE];
        char theirs[OBJECT_ID_SIZE];
        struct object_id_parts parts = {
            .object = &object,
            .payload = {.text = row->payload, .size = strlen(row->payload)},
            .signature = {.text = SIGNATURE, .size = strlen(SIGNATURE)},
            .digits = strcmp(row->format, "sha256") == 0 ? GIT_OBJECT_SHA256_DIGITS
                                                         : GIT_OBJECT_SHA1_DIGITS,
        };
        assert_int_equal(
            git_object_parse(row->payload, strlen(row->payload), parts.digits, &object, &err), 0);
        assert_int_equal(object_id_of(&parts, ours), 0);
        ask_git(place, row, theirs);
        assert_string_equal(ours, theirs);
    }
    (void)path_remove_tree(AT_FDCWD, place, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_id_that_git_gives_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What git says to a program that signs, word for word, and everything else. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "stubs/agent-git-sign/sign.h"
#include "tests/unit/wire/support.h"

#define WORDS 12

struct row {
    enum sign_arguments said;
    const char *words[WORDS];
};

/* clang-format off */
static const struct row rows[] = {
    {SIGN_ARGUMENTS_SIGN,   {"--status-fd=2", "-bsau", "ABCD"}},
    {SIGN_ARGUMENTS_SIGN,   {"--status-fd=2", "-bsau", "Jane <jane@example.org>"}},
    {SIGN_ARGUMENTS_SIGN,   {"-Y", "sign", "-n", "git", "-f", "key", "buffer"}},
    {SIGN_ARGUMENTS_SIGN,   {"-Y", "sign", "-n", "git", "-f", "key", "-U", "buffer"}},
    {SIGN_ARGUMENTS_VERIFY, {"--keyid-format=long", "--status-fd=1", "--verify", "file", "-"}},
    {SIGN_ARGUMENTS_VERIFY, {"-Y", "find-principals", "-f", "signers", "-s", "file"}},
    {SIGN_ARGUMENTS_VERIFY, {"-Y", "verify", "-n", "git", "-f", "signers", "-I", "who", "-s", "file"}},
    {SIGN_ARGUMENTS_VERIFY, {"-Y", "check-novalidate", "-n", "git", "-s", "file"}},
    {SIGN_ARGUMENTS_OTHER,  {NULL}},
    {SIGN_ARGUMENTS_OTHER,  {"--help"}},
    {SIGN_ARGUMENTS_OTHER,  {"--status-fd=2", "-bsau"}},
    {SIGN_ARGUMENTS_OTHER,  {"--status-fd=1", "-bsau", "ABCD"}},
    {SIGN_ARGUMENTS_OTHER,  {"--status-fd=2", "-bsau", "ABCD", "more"}},
    {SIGN_ARGUMENTS_OTHER,  {"--status-fd=2", "-sau", "ABCD"}},
    {SIGN_ARGUMENTS_OTHER,  {"--export-secret-keys"}},
    {SIGN_ARGUMENTS_OTHER,  {"-Y", "sign", "-n", "file", "-f", "key", "buffer"}},
    {SIGN_ARGUMENTS_OTHER,  {"-Y", "sign", "-n", "git", "-f", "key"}},
    {SIGN_ARGUMENTS_OTHER,  {"-Y", "sign", "-n", "git", "-f", "key", "-O", "buffer"}},
    {SIGN_ARGUMENTS_OTHER,  {"-t", "ed25519", "-f", "key"}},
};
/* clang-format on */

static enum sign_arguments read_row(const struct row *row, struct sign_request *request)
{
    char program[] = "agent-git-sign";
    char *argv[WORDS + 2] = {program};
    int argc = 1;
    for (; row->words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)row->words[argc - 1];
    return sign_arguments_read(argc, argv, request);
}

static void knows_what_git_says(void **state)
{
    (void)state;
    struct sign_request request;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (read_row(&rows[i], &request) != rows[i].said)
            fail_msg("row %zu is taken for something else", i);
    }
}

static void finds_key_and_buffer(void **state)
{
    (void)state;
    struct sign_request request;
    assert_int_equal(read_row(&rows[0], &request), SIGN_ARGUMENTS_SIGN);
    assert_string_equal(request.key, "ABCD");
    assert_null(request.buffer);
    assert_int_equal(read_row(&rows[3], &request), SIGN_ARGUMENTS_SIGN);
    assert_null(request.key);
    assert_string_equal(request.file, "key");
    assert_string_equal(request.buffer, "buffer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_git_says),
        cmocka_unit_test(finds_key_and_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

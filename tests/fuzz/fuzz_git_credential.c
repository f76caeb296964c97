/* Fuzzes what is asked of the proxy's credentials, what git answers, and the document of remotes.
 */
#include <stdlib.h>
#include <string.h>

#include "host-shim/git-proxy/credential_text.h"
#include "tests/fuzz/fuzz.h"

static void check_answer(const char *text, size_t size)
{
    char username[16];
    char password[16];
    const struct credential_answer answer = {username, sizeof(username), password,
                                             sizeof(password)};
    int result = credential_answer_parse(text, size, &answer);
    fuzz_require((result == 0) == (username[0] != '\0' && password[0] != '\0'));
    fuzz_require(strpbrk(username, "\r\n") == NULL && strpbrk(password, "\r\n") == NULL);
}

static void check_access(const char *text, size_t size)
{
    struct git_access access;
    if (git_access_parse(text, size, &access, NULL) < 0)
        return;
    for (size_t i = 0; i < access.remote_count; i++)
        fuzz_require(git_access_url_refusal(access.remotes[i].url) == NULL);
    git_access_free(&access);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct credential_question question;
    struct error err = ERROR_INITIALIZER;
    const char *text = (const char *)data;
    int result = credential_question_parse(text, size, &question, &err);
    fuzz_require((result == 0) == (err.message[0] == '\0'));
    fuzz_require(result < 0 || git_access_url_refusal(question.url) == NULL);
    check_answer(text, size);
    check_access(text, size);
    return 0;
}

/* Knows the arguments with which git calls gpg and ssh-keygen, and no others. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "stubs/agent-git-sign/sign.h"

/* A word of git's that is a name of its own choice. */
#define ANY NULL
#define WORDS_MAX 10

struct shape {
    const char *words[WORDS_MAX];
    int count;
};

/* clang-format off */
static const struct shape openpgp = {{"--status-fd=2", "-bsau", ANY}, 3};
static const struct shape ssh =     {{"-Y", "sign", "-n", "git", "-f", ANY, ANY}, 7};
/* With a key that stands in user.signingKey itself, as git since 2.39 says it. */
static const struct shape ssh_key = {{"-Y", "sign", "-n", "git", "-f", ANY, "-U", ANY}, 8};

/* What these begin with looks at signatures: gpg, and ssh-keygen. */
static const char *const verifying[][2] = {
    {"--keyid-format=long", "--status-fd=1"},
    {"-Y", "find-principals"},
    {"-Y", "verify"},
    {"-Y", "check-novalidate"},
};
/* clang-format on */

static bool is_of(const struct shape *shape, int argc, char *const *argv)
{
    if (argc - 1 != shape->count)
        return false;
    for (int i = 0; i < shape->count; i++) {
        if (shape->words[i] != ANY && strcmp(argv[i + 1], shape->words[i]) != 0)
            return false;
    }
    return true;
}

enum sign_arguments sign_arguments_read(int argc, char *const *argv, struct sign_request *request)
{
    *request = (struct sign_request){.format = MANIFEST_SIGNING_SSH};
    if (is_of(&openpgp, argc, argv)) {
        request->format = MANIFEST_SIGNING_OPENPGP;
        request->key = argv[3];
        return SIGN_ARGUMENTS_SIGN;
    }
    if (is_of(&ssh, argc, argv) || is_of(&ssh_key, argc, argv)) {
        request->file = argv[6];
        request->buffer = argv[argc - 1];
        return SIGN_ARGUMENTS_SIGN;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(verifying) && argc > 2; i++) {
        if (strcmp(argv[1], verifying[i][0]) == 0 && strcmp(argv[2], verifying[i][1]) == 0)
            return SIGN_ARGUMENTS_VERIFY;
    }
    return SIGN_ARGUMENTS_OTHER;
}

/* What git says to a credential helper, and hears from one (git-credential(1), "INPUT/OUTPUT
 * FORMAT"): lines KEY=VALUE. Pure; strict: what it has not needed so far is refused or left out. */
#ifndef GIT_PROXY_CREDENTIAL_TEXT_H
#define GIT_PROXY_CREDENTIAL_TEXT_H

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/wire/git_access.h"

/* What a command asks for. */
#define CREDENTIAL_QUESTION_MAX 8192

struct credential_question {
    char url[GIT_ACCESS_URL_SIZE]; /* "https://HOST/PATH" */
};

/* Reads SIZE bytes at TEXT as a question with protocol, host and path; what else it says of the
 * user, or what newer versions of git add, does not count. 0, or -EPROTO with the reason. */
int credential_question_parse(const char *text, size_t size, struct credential_question *question,
                              struct error *err);

/*
 * Reads SIZE bytes at TEXT as git's answer: what follows "username=" and "password=", each into a
 * buffer with its size. 0; -ENOENT when one of them is missing; -EPROTO for anything malformed.
 */
struct credential_answer {
    char *username;
    size_t username_size;
    char *password;
    size_t password_size;
};
int credential_answer_parse(const char *text, size_t size, const struct credential_answer *answer);

#endif

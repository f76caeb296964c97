/* The container's end of signing: what git says in its arguments, and what the signer answers. */
#ifndef SIGN_SIGN_H
#define SIGN_SIGN_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/wire/signing.h"

/* What git wants, as it says it to gpg or to ssh-keygen. Texts are borrowed from argv. */
struct sign_request {
    enum manifest_signing format;
    const char *key;    /* of gpg's; NULL for ssh */
    const char *file;   /* ssh: with the public key; NULL for gpg */
    const char *buffer; /* ssh: what is to be signed; NULL: standard input */
};

enum sign_arguments {
    SIGN_ARGUMENTS_SIGN,   /* *REQUEST says what */
    SIGN_ARGUMENTS_VERIFY, /* a signature is to be looked at */
    SIGN_ARGUMENTS_OTHER,  /* nothing that git says */
};

/* Reads ARGV: exactly the arguments of git's gpg-interface.c. */
enum sign_arguments sign_arguments_read(int argc, char *const *argv, struct sign_request *request);

/* What came back. */
struct sign_reply {
    char created[SIGNING_CREATED_BYTES];
    char signature[SIGNING_SIGNATURE_MAX + 1];
    size_t size;
};

/* Has SIZE bytes at PAYLOAD signed with KEY. 0, or -errno with the reason in a sentence. */
int sign_ask(const struct signing_request *key, const char *payload, size_t size,
             struct sign_reply *reply, struct error *err);

#endif

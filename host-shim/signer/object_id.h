/* The id that a commit or a tag has once its signature is in it: git-hash-object(1). nettle. */
#ifndef SIGNER_OBJECT_ID_H
#define SIGNER_OBJECT_ID_H

#include <stddef.h>

#include "host-shim/signer/git_object.h"

/* With the terminator. */
#define OBJECT_ID_SIZE (GIT_OBJECT_SHA256_DIGITS + 1)

/* What is signed, and the signature, which ends with a newline. All borrowed. */
struct object_id_parts {
    const struct git_object *object; /* as git_object_parse read it from PAYLOAD */
    struct git_object_text payload;
    struct git_object_text signature;
    size_t digits; /* of an id in this repository */
};

/* Puts the signature where git puts it, and its id into ID. 0 or -ENOMEM. */
int object_id_of(const struct object_id_parts *parts, char id[OBJECT_ID_SIZE]);

#endif

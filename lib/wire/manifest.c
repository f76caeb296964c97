/* The manifest's identifiers and its digest. */
#include "lib/wire/manifest.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/manifest_fields.h"

#define BRANCH_BYTES_MAX 200

void manifest_digest(const void *data, size_t size, char digest[MANIFEST_DIGEST_SIZE])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, data, size);
    sodium_bin2hex(digest, MANIFEST_DIGEST_SIZE, hash, sizeof(hash));
}

void manifest_free(struct manifest *manifest)
{
    if (manifest == NULL)
        return;
    record_release(manifest_fields, manifest);
    free(manifest);
}

bool manifest_is_session_id(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == MANIFEST_SESSION_SIZE - 1 &&
           text[MANIFEST_SESSION_SIZE - 1] == '\0';
}

bool manifest_is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length >= 1 && length <= 32 && text[length] == '\0' && text[0] != '-';
}

/* One component between slashes: git-check-ref-format(1), rules 1 and 6. */
static bool is_branch_component(const char *start, size_t length)
{
    static const char lock[] = ".lock";
    size_t lock_length = sizeof(lock) - 1;
    if (length == 0 || start[0] == '.')
        return false;
    return length < lock_length || memcmp(start + length - lock_length, lock, lock_length) != 0;
}

static bool has_forbidden_bytes(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("~^:?*[\\", *p) != NULL)
            return true;
    return strstr(text, "..") != NULL || strstr(text, "@{") != NULL;
}

bool manifest_is_branch(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > BRANCH_BYTES_MAX || text[0] == '-' || text[length - 1] == '.')
        return false;
    if (strcmp(text, "@") == 0 || strcmp(text, "HEAD") == 0 || has_forbidden_bytes(text))
        return false;
    for (const char *part = text; part != NULL;) {
        const char *slash = strchr(part, '/');
        if (!is_branch_component(part, slash != NULL ? (size_t)(slash - part) : strlen(part)))
            return false;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

/* Signs the end of an audit log, and checks such a signature. */
#include "lib/wire/audit_key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/wire/manifest.h"

/* What is signed begins with what it is for, so that no other signature of the key fits. */
static const char domain[] = "coding-agents audit-closed 1";
#define SESSION_LENGTH (MANIFEST_SESSION_SIZE - 1)
#define COUNT_SIZE sizeof(uint64_t)
#define MESSAGE_SIZE (sizeof(domain) + SESSION_LENGTH + COUNT_SIZE + crypto_hash_sha256_BYTES)

struct audit_key {
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    char public_half[AUDIT_PUBLIC_KEY_SIZE];
};

/* The pages of KEY are nobody else's: libsodium puts guards around them. */
static int keep_to_this_process(struct audit_key *key)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)key & ~(page - 1);
    size_t size = (uintptr_t)key + sizeof(*key) - start;
    if (sodium_mlock(key, sizeof(*key)) < 0)
        return -ENOMEM;
    return madvise((void *)start, size, MADV_WIPEONFORK) < 0 ? -errno : 0;
}

int audit_key_make(struct audit_key **key, struct error *err)
{
    unsigned char public_half[crypto_sign_PUBLICKEYBYTES];
    if (sodium_init() < 0)
        return error_set(err, EIO, "get random numbers");
    struct audit_key *made = sodium_malloc(sizeof(*made));
    if (made == NULL)
        return error_set(err, ENOMEM, "make the key of the audit log");
    int result = keep_to_this_process(made);
    if (result < 0) {
        sodium_free(made);
        return error_set(err, -result,
                         "lock the key of the audit log in memory; 'ulimit -l' "
                         "must allow for a few pages");
    }
    crypto_sign_keypair(public_half, made->secret);
    sodium_bin2hex(made->public_half, sizeof(made->public_half), public_half, sizeof(public_half));
    *key = made;
    return 0;
}

const char *audit_key_public(const struct audit_key *key)
{
    return key->public_half;
}

void audit_key_free(struct audit_key *key)
{
    sodium_free(key);
}

static bool decode(const char *hex, unsigned char *bytes, size_t size)
{
    size_t length = 0;
    return hex != NULL && strlen(hex) == 2 * size &&
           sodium_hex2bin(bytes, size, hex, 2 * size, NULL, &length, NULL) == 0 && length == size;
}

/* False for an END that is none. */
static bool write_message(const struct audit_end *end, unsigned char message[MESSAGE_SIZE])
{
    unsigned char *at = message;
    if (!manifest_is_session_id(end->session))
        return false;
    memcpy(at, domain, sizeof(domain));
    at += sizeof(domain);
    memcpy(at, end->session, SESSION_LENGTH);
    at += SESSION_LENGTH;
    for (size_t i = 0; i < COUNT_SIZE; i++)
        *at++ = (unsigned char)(end->records >> (8 * i));
    return decode(end->previous, at, crypto_hash_sha256_BYTES);
}

int audit_key_sign(const struct audit_key *key, const struct audit_end *end,
                   char signature[AUDIT_SIGNATURE_SIZE], struct error *err)
{
    unsigned char message[MESSAGE_SIZE];
    unsigned char bytes[crypto_sign_BYTES];
    if (!write_message(end, message))
        return error_set(err, EPROTO, "sign the audit log: it has no end");
    crypto_sign_detached(bytes, NULL, message, sizeof(message), key->secret);
    sodium_bin2hex(signature, AUDIT_SIGNATURE_SIZE, bytes, sizeof(bytes));
    return 0;
}

bool audit_key_has_signed(const char *public_key, const struct audit_end *end,
                          const char *signature)
{
    unsigned char message[MESSAGE_SIZE];
    unsigned char bytes[crypto_sign_BYTES];
    unsigned char key[crypto_sign_PUBLICKEYBYTES];
    return decode(public_key, key, sizeof(key)) && decode(signature, bytes, sizeof(bytes)) &&
           write_message(end, message) &&
           crypto_sign_verify_detached(bytes, message, sizeof(message), key) == 0;
}

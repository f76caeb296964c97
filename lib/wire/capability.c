/* Writes, reads, signs and seals capabilities. */
#include "lib/wire/capability.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define DOMAIN_BYTES 32
#define SIGNED_SIZE (CAPABILITY_SIZE - crypto_sign_BYTES)

_Static_assert(CAPABILITY_SEALED_SIZE == CAPABILITY_SIZE + crypto_box_SEALBYTES, "the seal");
_Static_assert(CAPABILITY_KEY_BYTES == crypto_box_PUBLICKEYBYTES, "a key of X25519");
_Static_assert(CAPABILITY_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "a key of Ed25519");
_Static_assert(CAPABILITY_SIGNING_KEY_BYTES == crypto_sign_SECRETKEYBYTES, "a key that signs");

static const uint8_t domain[DOMAIN_BYTES] = "coding-agents/capability";

enum field_kind { BYTES, TEXT, NUMBER };

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    size_t size;
};

#define FIELD(kind_, name_)                                                            \
    {                                                                                  \
        .name = #name_, .kind = (kind_), .offset = offsetof(struct capability, name_), \
        .size = sizeof(((struct capability *)0)->name_)                                \
    }

/* clang-format off */
static const struct field fields[] = {
    FIELD(BYTES, key_id), FIELD(NUMBER, epoch), FIELD(TEXT, session), FIELD(BYTES, token),
    FIELD(TEXT, stub), FIELD(NUMBER, uid), FIELD(BYTES, program), FIELD(BYTES, holder),
    FIELD(TEXT, server), FIELD(BYTES, server_pins), FIELD(TEXT, scopes), FIELD(TEXT, secret),
    FIELD(NUMBER, not_before), FIELD(NUMBER, expires),
};
/* clang-format on */

void capability_make_signing_pair(uint8_t public_key[CAPABILITY_KEY_BYTES],
                                  uint8_t secret[CAPABILITY_SIGNING_KEY_BYTES])
{
    crypto_sign_keypair(public_key, secret);
}

void capability_key_id(const uint8_t public_key[CAPABILITY_KEY_BYTES],
                       uint8_t id[CAPABILITY_KEY_ID_BYTES])
{
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash(hash, sizeof(hash), public_key, CAPABILITY_KEY_BYTES, NULL, 0);
    memcpy(id, hash, CAPABILITY_KEY_ID_BYTES);
}

static void put_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t get_number(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* Printable ASCII, then NUL to the end: one text, one encoding. */
static bool is_text(const uint8_t *text, size_t size)
{
    size_t length = strnlen((const char *)text, size);
    if (length == size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (i < length ? text[i] < ' ' || text[i] > '~' : text[i] != '\0')
            return false;
    }
    return true;
}

static int write_field(const struct field *field, const struct capability *capability, uint8_t *at)
{
    const uint8_t *value = (const uint8_t *)capability + field->offset;
    uint32_t small;
    uint64_t large;
    if (field->kind == TEXT && !is_text(value, field->size))
        return -EINVAL;
    if (field->kind != NUMBER) {
        memcpy(at, value, field->size);
    } else if (field->size == sizeof(small)) {
        memcpy(&small, value, sizeof(small));
        put_number(at, small, field->size);
    } else {
        memcpy(&large, value, sizeof(large));
        put_number(at, large, field->size);
    }
    return 0;
}

static int read_field(const struct field *field, const uint8_t *at, struct capability *capability)
{
    uint8_t *value = (uint8_t *)capability + field->offset;
    uint64_t large = get_number(at, field->kind == NUMBER ? field->size : 0);
    uint32_t small = (uint32_t)large;
    if (field->kind == TEXT && !is_text(at, field->size))
        return -EPROTO;
    if (field->kind != NUMBER)
        memcpy(value, at, field->size);
    else if (field->size == sizeof(small))
        memcpy(value, &small, sizeof(small));
    else
        memcpy(value, &large, sizeof(large));
    return 0;
}

int capability_sign(const struct capability *capability,
                    const uint8_t secret[CAPABILITY_SIGNING_KEY_BYTES],
                    uint8_t bytes[CAPABILITY_SIZE])
{
    size_t used = DOMAIN_BYTES + sizeof(uint32_t);
    memcpy(bytes, domain, DOMAIN_BYTES);
    put_number(bytes + DOMAIN_BYTES, CAPABILITY_VERSION, sizeof(uint32_t));
    for (size_t i = 0; i < ARRAY_LENGTH(fields); used += fields[i++].size) {
        if (write_field(&fields[i], capability, bytes + used) < 0)
            return -EINVAL;
    }
    crypto_sign_detached(bytes + SIGNED_SIZE, NULL, bytes, SIGNED_SIZE, secret);
    return used == SIGNED_SIZE ? 0 : -EINVAL;
}

int capability_parse(const void *data, size_t size, struct capability *capability,
                     struct error *err)
{
    const uint8_t *bytes = data;
    size_t used = DOMAIN_BYTES + sizeof(uint32_t);
    struct capability parsed;
    if (size != CAPABILITY_SIZE)
        return error_set(err, EPROTO, "a capability has %d bytes, not %zu", CAPABILITY_SIZE, size);
    if (memcmp(bytes, domain, DOMAIN_BYTES) != 0)
        return error_set(err, EPROTO, "what was signed is no capability");
    uint64_t version = get_number(bytes + DOMAIN_BYTES, sizeof(uint32_t));
    if (version != CAPABILITY_VERSION)
        return error_set(err, EPROTO, "the capability has version %u, %d is known",
                         (unsigned int)version, CAPABILITY_VERSION);
    memset(&parsed, 0, sizeof(parsed));
    for (size_t i = 0; i < ARRAY_LENGTH(fields); used += fields[i++].size) {
        if (read_field(&fields[i], bytes + used, &parsed) < 0)
            return error_set(err, EPROTO, "the capability's %s is not text", fields[i].name);
    }
    *capability = parsed;
    return 0;
}

int capability_verify(const void *data, const uint8_t public_key[CAPABILITY_KEY_BYTES])
{
    const uint8_t *bytes = data;
    return crypto_sign_verify_detached(bytes + SIGNED_SIZE, bytes, SIGNED_SIZE, public_key) == 0
               ? 0
               : -EKEYREJECTED;
}

int capability_seal(const uint8_t bytes[CAPABILITY_SIZE],
                    const uint8_t holder[CAPABILITY_KEY_BYTES],
                    uint8_t sealed[CAPABILITY_SEALED_SIZE])
{
    return crypto_box_seal(sealed, bytes, CAPABILITY_SIZE, holder) == 0 ? 0 : -EINVAL;
}

int capability_open(const void *sealed, size_t size, const uint8_t holder[CAPABILITY_KEY_BYTES],
                    const uint8_t holder_secret[CAPABILITY_KEY_BYTES],
                    uint8_t bytes[CAPABILITY_SIZE])
{
    if (size != CAPABILITY_SEALED_SIZE)
        return -EKEYREJECTED;
    return crypto_box_seal_open(bytes, sealed, size, holder, holder_secret) == 0 ? 0
                                                                                 : -EKEYREJECTED;
}

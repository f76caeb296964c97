/* Capabilities: what is written is read, nothing else is, and no byte of it can change. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/capability.h"
#include "lib/wire/redeem.h"
#include "tests/unit/wire/support.h"

static uint8_t public_key[CAPABILITY_KEY_BYTES];
static uint8_t secret_key[CAPABILITY_SIGNING_KEY_BYTES];

static void fill(struct capability *capability)
{
    memset(capability, 0, sizeof(*capability));
    capability_make_signing_pair(public_key, secret_key);
    capability_key_id(public_key, capability->key_id);
    capability->epoch = UINT64_C(0x0102030405060708);
    capability->uid = 10001;
    capability->not_before = 1;
    capability->expires = UINT64_MAX;
    snprintf(capability->session, sizeof(capability->session), "abcdefg2");
    snprintf(capability->stub, sizeof(capability->stub), "agent_claude_cli");
    snprintf(capability->server, sizeof(capability->server), "github");
    snprintf(capability->scopes, sizeof(capability->scopes), "login read");
    snprintf(capability->secret, sizeof(capability->secret), "claude");
    randombytes_buf(capability->token, sizeof(capability->token));
    randombytes_buf(capability->program, sizeof(capability->program));
    randombytes_buf(capability->server_pins, sizeof(capability->server_pins));
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    struct capability written, read;
    uint8_t bytes[CAPABILITY_SIZE];
    fill(&written);
    assert_int_equal(capability_sign(&written, secret_key, bytes), 0);
    assert_int_equal(capability_parse(bytes, sizeof(bytes), &read, NULL), 0);
    assert_memory_equal(&read, &written, sizeof(read));
    assert_int_equal(capability_verify(bytes, public_key), 0);
    /* Big endian, wherever it is written. */
    assert_memory_equal(bytes + 32, "\0\0\0\1", 4);
    assert_memory_equal(bytes + 44, "\1\2\3\4\5\6\7\10", 8);
}

static void no_bit_can_change(void **state)
{
    (void)state;
    struct capability capability;
    uint8_t bytes[CAPABILITY_SIZE];
    fill(&capability);
    assert_int_equal(capability_sign(&capability, secret_key, bytes), 0);
    for (size_t i = 0; i < 8 * sizeof(bytes); i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(capability_verify(bytes, public_key), -EKEYREJECTED);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(capability_verify(bytes, public_key), 0);
}

static void texts_have_one_form(void **state)
{
    (void)state;
    struct capability capability;
    uint8_t bytes[CAPABILITY_SIZE];
    fill(&capability);
    /* Behind the terminator, where nobody would look. */
    capability.stub[CAPABILITY_NAME_BYTES - 1] = 'x';
    assert_int_equal(capability_sign(&capability, secret_key, bytes), -EINVAL);
    memset(capability.stub, 'x', sizeof(capability.stub));
    assert_int_equal(capability_sign(&capability, secret_key, bytes), -EINVAL);
    memset(capability.stub, 0, sizeof(capability.stub));
    capability.stub[0] = '\n';
    assert_int_equal(capability_sign(&capability, secret_key, bytes), -EINVAL);
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    struct capability capability;
    struct error err = ERROR_INITIALIZER;
    uint8_t bytes[CAPABILITY_SIZE + 1] = {0};
    fill(&capability);
    assert_int_equal(capability_sign(&capability, secret_key, bytes), 0);
    assert_int_equal(capability_parse(bytes, CAPABILITY_SIZE - 1, &capability, &err), -EPROTO);
    assert_int_equal(capability_parse(bytes, CAPABILITY_SIZE + 1, &capability, &err), -EPROTO);
    bytes[35]++;
    assert_int_equal(capability_parse(bytes, CAPABILITY_SIZE, &capability, &err), -EPROTO);
    assert_non_null(strstr(error_text(&err), "version 2, 1 is known"));
    bytes[35]--;
    bytes[0]++;
    assert_int_equal(capability_parse(bytes, CAPABILITY_SIZE, &capability, &err), -EPROTO);
}

static void opens_for_its_holder_alone(void **state)
{
    (void)state;
    struct capability capability;
    uint8_t bytes[CAPABILITY_SIZE], opened[CAPABILITY_SIZE], sealed[CAPABILITY_SEALED_SIZE];
    struct redeem_holder holder, other;
    fill(&capability);
    redeem_make_pair(holder.public_key, holder.secret_key);
    redeem_make_pair(other.public_key, other.secret_key);
    assert_int_equal(capability_sign(&capability, secret_key, bytes), 0);
    assert_int_equal(capability_seal(bytes, holder.public_key, sealed), 0);
    assert_int_equal(
        capability_open(sealed, sizeof(sealed), other.public_key, other.secret_key, opened),
        -EKEYREJECTED);
    assert_int_equal(
        capability_open(sealed, sizeof(sealed) - 1, holder.public_key, holder.secret_key, opened),
        -EKEYREJECTED);
    assert_int_equal(
        capability_open(sealed, sizeof(sealed), holder.public_key, holder.secret_key, opened), 0);
    assert_memory_equal(opened, bytes, sizeof(bytes));
    sealed[100] ^= 1;
    assert_int_equal(
        capability_open(sealed, sizeof(sealed), holder.public_key, holder.secret_key, opened),
        -EKEYREJECTED);
}

static void a_grant_is_bound_to_token_and_challenge(void **state)
{
    (void)state;
    struct redeem_holder holder, broker;
    struct redeem_session ours, theirs;
    struct redeem_binding binding, other;
    struct redeem_grant grant;
    struct secret plain = {.data = NULL};
    uint8_t ciphertext[5 + REDEEM_GRANT_TAG_BYTES], opened[5];
    redeem_make_pair(holder.public_key, holder.secret_key);
    redeem_make_pair(broker.public_key, broker.secret_key);
    assert_int_equal(redeem_agree_as_broker(&broker, holder.public_key, &ours), 0);
    assert_int_equal(redeem_agree_as_holder(&holder, broker.public_key, &theirs), 0);
    assert_memory_equal(&ours, &theirs, sizeof(ours));
    randombytes_buf(&binding, sizeof(binding));
    assert_int_equal(secret_make(&plain, 5, false, NULL), 0);
    memcpy(plain.data, "hello", 5);
    redeem_encrypt(ours.from_broker, &binding, &plain, &grant, ciphertext);
    assert_null(memmem(ciphertext, sizeof(ciphertext), "hello", 5));
    for (size_t i = 0; i < sizeof(binding); i++) {
        other = binding;
        ((uint8_t *)&other)[i] ^= 1;
        assert_int_equal(redeem_decrypt(theirs.from_broker, &other, &grant, ciphertext,
                                        sizeof(ciphertext), opened),
                         -EKEYREJECTED);
    }
    assert_int_equal(redeem_decrypt(theirs.from_broker, &binding, &grant, ciphertext,
                                    sizeof(ciphertext), opened),
                     0);
    assert_memory_equal(opened, "hello", 5);
    secret_wipe(&plain);
}

static void every_reason_has_a_name(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < REDEEM_REASON_COUNT; i++)
        assert_non_null(redeem_reason_name(i));
    assert_string_equal(redeem_reason_name(REDEEM_REASON_COUNT), "unknown reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(no_bit_can_change),
        cmocka_unit_test(texts_have_one_form),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(opens_for_its_holder_alone),
        cmocka_unit_test(a_grant_is_bound_to_token_and_challenge),
        cmocka_unit_test(every_reason_has_a_name),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

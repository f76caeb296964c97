/* The broker step: hello to the process on the host that holds the login, once in a session. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "init/agent-boot/login.h"
#include "init/agent-boot/places.h"
#include "lib/base/unix_socket.h"

static int take_key(struct boot_login *login, const struct redeem_keys *keys, struct error *err)
{
    struct redeem_bond *bond = (struct redeem_bond *)(void *)login->bond.data;
    for (uint32_t i = 0; i < keys->count && i < REDEEM_HOLDERS_MAX; i++) {
        if (strncmp(keys->holders[i].stub, login->stub.name, CAPABILITY_NAME_BYTES) != 0)
            continue;
        bond->holder = keys->holders[i];
        memcpy(bond->broker, keys->broker, sizeof(bond->broker));
        randombytes_buf(bond->nonce, sizeof(bond->nonce));
        return 0;
    }
    return error_set(err, EPROTO, "the broker has no key for '%s'", login->stub.name);
}

static int ask_keys(const struct boot_login *login, const struct redeem_hello *hello,
                    const struct secret *keys, struct error *err)
{
    const struct login_question question = {
        .type = REDEEM_HELLO,
        .payload = hello,
        .size = sizeof(*hello),
        .answer = REDEEM_KEYS,
        .data = keys->data,
        .data_size = keys->size,
    };
    return login_ask(login, &question, err);
}

int broker_greet(struct boot_context *context, struct error *err)
{
    struct boot_login *login = context->login;
    struct redeem_hello hello = {.session = {0}};
    cleanup_secret struct secret keys = {.data = NULL};
    if (login == NULL) {
        boot_set_detail(context, "no capability");
        return BOOT_SKIPPED;
    }
    login->broker_fd = unix_socket_connect(PLACE_BROKER);
    if (login->broker_fd < 0)
        return error_set(err, -login->broker_fd, "connect to the broker; start a new session");
    memcpy(hello.session, context->manifest->session, sizeof(context->manifest->session));
    int result = secret_make(&keys, sizeof(struct redeem_keys), false, err);
    if (result == 0)
        result = secret_make(&login->bond, sizeof(struct redeem_bond), false, err);
    if (result == 0)
        result = ask_keys(login, &hello, &keys, err);
    if (result == 0)
        result = take_key(login, (const struct redeem_keys *)(const void *)keys.data, err);
    return result;
}

/* A holder that has its login. */
#include "tests/unit/broker/lease.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void lease_take(struct stage *stage, struct lease *lease)
{
    char text[512];
    stage_open_to_all(stage);
    assert_int_equal(seteuid(STAGE_HOLDER_UID), 0);
    enum redeem_reason reason =
        stage_redeem_keeping(stage, text, &lease->fd, &lease->session, &lease->binding);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(reason, REDEEM_OK);
}

void lease_open(struct stage *stage, struct lease *lease)
{
    stage_open(stage, NULL, NULL);
    lease_take(stage, lease);
}

void lease_send_renewed(const struct lease *lease, enum redeem_kind kind, const char *text)
{
    static uint8_t message[REDEEM_MESSAGE_MAX];
    cleanup_secret struct secret plain = {.data = NULL};
    struct redeem_secret head = {.kind = kind, .name = ".credentials.json"};
    struct redeem_grant grant;
    head.size = (uint32_t)strlen(text);
    assert_int_equal(secret_make(&plain, sizeof(head) + head.size, false, NULL), 0);
    memcpy(plain.data, &head, sizeof(head));
    memcpy(plain.data + sizeof(head), text, head.size);
    redeem_encrypt(lease->session.from_holder, &lease->binding, &plain, &grant, message);
    assert_int_equal(redeem_send(lease->fd, REDEEM_RENEWED, &grant, sizeof(grant), message,
                                 plain.size + REDEEM_GRANT_TAG_BYTES),
                     0);
}

int lease_renew(const struct lease *lease, enum redeem_kind kind, const char *text)
{
    static uint8_t message[REDEEM_MESSAGE_MAX];
    struct redeem_message answer;
    struct pollfd wait = {.fd = lease->fd, .events = POLLIN};
    uint32_t number;
    lease_send_renewed(lease, kind, text);
    assert_int_equal(poll(&wait, 1, 20000), 1);
    ssize_t count = recv(lease->fd, message, sizeof(message), 0);
    assert_int_equal(redeem_parse(message, (size_t)count, &answer, NULL), 0);
    memcpy(&number, answer.payload, sizeof(number));
    assert_true(answer.type == REDEEM_KEPT || answer.type == REDEEM_REFUSED);
    return answer.type == REDEEM_KEPT ? (int)number : -(int)number;
}

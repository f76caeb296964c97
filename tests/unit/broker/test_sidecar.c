/* A broker whose connections come through the session's sidecar: who is who is what that says, the
 * holder's key and the one hello are as ever, and with the sidecar the broker ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/broker/stage.h"

static void open_with_sidecar(struct stage *stage)
{
    stage->has_sidecar = true;
    stage->relayed_uid = 0;
    stage_open(stage, NULL, NULL);
}

static enum redeem_reason redeem_as(struct stage *stage, uid_t uid, int *lease)
{
    char text[512] = "";
    stage->relayed_uid = uid;
    enum redeem_reason reason = stage_redeem(stage, text, lease);
    assert_string_equal(text, reason == REDEEM_OK ? STAGE_LOGIN : "");
    return reason;
}

static void the_right_uid_redeems_and_no_other(void **state)
{
    struct stage *stage = *state;
    open_with_sidecar(stage);
    assert_int_equal(redeem_as(stage, STAGE_STRANGER_UID, NULL), REDEEM_REASON_NONCE);
    assert_int_equal(redeem_as(stage, 0, NULL), REDEEM_REASON_NONCE);
    assert_int_equal(redeem_as(stage, STAGE_HOLDER_UID, NULL), REDEEM_OK);
    assert_int_equal(redeem_as(stage, STAGE_HOLDER_UID, NULL), REDEEM_REASON_SPENT);
    assert_int_equal(stage_hear(stage, "capability-refused", 3), 3);
    assert_non_null(strstr(stage->told, "\"uid\":10001"));
    stage_end(stage);
}

static void only_root_says_hello_and_only_once(void **state)
{
    struct stage *stage = *state;
    char last[512];
    stage_write_login(stage, STAGE_LOGIN);
    stage->has_sidecar = true;
    stage_start(stage, NULL, NULL, last);
    assert_string_equal(last, "READY");
    stage->relayed_uid = STAGE_HOLDER_UID;
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_REASON_PEER);
    stage->relayed_uid = 0;
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_OK);
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_REASON_TWICE);
    stage_end(stage);
}

/* Who holds the sidecar's end can say that it is anybody; without the holder's key that is nothing.
 */
static void a_uid_without_the_holders_key_is_worth_nothing(void **state)
{
    struct stage *stage = *state;
    open_with_sidecar(stage);
    struct stage thief = *stage;
    redeem_make_pair(thief.bond.holder.public_key, thief.bond.holder.secret_key);
    assert_int_equal(redeem_as(&thief, STAGE_HOLDER_UID, NULL), REDEEM_REASON_PROOF);
    assert_int_equal(redeem_as(stage, STAGE_HOLDER_UID, NULL), REDEEM_OK);
    stage_end(stage);
}

static void nothing_listens_where_a_container_could_mount_it(void **state)
{
    struct stage *stage = *state;
    char path[PATH_MAX];
    open_with_sidecar(stage);
    assert_int_equal(path_format(path, "%s/sockets/" REDEEM_SOCKET, stage->runtime), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(errno, ENOENT);
    stage_end(stage);
}

/* The lease ends, and nothing is said of the holder, of which nothing is known. */
static void with_the_sidecar_the_broker_ends(void **state)
{
    struct stage *stage = *state;
    char byte;
    int lease = -1;
    int status = 0;
    open_with_sidecar(stage);
    assert_int_equal(redeem_as(stage, STAGE_HOLDER_UID, &lease), REDEEM_OK);
    /* In the order in which a process's descriptors are closed. */
    cleanup_close(&stage->relay);
    cleanup_close(&lease);
    assert_int_equal(waitpid(stage->pid, &status, 0), stage->pid);
    stage->pid = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    while (stage_hear(stage, "capability-released", 1) > 0)
        fail_msg("it said: %s", stage->told);
    assert_null(strstr(stage->told, "capability-revoked"));
    assert_int_equal(recv(stage->keeper, &byte, 1, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(the_right_uid_redeems_and_no_other),
        STAGE_TEST(only_root_says_hello_and_only_once),
        STAGE_TEST(a_uid_without_the_holders_key_is_worth_nothing),
        STAGE_TEST(nothing_listens_where_a_container_could_mount_it),
        STAGE_TEST(with_the_sidecar_the_broker_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which request of the git proxy is tried with which credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/git-proxy/stage.h"

/* The remote wants a credential for EXCHANGE. */
static void refuse(struct exchange *exchange)
{
    exchange->status = 401;
    exchange_done(exchange, CURLE_OK);
}

/* It has been asked for outside; NAME's is what git has. */
static void give(struct stage *stage, struct exchange *exchange, const char *name)
{
    struct outside_request request;
    struct outside_answer answer = {.id = exchange->id};
    assert_int_equal(exchange->state, EXCHANGE_ASKING);
    assert_int_equal(recv(stage->outside, &request, sizeof(request), MSG_DONTWAIT),
                     sizeof(request));
    assert_int_equal(request.kind, OUTSIDE_FILL);
    snprintf(answer.credential.username, sizeof(answer.credential.username), "%s", name);
    snprintf(answer.credential.password, sizeof(answer.credential.password), "secret");
    exchange_hear(exchange, &answer, -1);
}

static void two_that_ask_at_once_are_both_tried_with_what_is_found(void **state)
{
    struct stage *stage = *state;
    int remotes[2];
    struct exchange *first = stage_begin(stage, &remotes[0]);
    struct exchange *second = stage_begin(stage, &remotes[1]);
    refuse(first);
    refuse(second);
    give(stage, first, "jane");
    assert_int_equal(first->state, EXCHANGE_RUNNING);
    assert_true(first->has_credential);
    give(stage, second, "jane");
    assert_int_equal(second->state, EXCHANGE_RUNNING);
    assert_true(second->has_credential);
    assert_int_equal(stage->proxy.upstreams[0].credential_number, 1);
    /* Refused with it, neither asks again. */
    refuse(first);
    assert_int_equal(first->state, EXCHANGE_SAID);
    assert_int_equal(first->said_status, 403);
    close(remotes[0]);
    close(remotes[1]);
}

static void a_credential_that_was_tried_is_not_tried_again(void **state)
{
    struct stage *stage = *state;
    int remotes[4];
    struct exchange *first = stage_begin(stage, &remotes[0]);
    refuse(first);
    give(stage, first, "jane");
    exchange_end(first);
    /* It has changed on the host meanwhile: both know the old one, and both get the new. */
    struct exchange *second = stage_begin(stage, &remotes[1]);
    struct exchange *third = stage_begin(stage, &remotes[2]);
    assert_true(second->has_credential);
    refuse(second);
    refuse(third);
    give(stage, second, "joan");
    give(stage, third, "joan");
    assert_int_equal(second->state, EXCHANGE_RUNNING);
    assert_int_equal(third->state, EXCHANGE_RUNNING);
    assert_int_equal(stage->proxy.upstreams[0].credential_number, 2);
    /* It has not. */
    struct exchange *fourth = stage_begin(stage, &remotes[3]);
    refuse(fourth);
    give(stage, fourth, "joan");
    assert_int_equal(fourth->state, EXCHANGE_SAID);
    assert_int_equal(fourth->said_status, 403);
    assert_non_null(strstr(fourth->said, "does not accept the credential"));
    for (size_t i = 0; i < 4; i++)
        close(remotes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_that_ask_at_once_are_both_tried_with_what_is_found,
                                        stage_make, stage_free),
        cmocka_unit_test_setup_teardown(a_credential_that_was_tried_is_not_tried_again, stage_make,
                                        stage_free),
    };
    return cmocka_run_group_tests(tests, stage_open, NULL);
}

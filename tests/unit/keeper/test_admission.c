/* Roles, rates and refusals of the root channel, without a channel. */
#include "host-shim/keeper/admission.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/limits.h"
#include "tests/unit/wire/support.h"

#define SECOND CLOCK_NANOSECONDS_PER_SECOND

static void lists_every_role(void **state)
{
    (void)state;
    assert_null(admission_role(0));
    assert_null(admission_role(CHANNEL_ROLE_APPROVER + 1));
    assert_null(admission_role(UINT32_MAX));
    assert_true(admission_role(CHANNEL_ROLE_BOOT)->is_container);
    assert_true(admission_role(CHANNEL_ROLE_INIT)->is_container);
    assert_true(admission_role(CHANNEL_ROLE_RUNNER)->is_container);
    assert_false(admission_role(CHANNEL_ROLE_LAUNCHER)->is_container);
    assert_false(admission_role(CHANNEL_ROLE_COLLECT)->is_container);
    assert_false(admission_role(CHANNEL_ROLE_APPROVER)->is_container);
}

/* What only the keeper may say, and what only the host may. */
static void keeps_events_to_their_roles(void **state)
{
    (void)state;
    static const enum audit_event own[] = {
        AUDIT_SESSION_END, AUDIT_SERVICE,     AUDIT_LIMIT_HIT,      AUDIT_AUDIT_CLOSED,
        AUDIT_EXEC_START,  AUDIT_EXEC_END,    AUDIT_EXEC_NESTED,    AUDIT_EXEC_REFUSED,
        AUDIT_EXEC_ASK,    AUDIT_EXEC_ANSWER, AUDIT_SESSION_FROZEN, AUDIT_EVENT_COUNT};
    for (uint32_t role = CHANNEL_ROLE_BOOT; role <= CHANNEL_ROLE_APPROVER; role++)
        for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
            assert_false(admission_allows(admission_role(role), own[i]));
    assert_true(admission_allows(admission_role(CHANNEL_ROLE_BOOT), AUDIT_BOOT_STEP));
    assert_false(admission_allows(admission_role(CHANNEL_ROLE_BOOT), AUDIT_SESSION_START));
    assert_false(admission_allows(admission_role(CHANNEL_ROLE_BOOT), AUDIT_WORK_COLLECTED));
    assert_false(admission_allows(admission_role(CHANNEL_ROLE_INIT), AUDIT_BOOT_STEP));
    assert_true(admission_allows(admission_role(CHANNEL_ROLE_COLLECT), AUDIT_WORK_COLLECTED));
    assert_false(admission_allows(admission_role(CHANNEL_ROLE_COLLECT), AUDIT_SESSION_START));
    assert_true(admission_allows(admission_role(CHANNEL_ROLE_LAUNCHER), AUDIT_SESSION_START));
    assert_int_equal(admission_role(CHANNEL_ROLE_BOOT)->frame, CHANNEL_EVENT);
    assert_int_equal(admission_role(CHANNEL_ROLE_INIT)->frame, CHANNEL_INIT_EVENT);
    assert_int_equal(admission_role(CHANNEL_ROLE_LAUNCHER)->frame, CHANNEL_EVENT);
    assert_int_equal(admission_role(CHANNEL_ROLE_COLLECT)->frame, CHANNEL_EVENT);
    assert_int_equal(admission_role(CHANNEL_ROLE_RUNNER)->frame, CHANNEL_EXEC_EVENT);
    assert_int_equal(admission_role(CHANNEL_ROLE_APPROVER)->frame, CHANNEL_ASK_REQUEST);
    assert_int_equal(admission_role(CHANNEL_ROLE_APPROVER)->events, 0);
}

static unsigned int take_all(struct admission *admission, uint64_t now)
{
    unsigned int taken = 0;
    while (admission_take(admission, now, 100))
        taken++;
    return taken;
}

static void holds_the_rate(void **state)
{
    (void)state;
    struct admission admission;
    uint64_t now = 5 * SECOND;
    admission_open(&admission, now);
    assert_int_equal(take_all(&admission, now), LIMIT_EVENTS_BURST);
    assert_int_equal(admission.dropped, 1);
    assert_int_equal(take_all(&admission, now + SECOND), LIMIT_EVENTS_PER_SECOND);
    assert_int_equal(take_all(&admission, now + SECOND + SECOND / LIMIT_EVENTS_PER_SECOND), 1);
    assert_int_equal(take_all(&admission, UINT64_MAX / 2), LIMIT_EVENTS_BURST);
}

static void holds_the_size(void **state)
{
    (void)state;
    struct admission admission;
    admission_open(&admission, 0);
    assert_true(admission_take(&admission, 0, LIMIT_EVENT_BYTES_PER_SESSION - 10));
    assert_false(admission_take(&admission, 0, 11));
    assert_true(admission_take(&admission, 0, 10));
    assert_false(admission_take(&admission, 100 * SECOND, 1));
}

/* Neither takes from the other, and nested ones leave room for commands. */
static void gives_execs_a_budget_of_their_own(void **state)
{
    (void)state;
    struct admission admission;
    admission_open(&admission, 0);
    for (int i = 0; i < 10 * LIMIT_EVENTS_BURST; i++)
        assert_true(admission_take_exec(&admission, false));
    assert_int_equal(take_all(&admission, 0), LIMIT_EVENTS_BURST);
    assert_true(admission_take_exec(&admission, true));
    admission_spend_exec(&admission, LIMIT_NESTED_BYTES_PER_SESSION);
    assert_false(admission_take_exec(&admission, true));
    assert_true(admission_take_exec(&admission, false));
    admission_spend_exec(&admission,
                         LIMIT_EXEC_BYTES_PER_SESSION - LIMIT_NESTED_BYTES_PER_SESSION - 1);
    assert_true(admission_take_exec(&admission, false));
    admission_spend_exec(&admission, 1);
    assert_false(admission_take_exec(&admission, false));
    assert_int_equal(admission.execs_dropped, 2);
    assert_int_equal(admission.dropped, 1);
    assert_true(admission_take(&admission, SECOND, 100));
}

static void tells_each_refusal_once(void **state)
{
    (void)state;
    struct admission admission;
    admission_open(&admission, 0);
    assert_true(admission_refuse(&admission, "peer", 1));
    assert_false(admission_refuse(&admission, "peer", 1));
    assert_true(admission_refuse(&admission, "peer", 2));
    assert_true(admission_refuse(&admission, "frame", 1));
    unsigned int recorded = 0;
    for (uid_t uid = 100; uid < 10000; uid++)
        recorded += admission_refuse(&admission, "peer", uid);
    assert_int_equal(recorded, ADMISSION_REFUSALS + 1 - 3);
    assert_int_equal(admission.refusals[ADMISSION_REFUSALS].count, 9900 - (ADMISSION_REFUSALS - 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_every_role),
        cmocka_unit_test(keeps_events_to_their_roles),
        cmocka_unit_test(holds_the_rate),
        cmocka_unit_test(holds_the_size),
        cmocka_unit_test(tells_each_refusal_once),
        cmocka_unit_test(gives_execs_a_budget_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The journal of burnt tokens, with a broker that is killed at any of its calls and a machine that
 * may lose its power with it: nothing is redeemed twice, and the next broker starts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/broker/power_cut.h"
#include "tests/unit/broker/stage.h"

#define SOAK_POINTS 10000
#define ROW_BYTES (2 * CAPABILITY_TOKEN_BYTES + 1)

/* What came of a broker's life up to its end. */
struct life {
    bool has_greeted; /* so its capability is known */
    bool has_granted;
    struct stage stage; /* as it was then */
};

/* From its start to a redemption and on to the end of the session, as far as it gets. */
static void live(struct stage *stage, struct power_cut *cut, struct life *life)
{
    char last[512];
    *life = (struct life){.has_greeted = false};
    power_cut_begin(cut, stage);
    stage->told[0] = '\0';
    stage_start(stage, NULL, NULL, last);
    if (strcmp(last, "READY") == 0)
        life->has_greeted = stage_greet(stage, stage->session) == REDEEM_OK;
    if (life->has_greeted && stage_bind(stage, stage->program, STAGE_HOLDER_UID) == REDEEM_OK)
        life->has_granted = stage_redeem_as(stage, STAGE_HOLDER_UID) == REDEEM_OK;
    life->stage = *stage;
    power_cut_end(cut, stage);
}

static void find_row(const struct stage *stage, char row[ROW_BYTES + 1],
                     struct capability *capability)
{
    assert_int_equal(capability_parse(stage->capability, CAPABILITY_SIZE, capability, NULL), 0);
    for (size_t i = 0; i < CAPABILITY_TOKEN_BYTES; i++)
        snprintf(row + 2 * i, 3, "%02x", capability->token[i]);
    row[ROW_BYTES - 1] = '\n';
    row[ROW_BYTES] = '\0';
}

/* True when the journal has the token of STAGE's capability; *IS_WHOLE: and whole rows alone. */
static bool has_burnt(const struct stage *stage, bool *is_whole)
{
    char path[PATH_MAX], row[ROW_BYTES + 1];
    struct capability capability;
    size_t size = 0;
    bool is_there = false;
    find_row(stage, row, &capability);
    assert_int_equal(path_format(path, "%s/broker/burnt", stage->state), 0);
    *is_whole = true;
    if (access(path, F_OK) < 0)
        return false;
    cleanup_free char *text = support_read(path, &size);
    for (size_t at = 0; at + ROW_BYTES <= size; at += ROW_BYTES) {
        is_there = is_there || memcmp(text + at, row, ROW_BYTES) == 0;
        *is_whole = *is_whole && text[at + ROW_BYTES - 1] == '\n' &&
                    strspn(text + at, "0123456789abcdef") == ROW_BYTES - 1;
    }
    *is_whole = *is_whole && size % ROW_BYTES == 0;
    return is_there;
}

/* The next broker, on what the disk has: which rule it breaks, or NULL. */
static const char *judge_next(struct stage *stage, const struct life *life)
{
    char last[512], row[ROW_BYTES + 1];
    struct capability old, next;
    struct stage thief = life->stage;
    bool is_whole = false;
    stage_start(stage, NULL, NULL, last);
    if (strcmp(last, "READY") != 0 || stage_greet(stage, stage->session) != REDEEM_OK ||
        stage_bind(stage, stage->program, STAGE_HOLDER_UID) != REDEEM_OK)
        return "the next broker does not start";
    if (life->has_greeted) {
        find_row(&life->stage, row, &old);
        find_row(stage, row, &next);
        if (next.epoch <= old.epoch)
            return "an epoch came twice";
        /* All that was known before, with the nonce that counts now. */
        memcpy(thief.bond.nonce, stage->bond.nonce, sizeof(thief.bond.nonce));
        if (stage_redeem_as(&thief, STAGE_HOLDER_UID) == REDEEM_OK)
            return "a capability was redeemed a second time";
    }
    enum redeem_reason first = stage_redeem_as(stage, STAGE_HOLDER_UID);
    enum redeem_reason second = stage_redeem_as(stage, STAGE_HOLDER_UID);
    if (first != REDEEM_OK || second != REDEEM_REASON_SPENT)
        return "the next capability is not redeemed once";
    if (!has_burnt(stage, &is_whole) || !is_whole)
        return "the journal is corrupt behind the next burn";
    if (life->has_granted && !has_burnt(&life->stage, &is_whole))
        return "what was burnt is not burnt any more";
    return NULL;
}

static const char *judge(struct stage *stage, const struct power_cut *cut, const struct life *life,
                         enum power_cut_disk disk)
{
    bool is_whole = false;
    power_cut_restore(cut, disk);
    if (life->has_granted && !has_burnt(&life->stage, &is_whole))
        return "a secret was granted whose token is not burnt on the disk";
    const char *broken = judge_next(stage, life);
    stage_kill(stage);
    return broken;
}

/* A whole life and its end at the stop AT, on DISK; nothing is left of it. */
static const char *try_point(unsigned int at, enum power_cut_disk disk, struct power_cut *cut,
                             struct life *life)
{
    void *state = NULL;
    stage_prepare(&state);
    struct stage *stage = state;
    stage_write_login(stage, STAGE_LOGIN);
    cut->at = at;
    live(stage, cut, life);
    const char *broken = judge(stage, cut, life, disk);
    stage_dispose(&state);
    return broken;
}

/* Each stop on each disk, again and again. */
static void try_points(bool counts_all, unsigned int stops, unsigned int points)
{
    unsigned int granted = 0;
    for (unsigned int point = 0; point < points; point++) {
        unsigned int at = 1 + point / DISK_COUNT % stops;
        enum power_cut_disk disk = (enum power_cut_disk)(point % DISK_COUNT);
        struct power_cut cut = {.counts_all = counts_all};
        struct life life;
        const char *broken = try_point(at, disk, &cut, &life);
        if (broken != NULL)
            fail_msg("killed at stop %u of %u, disk %d: %s", at, stops, (int)disk, broken);
        granted += life.has_granted;
    }
    print_message("%u points, %u of them behind a grant\n", points, granted);
    assert_true(granted > 0 && granted < points);
}

static void is_whole_wherever_the_broker_dies(void **state)
{
    (void)state;
    const char *soak = getenv("SOAK");
    bool is_soak = soak != NULL && strcmp(soak, "1") == 0;
    struct power_cut cut = {.counts_all = is_soak};
    struct life life;
    stage_needs_root();
    /* A life to its end: how many stops it has. */
    assert_null(try_point(0, DISK_KEEPS_ALL, &cut, &life));
    assert_true(life.has_granted);
    assert_true(cut.stops > 50);
    try_points(is_soak, cut.stops, is_soak ? SOAK_POINTS : cut.stops * DISK_COUNT);
}

/* The same judge, and a journal that is written carelessly. */
static void the_judge_notices_what_is_careless(void **state)
{
    (void)state;
    static const struct {
        enum power_cut_flaw flaw;
        enum power_cut_disk disk;
        bool is_noticed;
    } cases[] = {
        {FLAW_NONE, DISK_KEEPS_SYNCED, false},   {FLAW_NONE, DISK_TEARS, false},
        {FLAW_NO_SYNC, DISK_KEEPS_ALL, false},   {FLAW_NO_SYNC, DISK_KEEPS_SYNCED, true},
        {FLAW_NO_SYNC, DISK_TEARS, true},        {FLAW_NO_BURN, DISK_KEEPS_ALL, true},
        {FLAW_NO_BURN, DISK_KEEPS_SYNCED, true},
    };
    stage_needs_root();
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct power_cut cut = {.flaw = cases[i].flaw};
        struct life life;
        const char *broken = try_point(0, cases[i].disk, &cut, &life);
        assert_true(life.has_granted);
        if ((broken != NULL) != cases[i].is_noticed)
            fail_msg("case %zu: %s", i, broken == NULL ? "nothing was noticed" : broken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_whole_wherever_the_broker_dies),
        cmocka_unit_test(the_judge_notices_what_is_careless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

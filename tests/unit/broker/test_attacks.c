/* What must not redeem a secret: each beside the same request without the one flaw, which does. */
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/attack/linger.h"
#include "tests/unit/broker/stage.h"

#define CROWD 100
/* Refusals, of which the first are told one by one. */
#define FLOOD_TOLD 1000
#define FLOOD (FLOOD_TOLD + 10)

static void from_another_uid(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    assert_int_equal(stage_redeem_as(stage, STAGE_STRANGER_UID), REDEEM_REASON_NONCE);
    assert_int_equal(stage_redeem_as(stage, 0), REDEEM_REASON_NONCE);
    assert_int_equal(stage_hear(stage, "capability-refused", 2), 2);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

static int connect_to_stage(const void *context)
{
    return stage_connect(context);
}

/* Who has a login to redeem gets it while a stranger's descriptors would hold the broker. */
static void while_descriptors_linger(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    for (enum linger_way way = 0; way < LINGER_WAYS; way++)
        assert_true(linger_stops_naive(way)); /* the control */
    assert_int_equal(stage_redeem_as(stage, STAGE_STRANGER_UID), REDEEM_REASON_NONCE);
    pid_t standing = linger_stand(STAGE_STRANGER_UID, connect_to_stage, stage);
    assert_true(standing > 0);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
    kill(standing, SIGKILL);
    waitpid(standing, NULL, 0);
}

static void with_a_guessed_nonce(void **state)
{
    struct stage *stage = *state;
    struct stage guess;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    guess = *stage;
    randombytes_buf(guess.bond.nonce, sizeof(guess.bond.nonce));
    assert_int_equal(stage_redeem_as(&guess, STAGE_HOLDER_UID), REDEEM_REASON_NONCE);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

/* Each byte counts: flipped, it is another broker's, not signed, or no capability at all. */
static void with_a_changed_capability(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    for (size_t i = 0; i < CAPABILITY_SIZE; i += 13) {
        struct stage changed = *stage;
        changed.capability[i] ^= 1;
        enum redeem_reason reason = stage_redeem_as(&changed, STAGE_HOLDER_UID);
        assert_true(reason == REDEEM_REASON_MALFORMED || reason == REDEEM_REASON_SIGNATURE ||
                    reason == REDEEM_REASON_EPOCH);
    }
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

/* Signed by a key of the attacker's own, down to the id of the broker's. */
static void with_a_forged_capability(void **state)
{
    struct stage *stage = *state;
    struct stage forged;
    struct capability capability;
    uint8_t public_key[CAPABILITY_KEY_BYTES], secret_key[CAPABILITY_SIGNING_KEY_BYTES];
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    forged = *stage;
    assert_int_equal(capability_parse(stage->capability, CAPABILITY_SIZE, &capability, NULL), 0);
    capability_make_signing_pair(public_key, secret_key);
    randombytes_buf(capability.token, sizeof(capability.token));
    assert_int_equal(capability_sign(&capability, secret_key, forged.capability), 0);
    assert_int_equal(stage_redeem_as(&forged, STAGE_HOLDER_UID), REDEEM_REASON_SIGNATURE);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

static void without_the_holders_key(void **state)
{
    struct stage *stage = *state;
    struct stage thief;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    thief = *stage;
    redeem_make_pair(thief.bond.holder.public_key, thief.bond.holder.secret_key);
    assert_int_equal(stage_redeem_as(&thief, STAGE_HOLDER_UID), REDEEM_REASON_PROOF);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

static void a_stolen_bundle_is_worthless(void **state)
{
    struct stage *stage = *state;
    char path[PATH_MAX];
    uint8_t bytes[CAPABILITY_SIZE], public_key[32], secret_key[32];
    size_t size = 0;
    stage_open(stage, NULL, NULL);
    assert_int_equal(path_format(path, "%s/host/capabilities/agent_claude_cli.cap", stage->runtime),
                     0);
    cleanup_free char *sealed = support_read(path, &size);
    assert_int_equal(size, CAPABILITY_SEALED_SIZE);
    /* Nothing of it can be read, not even whose it is. */
    assert_null(memmem(sealed, size, "claude", 6));
    assert_null(memmem(sealed, size, stage->session, strlen(stage->session)));
    redeem_make_pair(public_key, secret_key);
    assert_true(capability_open(sealed, size, public_key, secret_key, bytes) < 0);
    assert_int_equal(capability_open(sealed, size, stage->bond.holder.public_key,
                                     stage->bond.holder.secret_key, bytes),
                     0);
}

static void after_its_time(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_open(stage, "--window", "0");
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_REASON_EXPIRED);
    stage_kill(stage);
    stage_open(stage, "--window", "60");
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

/* agent-boot hashed another program than the image has, or means another uid. */
static void by_another_program(void **state)
{
    struct stage *stage = *state;
    static const struct {
        bool is_other_program;
        uint32_t uid;
        enum redeem_reason reason;
    } cases[] = {{true, STAGE_HOLDER_UID, REDEEM_REASON_AUDIENCE},
                 {false, STAGE_STRANGER_UID, REDEEM_REASON_AUDIENCE},
                 {false, STAGE_HOLDER_UID, REDEEM_OK}};
    stage_needs_root();
    stage_write_login(stage, STAGE_LOGIN);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char last[512];
        uint8_t program[CAPABILITY_DIGEST_BYTES];
        memcpy(program, stage->program, sizeof(program));
        program[0] ^= cases[i].is_other_program ? 1 : 0;
        stage_start(stage, NULL, NULL, last);
        assert_string_equal(last, "READY");
        assert_int_equal(stage_greet(stage, stage->session), REDEEM_OK);
        assert_int_equal(stage_bind(stage, program, cases[i].uid), REDEEM_OK);
        assert_int_equal(stage_redeem_as(stage, cases[i].uid), cases[i].reason);
        stage_kill(stage);
    }
}

static void a_hello_that_is_not_agent_boots(void **state)
{
    struct stage *stage = *state;
    char last[512];
    int status = 0;
    stage_needs_root();
    stage_write_login(stage, STAGE_LOGIN);
    stage_start(stage, NULL, NULL, last);
    stage_open_to_all(stage);
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(STAGE_HOLDER_UID, STAGE_HOLDER_UID, STAGE_HOLDER_UID) < 0)
            _exit(100);
        _exit((int)stage_greet(stage, stage->session));
    }
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), REDEEM_REASON_PEER);
    assert_int_equal(stage_greet(stage, "zzzzzzz7"), REDEEM_REASON_SESSION);
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_OK);
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_REASON_TWICE);
    assert_int_equal(stage_bind(stage, stage->program, STAGE_HOLDER_UID), REDEEM_OK);
    assert_int_equal(stage_bind(stage, stage->program, STAGE_HOLDER_UID), REDEEM_REASON_TWICE);
    assert_int_equal(stage_hear(stage, "capability-refused", 4), 4);
}

static void replayed_after_a_restart(void **state)
{
    struct stage *stage = *state;
    struct stage old;
    char path[PATH_MAX];
    size_t size = 0;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
    old = *stage;
    stage_kill(stage);
    stage_open(stage, NULL, NULL);
    assert_int_equal(path_format(path, "%s/broker/burnt", stage->state), 0);
    cleanup_free char *burnt = support_read(path, &size);
    assert_int_equal(size, 2 * CAPABILITY_TOKEN_BYTES + 1);
    assert_int_equal(path_format(path, "%s/broker/epoch", stage->state), 0);
    cleanup_free char *epoch = support_read(path, &size);
    assert_string_equal(epoch, "2\n");
    /* All that was known before, with the nonce that counts now. */
    memcpy(old.bond.nonce, stage->bond.nonce, sizeof(old.bond.nonce));
    assert_int_equal(stage_redeem_as(&old, STAGE_HOLDER_UID), REDEEM_REASON_EPOCH);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

/* Bound by the broker of before: nobody said it to this one. */
static void with_a_nonce_of_before(void **state)
{
    struct stage *stage = *state;
    struct stage replayed;
    uint8_t nonce[REDEEM_NONCE_BYTES];
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    memcpy(nonce, stage->bond.nonce, sizeof(nonce));
    stage_kill(stage);
    stage_open(stage, NULL, NULL);
    replayed = *stage;
    memcpy(replayed.bond.nonce, nonce, sizeof(nonce));
    assert_int_equal(stage_redeem_as(&replayed, STAGE_HOLDER_UID), REDEEM_REASON_NONCE);
    assert_int_equal(stage_hear(stage, "\"reason\":\"nonce\"", 1), 1);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

/* Two sessions at a time: all that one of them has, with a nonce that counts at the other. */
static void at_the_broker_of_another_session(void **state)
{
    struct stage *stage = *state;
    struct stage stray;
    void *second = NULL;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    assert_int_equal(stage_prepare(&second), 0);
    struct stage *other = second;
    stage_open(other, NULL, NULL);
    stray = *stage;
    memcpy(stray.runtime, other->runtime, sizeof(stray.runtime));
    memcpy(stray.directory, other->directory, sizeof(stray.directory));
    memcpy(stray.bond.nonce, other->bond.nonce, sizeof(stray.bond.nonce));
    assert_int_equal(stage_redeem_as(&stray, STAGE_HOLDER_UID), REDEEM_REASON_EPOCH);
    assert_int_equal(stage_hear(other, "\"reason\":\"epoch\"", 1), 1);
    assert_int_equal(stage_redeem_as(other, STAGE_HOLDER_UID), REDEEM_OK);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
    stage_dispose(&second);
}

static void with_what_is_no_message(void **state)
{
    struct stage *stage = *state;
    static const char junk[REDEEM_MESSAGE_MAX + 100] = "GET / HTTP/1.1\r\n";
    static const size_t sizes[] = {1, 7, 8, 16, 600, sizeof(junk)};
    struct redeem_answer early = {.proof = {0}};
    struct redeem_refusal refusal;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        cleanup_fd int fd = stage_connect(stage);
        assert_int_equal(send(fd, junk, sizes[i], MSG_NOSIGNAL), (ssize_t)sizes[i]);
        assert_int_equal(stage_hear(stage, "\"reason\":\"malformed\"", i + 1), i + 1);
    }
    /* Well formed, and out of its order. */
    cleanup_fd int fd = stage_connect(stage);
    assert_int_equal(stage_ask(fd, REDEEM_ANSWER, &early, sizeof(early), &refusal, sizeof(refusal)),
                     REDEEM_REFUSED);
    assert_int_equal(refusal.reason, REDEEM_REASON_MALFORMED);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
}

static pthread_barrier_t line;

static void *redeem_with_the_crowd(void *argument)
{
    char text[512];
    int lease = -1;
    pthread_barrier_wait(&line);
    enum redeem_reason reason = stage_redeem(argument, text, &lease);
    pthread_barrier_wait(&line);
    cleanup_close(&lease);
    return (void *)(uintptr_t)reason;
}

/* In a child of the holder's uid: how many of the threads got the secret. */
static int run_crowd(struct stage *stage)
{
    pthread_t threads[CROWD];
    int won = 0, spent = 0;
    pthread_barrier_init(&line, NULL, CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        if (pthread_create(&threads[i], NULL, redeem_with_the_crowd, stage) != 0)
            return 100;
    }
    for (size_t i = 0; i < CROWD; i++) {
        void *reason = NULL;
        pthread_join(threads[i], &reason);
        won += (uintptr_t)reason == REDEEM_OK;
        spent += (uintptr_t)reason == REDEEM_REASON_SPENT;
    }
    return won + spent == CROWD ? won : 101;
}

static void by_a_hundred_at_once(void **state)
{
    struct stage *stage = *state;
    int status = 0;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    stage_open_to_all(stage);
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(STAGE_HOLDER_UID, STAGE_HOLDER_UID, STAGE_HOLDER_UID) < 0)
            _exit(102);
        _exit(run_crowd(stage));
    }
    /* Heard meanwhile, or the broker would wait for us. */
    assert_int_equal(stage_hear(stage, "\"reason\":\"spent\"", CROWD - 1), CROWD - 1);
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(stage_hear(stage, "capability-redeemed", 1), 1);
}

/* However much was refused before: what answers to it hears of it. */
static void hidden_in_a_flood(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
    for (int i = 0; i < FLOOD; i++) {
        struct redeem_answer early = {.proof = {0}};
        struct redeem_refusal refusal;
        cleanup_fd int fd = stage_connect(stage);
        assert_int_equal(
            stage_ask(fd, REDEEM_ANSWER, &early, sizeof(early), &refusal, sizeof(refusal)),
            REDEEM_REFUSED);
        stage->told[0] = '\0';
        if (i < FLOOD_TOLD)
            assert_int_equal(stage_hear(stage, "\"reason\":\"malformed\"", 1), 1);
    }
    stage->told[0] = '\0';
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_REASON_SPENT);
    assert_int_equal(stage_hear(stage, "\"reason\":\"spent\"", 1), 1);
    /* Once: nor do these flood the log. */
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_REASON_SPENT);
    stage_end(stage);
    assert_null(strstr(strstr(stage->told, "\"spent\"") + 1, "\"spent\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(from_another_uid),
        STAGE_TEST(while_descriptors_linger),
        STAGE_TEST(with_a_guessed_nonce),
        STAGE_TEST(with_a_changed_capability),
        STAGE_TEST(with_a_forged_capability),
        STAGE_TEST(without_the_holders_key),
        STAGE_TEST(a_stolen_bundle_is_worthless),
        STAGE_TEST(after_its_time),
        STAGE_TEST(by_another_program),
        STAGE_TEST(a_hello_that_is_not_agent_boots),
        STAGE_TEST(replayed_after_a_restart),
        STAGE_TEST(with_a_nonce_of_before),
        STAGE_TEST(at_the_broker_of_another_session),
        STAGE_TEST(with_what_is_no_message),
        STAGE_TEST(by_a_hundred_at_once),
        STAGE_TEST(hidden_in_a_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One request of the git proxy, with a curl that has it: what ends it, and what is said instead. */
#include <poll.h>
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

#define TURN_MS 100

/* Until curl has spoken to REMOTE, which is what it waits for an answer of. */
static void let_it_speak(struct stage *stage, int remote)
{
    static const char wanted[] = "CONNECT host.invalid:443";
    char said[sizeof(wanted)] = "";
    int running = 1;
    while (recv(remote, said, sizeof(wanted) - 1, MSG_DONTWAIT | MSG_PEEK) <= 0) {
        assert_int_equal(curl_multi_perform(stage->proxy.multi, &running), CURLM_OK);
        assert_int_equal(running, 1);
        curl_multi_poll(stage->proxy.multi, NULL, 0, TURN_MS, NULL);
    }
    assert_string_equal(said, wanted);
}

/* Whether curl has closed it, which comes by way of the kernel. */
static bool is_closed(int remote)
{
    char bytes[4096];
    struct pollfd wait = {.fd = remote, .events = POLLIN};
    ssize_t count = 1;
    while (count > 0 && poll(&wait, 1, TURN_MS) > 0)
        count = recv(remote, bytes, sizeof(bytes), MSG_DONTWAIT);
    return count == 0;
}

static void an_answer_of_ours_ends_the_request_and_is_the_only_one(void **state)
{
    struct stage *stage = *state;
    const struct proxy_credential credential = {.username = "jane", .password = "secret"};
    int remote = -1;
    int running = 0;
    struct exchange *exchange = stage_begin(stage, &remote);
    let_it_speak(stage, remote);
    assert_false(is_closed(remote));
    say_text(exchange, 413, "too much");
    assert_int_equal(exchange->state, EXCHANGE_SAID);
    const char *said = exchange->said;
    assert_string_equal(said, "coding-agents: too much\n");
    /* curl has nothing of it any more, and a word of its that was on the way counts for nothing. */
    assert_null(exchange->easy);
    assert_true(is_closed(remote));
    assert_int_equal(curl_multi_perform(stage->proxy.multi, &running), CURLM_OK);
    assert_int_equal(running, 0);
    exchange_done(exchange, CURLE_OK);
    exchange_done(exchange, CURLE_COULDNT_CONNECT);
    say_text(exchange, 502, "something else");
    say_credential(exchange, &credential);
    assert_int_equal(exchange->state, EXCHANGE_SAID);
    assert_ptr_equal(exchange->said, said);
    assert_string_equal(exchange->said, "coding-agents: too much\n");
    assert_int_equal(exchange->said_status, 413);
    assert_int_equal(recv(stage->outside, &running, sizeof(running), MSG_DONTWAIT), -1);
    close(remote);
}

/* The outcome of the only request that has ended. */
static void assert_outcome(const struct stage *stage, const char *outcome)
{
    char said[4096] = "";
    assert_true(recv(stage->keeper, said, sizeof(said) - 1, MSG_DONTWAIT) > 0);
    assert_non_null(strstr(said, outcome));
    assert_int_equal(recv(stage->keeper, said, sizeof(said) - 1, MSG_DONTWAIT), -1);
}

static void what_is_too_large_is_refused_while_nothing_is_said(void **state)
{
    struct stage *stage = *state;
    int remote = -1;
    struct exchange *exchange = stage_begin(stage, &remote);
    let_it_speak(stage, remote);
    exchange->up_total = PROXY_UP_BYTES_MAX - 1;
    assert_int_equal(exchange_take(exchange, "x", 1), 1);
    assert_int_equal(exchange->state, EXCHANGE_RUNNING);
    assert_int_equal(exchange_take(exchange, "y", 1), 1);
    assert_int_equal(exchange->state, EXCHANGE_SAID);
    assert_int_equal(exchange->said_status, 413);
    assert_true(is_closed(remote));
    /* The rest of it is taken, and is for nobody. */
    assert_int_equal(exchange_take(exchange, "z", 1), 1);
    assert_int_equal(exchange->up_end, 0);
    exchange_end(exchange);
    assert_outcome(stage, "\"failed\"");
    close(remote);
}

static void what_is_too_large_is_cut_off_while_the_remote_speaks(void **state)
{
    struct stage *stage = *state;
    char text[16];
    int remote = -1;
    struct exchange *exchange = stage_begin(stage, &remote);
    let_it_speak(stage, remote);
    exchange->status = 200;
    exchange->is_streaming = true;
    exchange->outcome = "served";
    exchange->is_down_paused = exchange->is_up_paused = true;
    memcpy(exchange->down, "begun", 5);
    exchange->down_end = 5;
    exchange->up_total = PROXY_UP_BYTES_MAX;
    assert_int_equal(exchange_take(exchange, "x", 1), 1);
    assert_int_equal(exchange->state, EXCHANGE_RUNNING);
    assert_null(exchange->said);
    assert_null(exchange->easy);
    assert_true(is_closed(remote));
    /* What was said before that is still given, and then that it broke. */
    assert_int_equal(exchange_take(exchange, "y", 1), 1);
    exchange_end_body(exchange);
    assert_int_equal(exchange_give(exchange, text, sizeof(text)), 5);
    assert_memory_equal(text, "begun", 5);
    assert_int_equal(exchange_give(exchange, text, sizeof(text)), -2);
    exchange_end(exchange);
    assert_outcome(stage, "\"failed\"");
    close(remote);
}

static void says_what_cannot_be_reached_and_why(void **state)
{
    struct stage *stage = *state;
    struct upstream *upstream = &stage->proxy.upstreams[0];
    int remotes[2];
    struct exchange *exchange = stage_begin(stage, &remotes[0]);
    exchange_done(exchange, CURLE_PEER_FAILED_VERIFICATION);
    assert_non_null(strstr(exchange->said, "host.invalid is not reached"));
    assert_null(strstr(exchange->said, "sslVerify"));
    upstream->is_unverified = true;
    exchange = stage_begin(stage, &remotes[1]);
    exchange_done(exchange, CURLE_PEER_FAILED_VERIFICATION);
    assert_non_null(strstr(exchange->said, "http.sslVerify is off"));
    /* Not of its own making: nobody is asked. */
    snprintf(upstream->trouble, sizeof(upstream->trouble), "it is not");
    exchange = exchange_find_free(&stage->proxy);
    exchange->route = (struct route){.kind = ROUTE_REFS};
    exchange_begin(exchange);
    assert_string_equal(exchange->said, "coding-agents: host.invalid is not reached: it is not\n");
    close(remotes[0]);
    close(remotes[1]);
}

static void answers_git_lfs_in_its_own_way(void **state)
{
    struct stage *stage = *state;
    struct exchange *exchange = exchange_find_free(&stage->proxy);
    exchange->route = (struct route){.kind = ROUTE_LFS};
    exchange_begin(exchange);
    assert_int_equal(exchange->said_status, 501);
    assert_string_equal(exchange->said_type, "application/vnd.git-lfs+json");
    json_t *said = json_loadb(exchange->said, exchange->said_size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(strstr(json_string_value(json_object_get(said, "message")), "git lfs pull"));
    json_decref(said);
    exchange_end(exchange);
    assert_outcome(stage, "\"refused\"");
}

static void there_is_no_request_beyond_the_last(void **state)
{
    struct stage *stage = *state;
    int remotes[PROXY_EXCHANGES];
    for (size_t i = 0; i < PROXY_EXCHANGES; i++)
        stage_begin(stage, &remotes[i]);
    assert_null(exchange_find_free(&stage->proxy));
    exchange_end(&stage->proxy.exchanges[3]);
    assert_ptr_equal(exchange_find_free(&stage->proxy), &stage->proxy.exchanges[3]);
    for (size_t i = 0; i < PROXY_EXCHANGES; i++)
        close(remotes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_of_ours_ends_the_request_and_is_the_only_one,
                                        stage_make, stage_free),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_refused_while_nothing_is_said,
                                        stage_make, stage_free),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_cut_off_while_the_remote_speaks,
                                        stage_make, stage_free),
        cmocka_unit_test_setup_teardown(says_what_cannot_be_reached_and_why, stage_make,
                                        stage_free),
        cmocka_unit_test_setup_teardown(answers_git_lfs_in_its_own_way, stage_make, stage_free),
        cmocka_unit_test_setup_teardown(there_is_no_request_beyond_the_last, stage_make,
                                        stage_free),
    };
    return cmocka_run_group_tests(tests, stage_open, NULL);
}

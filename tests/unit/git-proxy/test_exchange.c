/* One request of the git proxy, with a curl that has it: what ends it, and who gets which
 * credential. Its remote is behind a proxy that never answers. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"

#define PATIENCE_S 60
#define TURN_MS 100

enum { OURS, THEIRS, ENDS };

/* Connections for all tests, which are made before none can be made. */
#define PAIRS 32
static int pairs[PAIRS][ENDS];
static size_t pairs_used;

struct stage {
    struct proxy proxy;
    int keeper;  /* what the keeper hears */
    int outside; /* what the process outside hears */
};

/* As outside makes one: curl asks for the addresses of both ends. */
static void connect_pair(int ends[ENDS])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ends[OURS] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ends[OURS], (struct sockaddr *)&address, size), 0);
    ends[THEIRS] = accept(listener, NULL, NULL);
    close(listener);
}

/* What policies/seccomp/git-proxy.json makes of it, for which curl does not work otherwise. */
static int forbid_connections(void)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINPROGRESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = ARRAY_LENGTH(instructions), .filter = instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 ? -errno : 0;
}

static int set_up_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS; i++)
        connect_pair(pairs[i]);
    assert_true(sodium_init() >= 0);
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    return forbid_connections();
}

static int set_up(void **state)
{
    static char url[] = "https://host.invalid/x.git";
    struct stage *stage = calloc(1, sizeof(*stage));
    struct proxy *proxy = &stage->proxy;
    struct upstream *upstream = &proxy->upstreams[0];
    int keeper[ENDS];
    int outside[ENDS];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, keeper), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, outside), 0);
    stage->keeper = keeper[THEIRS];
    stage->outside = outside[THEIRS];
    proxy->child.keeper = keeper[OURS];
    proxy->outside = outside[OURS];
    proxy->multi = curl_multi_init();
    proxy->exchanges = calloc(PROXY_EXCHANGES, sizeof(*proxy->exchanges));
    assert_non_null(proxy->multi);
    assert_non_null(proxy->exchanges);
    proxy->upstream_count = proxy->access.remote_count = 1;
    *upstream = (struct upstream){.name = "origin.git",
                                  .url = url,
                                  .host = "host.invalid",
                                  .port = "443",
                                  .proxy = strdup("http://proxy.invalid:3128"),
                                  .proxy_host = "proxy.invalid",
                                  .proxy_port = "3128",
                                  .authorities = strdup("not looked at before there is TLS"),
                                  .authorities_size = 1};
    tell_open(proxy);
    alarm(PATIENCE_S);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    struct proxy *proxy = &stage->proxy;
    alarm(0);
    for (size_t i = 0; i < PROXY_EXCHANGES; i++) {
        if (proxy->exchanges[i].state != EXCHANGE_FREE)
            exchange_end(&proxy->exchanges[i]);
    }
    secret_wipe(&proxy->upstreams[0].credential);
    free(proxy->upstreams[0].proxy);
    free(proxy->upstreams[0].authorities);
    curl_multi_cleanup(proxy->multi);
    free(proxy->exchanges);
    close(proxy->child.keeper);
    close(proxy->outside);
    close(stage->keeper);
    close(stage->outside);
    free(stage);
    return 0;
}

/* A request, begun and with curl; *REMOTE is the other end of its connection. */
static struct exchange *begin(struct stage *stage, int *remote)
{
    struct exchange *exchange = exchange_find_free(&stage->proxy);
    int ends[ENDS];
    assert_non_null(exchange);
    memcpy(ends, pairs[pairs_used++], sizeof(ends));
    exchange->route = (struct route){.kind = ROUTE_REFS};
    exchange->dialled = ends[OURS];
    exchange->is_dialled_proxy = true;
    *remote = ends[THEIRS];
    exchange_begin(exchange);
    assert_int_equal(exchange->state, EXCHANGE_RUNNING);
    return exchange;
}

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
    struct exchange *exchange = begin(stage, &remote);
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
    struct exchange *exchange = begin(stage, &remote);
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
    struct exchange *exchange = begin(stage, &remote);
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
    struct exchange *first = begin(stage, &remotes[0]);
    struct exchange *second = begin(stage, &remotes[1]);
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
    struct exchange *first = begin(stage, &remotes[0]);
    refuse(first);
    give(stage, first, "jane");
    exchange_end(first);
    /* It has changed on the host meanwhile: both know the old one, and both get the new. */
    struct exchange *second = begin(stage, &remotes[1]);
    struct exchange *third = begin(stage, &remotes[2]);
    assert_true(second->has_credential);
    refuse(second);
    refuse(third);
    give(stage, second, "joan");
    give(stage, third, "joan");
    assert_int_equal(second->state, EXCHANGE_RUNNING);
    assert_int_equal(third->state, EXCHANGE_RUNNING);
    assert_int_equal(stage->proxy.upstreams[0].credential_number, 2);
    /* It has not. */
    struct exchange *fourth = begin(stage, &remotes[3]);
    refuse(fourth);
    give(stage, fourth, "joan");
    assert_int_equal(fourth->state, EXCHANGE_SAID);
    assert_int_equal(fourth->said_status, 403);
    assert_non_null(strstr(fourth->said, "does not accept the credential"));
    for (size_t i = 0; i < 4; i++)
        close(remotes[i]);
}

static void there_is_no_request_beyond_the_last(void **state)
{
    struct stage *stage = *state;
    int remotes[PROXY_EXCHANGES];
    for (size_t i = 0; i < PROXY_EXCHANGES; i++)
        begin(stage, &remotes[i]);
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
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_refused_while_nothing_is_said, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_cut_off_while_the_remote_speaks,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_that_ask_at_once_are_both_tried_with_what_is_found,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_credential_that_was_tried_is_not_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(there_is_no_request_beyond_the_last, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_all, NULL);
}

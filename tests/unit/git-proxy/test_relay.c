/* The relay of the container: bytes both ways, and to the last one, however either side ends. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "stubs/agent-git-relay/relay.h"

#define SOCKET "proxy.sock"
#define MUCH ((size_t)8 * 1024 * 1024)
#define LITTLE 4096
/* More than the relay and the sockets to the proxy have room for. */
#define UNREAD ((size_t)1024 * 1024)
#define REST_US 200000
#define PATIENCE_S 60

struct stage {
    char directory[64];
    struct sockaddr_in address; /* of the relay */
    int proxy;                  /* where the relay connects to */
    pid_t relay;
};

static void run_relay(int listener)
{
    static struct relay relay = {.socket = SOCKET};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    relay.listener = listener;
    (void)relay_run(&relay);
    _exit(1);
}

/* A stream, as libmicrohttpd's is. */
static int listen_as_proxy(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    socklen_t size = sizeof(stage->address);
    assert_non_null(stage);
    snprintf(stage->directory, sizeof(stage->directory), "/tmp/test-relay-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    assert_int_equal(chdir(stage->directory), 0);
    stage->proxy = listen_as_proxy();
    /* What it accepts has as little room for what it sends, so that the rest is the relay's. */
    const int little = LITTLE;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little)), 0);
    stage->address.sin_family = AF_INET;
    stage->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&stage->address, size), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&stage->address, &size), 0);
    stage->relay = fork();
    if (stage->relay == 0)
        run_relay(listener);
    close(listener);
    *state = stage;
    alarm(PATIENCE_S);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    alarm(0);
    kill(stage->relay, SIGKILL);
    waitpid(stage->relay, NULL, 0);
    close(stage->proxy);
    unlink(SOCKET);
    assert_int_equal(chdir("/"), 0);
    rmdir(stage->directory);
    free(stage);
    return 0;
}

/* A command's connection; it has little room for what it does not read. */
static int call(const struct stage *stage)
{
    const int little = LITTLE;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&stage->address, sizeof(stage->address)),
                     0);
    return fd;
}

/* The other end of a connection. */
static int answer(const struct stage *stage)
{
    int fd = accept(stage->proxy, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, size_t size)
{
    static char block[64 * 1024];
    memset(block, 'x', sizeof(block));
    while (size > 0) {
        ssize_t count = send(fd, block, size < sizeof(block) ? size : sizeof(block), MSG_NOSIGNAL);
        assert_true(count > 0);
        size -= (size_t)count;
    }
}

/* Everything until the end. */
static size_t hear_out(int fd)
{
    static char block[64 * 1024];
    size_t total = 0;
    ssize_t count;
    while ((count = recv(fd, block, sizeof(block), 0)) > 0)
        total += (size_t)count;
    return total;
}

static void hands_bytes_both_ways(void **state)
{
    int command = call(*state);
    int proxy = answer(*state);
    char text[4] = "";
    say(command, 3);
    assert_int_equal(recv(proxy, text, 3, MSG_WAITALL), 3);
    say(proxy, 3);
    assert_int_equal(recv(command, text, 3, MSG_WAITALL), 3);
    assert_string_equal(text, "xxx");
    shutdown(command, SHUT_WR);
    assert_int_equal(hear_out(proxy), 0);
    say(proxy, LITTLE);
    close(proxy);
    assert_int_equal(hear_out(command), LITTLE);
    close(command);
}

/* What the relay has computed for so far, in microseconds. */
static long spent_us(const struct stage *stage)
{
    struct timespec spent;
    clockid_t clock;
    assert_int_equal(clock_getcpuclockid(stage->relay, &clock), 0);
    assert_int_equal(clock_gettime(clock, &spent), 0);
    return spent.tv_sec * 1000000L + spent.tv_nsec / 1000;
}

/* The command reads next to nothing before the proxy has gone. */
static void say_much_and_go(const struct stage *stage, int command, int proxy)
{
    pid_t speaker = fork();
    if (speaker == 0) {
        close(command);
        say(proxy, MUCH);
        _exit(0);
    }
    close(proxy);
    /* It could not end while nobody reads at all: read until what is left fits in between. */
    char block[LITTLE];
    size_t total = 0;
    while (waitpid(speaker, NULL, WNOHANG) == 0) {
        ssize_t count = recv(command, block, sizeof(block), 0);
        assert_true(count > 0);
        total += (size_t)count;
    }
    usleep(REST_US); /* the relay hears of the end while it has bytes left */
    long before = spent_us(stage);
    usleep(REST_US);
    assert_true(spent_us(stage) - before < REST_US / 4); /* and is not told of it for ever */
    assert_int_equal(total + hear_out(command), MUCH);
    close(command);
}

static void gives_all_that_was_said_before_an_end(void **state)
{
    int command = call(*state);
    say_much_and_go(*state, command, answer(*state));
}

/* With unread bytes in it, a connection that is closed takes what is on its way along. */
static void gives_all_to_who_says_what_nobody_reads(void **state)
{
    int command = call(*state);
    int proxy = answer(*state);
    say(command, UNREAD);
    say_much_and_go(*state, command, proxy);
}

/* An answer that comes before the question is over: the rest is for nobody. */
static void gives_the_answer_to_who_is_still_asking(void **state)
{
    int command = call(*state);
    int proxy = answer(*state);
    say(command, LITTLE);
    say(proxy, LITTLE);
    close(proxy);
    assert_int_equal(hear_out(command), LITTLE);
    close(command);
}

static void has_room_again_after_each(void **state)
{
    for (size_t i = 0; i < 3 * (size_t)RELAY_PAIRS; i++) {
        int command = call(*state);
        int proxy = answer(*state);
        close(i % 2 == 0 ? command : proxy);
        assert_int_equal(hear_out(i % 2 == 0 ? proxy : command), 0);
        close(i % 2 == 0 ? proxy : command);
    }
}

/* Their answers are whole, and they never end: nobody else has to wait for them. */
static void lets_in_who_comes_after_those_that_do_not_end(void **state)
{
    int commands[2 * RELAY_PAIRS];
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        commands[i] = call(*state);
        int proxy = answer(*state);
        say(proxy, LITTLE);
        close(proxy);
        assert_int_equal(hear_out(commands[i]), LITTLE);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        close(commands[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hands_bytes_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_all_that_was_said_before_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_all_to_who_says_what_nobody_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_the_answer_to_who_is_still_asking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_room_again_after_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_in_who_comes_after_those_that_do_not_end, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

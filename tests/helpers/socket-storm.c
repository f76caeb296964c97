/*
 * A container that means harm: `socket-storm BROKER KEEPER SESSION SECONDS [CONNECTIONS]` sends
 * both sockets what they should not be sent, in an order of chance: bytes of chance, heads with
 * another length behind them, messages of every type where they do not belong, connections that say
 * nothing, of which it keeps so many, and such that are gone at once. Prints how much of each.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/wire/channel_frame.h"
#include "lib/wire/data_message.h"
#include "lib/wire/redeem.h"

#define MESSAGE_MAX (80 * 1024)
#define CONNECTIONS_MAX 10000
/* An answer is given a moment, so that something comes behind it. */
#define ANSWER_MS 5

static const char *broker, *keeper, *session;
static int silent[CONNECTIONS_MAX];
static size_t silent_count, silent_most;
static unsigned long connected, turned_away, sent, hung_up, answered;
static uint64_t seed;

/* xorshift64; what it is shown with can be given again. */
static uint64_t chance(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static void fill(void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)data)[i] = (unsigned char)chance(256);
}

static int reach(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        connected++;
        return fd;
    }
    turned_away++;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void say(int fd, const void *message, size_t size)
{
    char answer[MESSAGE_MAX];
    struct pollfd heard = {.fd = fd, .events = POLLIN};
    if (send(fd, message, size, MSG_NOSIGNAL) < 0)
        hung_up += errno == EPIPE || errno == ECONNRESET ? 1 : 0;
    else
        sent++;
    (void)poll(&heard, 1, ANSWER_MS);
    answered += recv(fd, answer, sizeof(answer), 0) > 0 ? 1 : 0;
}

static size_t make_frame(char *message, unsigned int type, size_t size)
{
    struct channel_header head = channel_header_of((enum channel_frame_type)type, (uint32_t)size);
    /* Some lie about their length. */
    if (chance(8) == 0)
        head.length = (uint32_t)chance(UINT32_MAX);
    memcpy(message, &head, sizeof(head));
    fill(message + sizeof(head), size);
    return sizeof(head) + size;
}

/* A request for data that has the right form, and comes when it may not. */
static size_t make_request(char *message)
{
    size_t count = (size_t)chance(DATA_CHUNK_BYTES);
    const struct data_message request = {.action = (uint32_t)chance(7),
                                         .offset = chance(3) == 0 ? chance(UINT64_MAX) : 0};
    size_t size = make_frame(message, CHANNEL_DATA, sizeof(request) + count);
    memcpy(message + sizeof(struct channel_header), &request, sizeof(request));
    return size;
}

static void storm_keeper(char *message)
{
    struct channel_hello hello = {.version = CHANNEL_VERSION, .role = (uint32_t)chance(8)};
    int fd = reach(keeper);
    if (fd < 0)
        return;
    size_t size = make_frame(message, CHANNEL_HELLO, sizeof(hello));
    memcpy(hello.session, session, strlen(session) + 1);
    memcpy(message + sizeof(struct channel_header), &hello, sizeof(hello));
    if (chance(4) > 0)
        say(fd, message, size);
    for (uint64_t i = chance(6); i > 0; i--)
        say(fd, message,
            chance(2) == 0 ? make_request(message)
                           : make_frame(message, (unsigned int)chance(16), (size_t)chance(4096)));
    close(fd);
}

static void storm_broker(char *message)
{
    int fd = reach(broker);
    if (fd < 0)
        return;
    for (uint64_t i = chance(5) + 1; i > 0; i--) {
        size_t size = (size_t)chance(1024);
        const struct redeem_header head = {.magic = REDEEM_MAGIC,
                                           .version = REDEEM_VERSION,
                                           .type = (uint16_t)chance(REDEEM_TYPE_COUNT + 2)};
        memcpy(message, &head, sizeof(head));
        fill(message + sizeof(head), size);
        say(fd, message, chance(4) == 0 ? chance(sizeof(head) + 1) : sizeof(head) + size);
    }
    close(fd);
}

static void send_chance(char *message)
{
    int fd = reach(chance(2) == 0 ? broker : keeper);
    size_t size = (size_t)chance(MESSAGE_MAX);
    if (fd < 0)
        return;
    fill(message, size < 4096 ? size : 4096);
    say(fd, message, size);
    close(fd);
}

static void stay_silent(void)
{
    int fd = reach(chance(2) == 0 ? broker : keeper);
    if (fd < 0)
        return;
    /* In place of another, when there are as many as there are to be. */
    size_t place = silent_count < silent_most ? silent_count++ : (size_t)chance(silent_most);
    if (silent[place] > 0)
        close(silent[place]);
    silent[place] = fd;
}

int main(int argc, char **argv)
{
    static char message[MESSAGE_MAX];
    const struct rlimit files = {CONNECTIONS_MAX + 64, CONNECTIONS_MAX + 64};
    if (argc < 5)
        return 2;
    broker = argv[1];
    keeper = argv[2];
    session = argv[3];
    silent_most = argc > 5 ? strtoul(argv[5], NULL, 10) : 200;
    if (strlen(session) >= sizeof(((struct channel_hello *)0)->session) || silent_most == 0 ||
        silent_most > CONNECTIONS_MAX || setrlimit(RLIMIT_NOFILE, &files) < 0)
        return 2;
    seed = (uint64_t)time(NULL) | 1;
    printf("seed %llu\n", (unsigned long long)seed);
    const time_t end = time(NULL) + strtol(argv[4], NULL, 10);
    while (time(NULL) < end) {
        switch (chance(4)) {
        case 0:
            storm_keeper(message);
            break;
        case 1:
            storm_broker(message);
            break;
        case 2:
            send_chance(message);
            break;
        default:
            stay_silent();
        }
    }
    printf("connected %lu, turned away %lu, sent %lu, answered %lu, hung up %lu, silent %zu\n",
           connected, turned_away, sent, answered, hung_up, silent_count);
    return 0;
}

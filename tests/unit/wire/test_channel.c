/* Frames of the root channel, and the client's side against a peer that behaves and peers that do
 * not. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/channel.h"
#include "tests/unit/wire/support.h"

static const struct channel_header good = {
    .magic = CHANNEL_MAGIC, .version = CHANNEL_VERSION, .type = CHANNEL_EVENT, .length = 4};

static int parse(const struct channel_header *header, size_t size)
{
    static char frame[LIMIT_CHANNEL_FRAME_BYTES + 64];
    struct channel_header parsed;
    const void *payload = NULL;
    size_t payload_size = 0;
    memcpy(frame, header, sizeof(*header));
    memcpy(frame + sizeof(*header), "abcd", 4);
    int result = channel_parse_frame(frame, size, &parsed, &payload, &payload_size, NULL);
    if (result == 0) {
        assert_int_equal(payload_size, size - sizeof(*header));
        assert_memory_equal(payload, "abcd", 4);
    }
    return result;
}

static void holds_frames_to_their_header(void **state)
{
    (void)state;
    struct channel_header header = good;
    assert_int_equal(parse(&good, sizeof(good) + 4), 0);
    assert_int_equal(parse(&good, sizeof(good) + 3), -EPROTO);
    assert_int_equal(parse(&good, sizeof(good) + 5), -EPROTO);
    assert_int_equal(parse(&good, sizeof(good) - 1), -EPROTO);
    assert_int_equal(parse(&good, 0), -EPROTO);
    header.magic++;
    assert_int_equal(parse(&header, sizeof(good) + 4), -EPROTO);
    header = good;
    header.version++;
    assert_int_equal(parse(&header, sizeof(good) + 4), -EPROTO);
    header = good;
    header.type = 0;
    assert_int_equal(parse(&header, sizeof(good) + 4), -EPROTO);
    header.type = CHANNEL_FRAME_LAST + 1;
    assert_int_equal(parse(&header, sizeof(good) + 4), -EPROTO);
    header = good;
    header.length = LIMIT_CHANNEL_FRAME_BYTES - sizeof(good);
    assert_int_equal(parse(&header, LIMIT_CHANNEL_FRAME_BYTES), 0);
    header.length++;
    assert_int_equal(parse(&header, LIMIT_CHANNEL_FRAME_BYTES + 1), -EPROTO);
}

enum peer { PEER_GOOD, PEER_SILENT, PEER_CLOSES, PEER_OTHER_SESSION, PEER_GARBAGE };

static void answer(int fd, enum peer peer)
{
    char data[256];
    struct channel_hello hello = {.version = CHANNEL_VERSION, .session = SUPPORT_SESSION};
    if (peer == PEER_OTHER_SESSION)
        hello.session[0] = 'z';
    assert_true(recv(fd, data, sizeof(data), 0) > 0);
    if (peer == PEER_SILENT)
        pause();
    if (peer == PEER_CLOSES)
        return;
    if (peer == PEER_GARBAGE)
        send(fd, "garbage", 7, 0);
    else
        channel_send_frame(fd, CHANNEL_HELLO_REPLY, &hello, sizeof(hello));
    if (recv(fd, data, sizeof(data), 0) > 0)
        channel_send_frame(fd, CHANNEL_FLUSHED, NULL, 0);
}

static pid_t start_peer(const char *path, enum peer peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = accept(listener, NULL, NULL);
        answer(fd, peer);
        _exit(0);
    }
    close(listener);
    return child;
}

static int talk(const char *path, enum peer peer)
{
    struct error err = ERROR_INITIALIZER;
    pid_t child = start_peer(path, peer);
    cleanup_fd int fd = channel_connect(path, CHANNEL_ROLE_BOOT, SUPPORT_SESSION, 200, &err);
    int result = fd < 0 ? fd : channel_flush(fd, 2000, &err);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(path);
    return result;
}

static void greets_only_its_own_keeper(void **state)
{
    (void)state;
    /* clang-format off */
    static const int expected[] = {
        [PEER_GOOD] = 0, [PEER_SILENT] = -ETIMEDOUT, [PEER_CLOSES] = -ECONNRESET,
        [PEER_OTHER_SESSION] = -EPROTO, [PEER_GARBAGE] = -EPROTO,
    };
    /* clang-format on */
    char directory[PATH_MAX], path[PATH_MAX];
    support_directory_make(directory);
    assert_int_equal(path_format(path, "%s/root.sock", directory), 0);
    assert_int_equal(channel_connect(path, CHANNEL_ROLE_BOOT, SUPPORT_SESSION, 200, NULL), -ENOENT);
    for (enum peer peer = PEER_GOOD; peer <= PEER_GARBAGE; peer++)
        assert_int_equal(talk(path, peer), expected[peer]);
    support_directory_remove(directory);
}

/* A socket whose path is longer than an address holds. */
static void reaches_long_paths(void **state)
{
    (void)state;
    char directory[PATH_MAX], deep[PATH_MAX], path[PATH_MAX], link[64];
    support_directory_make(directory);
    assert_int_equal(path_format(deep, "%s/%0120d", directory, 7), 0);
    assert_int_equal(mkdir(deep, 0700), 0);
    snprintf(link, sizeof(link), "/tmp/wire-test-link-%d", getpid());
    assert_int_equal(symlink(deep, link), 0);
    assert_int_equal(path_format(path, "%s/root.sock", link), 0);
    pid_t child = start_peer(path, PEER_GOOD);
    assert_int_equal(path_format(path, "%s/root.sock", deep), 0);
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int fd = channel_connect(path, CHANNEL_ROLE_BOOT, SUPPORT_SESSION, 2000, &err);
    if (fd < 0)
        fail_msg("%s", error_text(&err));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(link);
    support_directory_remove(directory);
}

static void sends_only_events_of_the_table(void **state)
{
    (void)state;
    int pair[2];
    char data[1024];
    struct channel_header header;
    const void *payload = NULL;
    size_t size = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    json_t *fields = json_pack("{s:s}", "what", "x");
    assert_int_equal(channel_send_event(pair[0], AUDIT_OVERRIDE_USED, fields, NULL), 0);
    assert_int_equal(channel_send_event(pair[0], AUDIT_SESSION_END, fields, NULL), -EPROTO);
    assert_int_equal(channel_send_event(pair[0], AUDIT_OVERRIDE_USED, NULL, NULL), -EPROTO);
    json_decref(fields);
    ssize_t count = recv(pair[1], data, sizeof(data), 0);
    assert_int_equal(channel_parse_frame(data, (size_t)count, &header, &payload, &size, NULL), 0);
    assert_int_equal(header.type, CHANNEL_EVENT);
    static const char expected[] = "{\"event\":\"override-used\",\"fields\":{\"what\":\"x\"}}";
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(payload, expected, size);
    assert_int_equal(recv(pair[1], data, sizeof(data), MSG_DONTWAIT), -1);
    assert_int_equal(channel_send_frame(pair[0], CHANNEL_EVENT, data, LIMIT_CHANNEL_FRAME_BYTES),
                     -EMSGSIZE);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_frames_to_their_header),
        cmocka_unit_test(greets_only_its_own_keeper),
        cmocka_unit_test(reaches_long_paths),
        cmocka_unit_test(sends_only_events_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A real broker for tests. */
#include "tests/unit/broker/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/session.h"
#include "tests/unit/broker/sidecar.h"

#define IMAGE "00000000000000000000000000000000000000000000000000000000000000aa"
#define PROGRAM "/usr/libexec/coding-agents/prepare-claude-secrets"
#define STUB "agent_claude_cli"

static void make_directory(const char *path, mode_t mode)
{
    assert_int_equal(path_make_directories(path, mode, NULL), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* What the image would say: so no engine is asked. */
static void seed_image(const struct stage *stage)
{
    char path[PATH_MAX], hex[65], line[256];
    sodium_bin2hex(hex, sizeof(hex), stage->program, sizeof(stage->program));
    snprintf(line, sizeof(line), "%s  " PROGRAM "\n", hex);
    assert_int_equal(path_format(path, "%s/coding-agents/images", getenv("XDG_STATE_HOME")), 0);
    make_directory(path, 0700);
    assert_int_equal(
        path_format(path, "%s/coding-agents/images/" IMAGE ".stubs", getenv("XDG_STATE_HOME")), 0);
    support_write(path, line, strlen(line));
}

void stage_write_login(const struct stage *stage, const char *text)
{
    char path[PATH_MAX];
    (void)stage;
    assert_int_equal(path_format(path, "%s/.claude", getenv("HOME")), 0);
    make_directory(path, 0700);
    stage_login_path(path);
    support_write(path, text, strlen(text));
}

void stage_login_path(char path[PATH_MAX])
{
    assert_int_equal(path_format(path, "%s/.claude/.credentials.json", getenv("HOME")), 0);
}

void stage_assert_login(const char *expected)
{
    char path[PATH_MAX];
    size_t size = 0;
    stage_login_path(path);
    cleanup_free char *text = support_read(path, &size);
    assert_string_equal(text, expected);
}

int stage_prepare(void **state)
{
    static const char *const variables[] = {"CLAUDE_API_KEY", "ANTHROPIC_API_KEY",
                                            "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"};
    struct stage *stage = calloc(1, sizeof(*stage));
    char path[PATH_MAX];
    assert_int_not_equal(sodium_init(), -1);
    stage->keeper = stage->root = stage->announce = stage->gate = stage->relay = -1;
    support_directory_make(stage->directory);
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        unsetenv(variables[i]);
    assert_int_equal(session_reserve(stage->session, NULL), 0);
    assert_int_equal(session_runtime_directory(stage->session, stage->runtime, NULL), 0);
    assert_int_equal(session_state_directory(stage->session, stage->state, NULL), 0);
    assert_int_equal(path_format(path, "%s/host", stage->runtime), 0);
    make_directory(path, 0755);
    assert_int_equal(path_format(path, "%s/sockets", stage->runtime), 0);
    make_directory(path, 0711);
    randombytes_buf(stage->program, sizeof(stage->program));
    seed_image(stage);
    *state = stage;
    return 0;
}

void stage_kill(struct stage *stage)
{
    if (stage->pid <= 0)
        return;
    kill(stage->pid, SIGKILL);
    waitpid(stage->pid, NULL, 0);
    stage->pid = 0;
    cleanup_close(&stage->keeper);
    cleanup_close(&stage->root);
    cleanup_close(&stage->relay);
}

int stage_dispose(void **state)
{
    struct stage *stage = *state;
    stage_kill(stage);
    support_directory_remove(stage->directory);
    free(stage);
    return 0;
}

const char *stage_program(char program[PATH_MAX])
{
    char directory[PATH_MAX];
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(
        path_format(program, "%s/../../host/libexec/coding-agents/coding-agents-broker", directory),
        0);
    return program;
}

/* One message; false at the broker's end. */
static bool hear_one(struct stage *stage, char text[8192])
{
    struct pollfd wait = {.fd = stage->keeper, .events = POLLIN};
    size_t used = strlen(stage->told);
    if (poll(&wait, 1, 20000) != 1)
        fail_msg("the broker says nothing; so far: %s", stage->told);
    ssize_t count = recv(stage->keeper, text, 8191, 0);
    if (count <= 0)
        return false;
    text[count] = '\0';
    snprintf(stage->told + used, sizeof(stage->told) - used, "%s\n", text);
    return true;
}

void stage_start(struct stage *stage, const char *option, const char *value, char last[512])
{
    char program[PATH_MAX], fd_text[16], uid_text[16], relay_text[16], text[8192] = "";
    int ends[2], relay[2] = {-1, -1};
    stage_program(program);
    sidecar_make_relay(stage, relay, relay_text);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    snprintf(fd_text, sizeof(fd_text), "%d", ends[1]);
    snprintf(uid_text, sizeof(uid_text), "%u", stage->has_sidecar ? 0 : getuid());
    stage->pid = fork();
    if (stage->pid == 0) {
        close(ends[0]);
        if (stage->gate >= 0 && read(stage->gate, text, 1) != 1)
            _exit(127);
        if (relay[0] >= 0)
            close(relay[0]);
        execl(program, program, "--session", stage->session, "--agent", "claude", "--image",
              "sha256:" IMAGE, "--container-root-uid", uid_text, "--keeper-fd", fd_text,
              stage->has_sidecar ? "--relay-fd" : option, stage->has_sidecar ? relay_text : value,
              (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    cleanup_close(&relay[1]);
    stage->relay = relay[0];
    stage->keeper = ends[0];
    if (stage->announce >= 0)
        assert_int_equal(fd_write_all(stage->announce, &stage->pid, sizeof(stage->pid)), 0);
    while (hear_one(stage, text) && text[0] == '{')
        ;
    snprintf(last, 512, "%.500s", text);
}

size_t stage_hear(struct stage *stage, const char *needle, size_t count)
{
    char text[8192];
    for (;;) {
        size_t found = 0;
        for (const char *at = strstr(stage->told, needle); at != NULL; at = strstr(at + 1, needle))
            found++;
        if (found >= count || !hear_one(stage, text))
            return found;
    }
}

void stage_end(struct stage *stage)
{
    char text[8192];
    shutdown(stage->keeper, SHUT_WR);
    while (hear_one(stage, text))
        ;
    waitpid(stage->pid, NULL, 0);
    stage->pid = 0;
    cleanup_close(&stage->keeper);
}

int stage_connect(const struct stage *stage)
{
    char path[PATH_MAX];
    if (stage->has_sidecar)
        return sidecar_connect(stage);
    assert_int_equal(path_format(path, "%s/sockets/" REDEEM_SOCKET, stage->runtime), 0);
    return unix_socket_connect(path);
}

int stage_ask(int fd, enum redeem_type type, const void *payload, size_t size, void *answer,
              size_t answer_size)
{
    static _Thread_local uint8_t data[REDEEM_MESSAGE_MAX];
    struct redeem_message message;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (redeem_send(fd, type, payload, size, NULL, 0) < 0 || poll(&wait, 1, 20000) != 1)
        return -1;
    ssize_t count = recv(fd, data, sizeof(data), 0);
    if (count <= 0 || redeem_parse(data, (size_t)count, &message, NULL) < 0)
        return -1;
    memcpy(answer, message.payload, message.size < answer_size ? message.size : answer_size);
    return (int)message.type;
}

/* The reason in an answer of TYPE, REDEEM_OK for EXPECTED. */
static enum redeem_reason reason_of(int type, enum redeem_type expected, const void *answer)
{
    struct redeem_refusal refusal;
    if (type == (int)expected)
        return REDEEM_OK;
    if (type != REDEEM_REFUSED)
        return REDEEM_REASON_COUNT;
    memcpy(&refusal, answer, sizeof(refusal));
    return (enum redeem_reason)refusal.reason;
}

static void open_sealed(struct stage *stage)
{
    char path[PATH_MAX];
    size_t size = 0;
    assert_int_equal(path_format(path, "%s/host/capabilities/" STUB ".cap", stage->runtime), 0);
    cleanup_free char *sealed = support_read(path, &size);
    assert_int_equal(capability_open(sealed, size, stage->bond.holder.public_key,
                                     stage->bond.holder.secret_key, stage->capability),
                     0);
}

enum redeem_reason stage_greet(struct stage *stage, const char *session)
{
    struct redeem_hello hello = {.session = {0}};
    struct redeem_keys keys;
    int fd = stage_connect(stage);
    if (fd < 0)
        return REDEEM_REASON_COUNT;
    snprintf(hello.session, sizeof(hello.session), "%s", session);
    int type = stage_ask(fd, REDEEM_HELLO, &hello, sizeof(hello), &keys, sizeof(keys));
    enum redeem_reason reason = reason_of(type, REDEEM_KEYS, &keys);
    if (reason != REDEEM_OK) {
        close(fd);
        return reason;
    }
    assert_int_equal(keys.count, 1);
    assert_string_equal(keys.holders[0].stub, STUB);
    stage->root = fd;
    stage->bond.holder = keys.holders[0];
    memcpy(stage->bond.broker, keys.broker, sizeof(keys.broker));
    randombytes_buf(stage->bond.nonce, sizeof(stage->bond.nonce));
    open_sealed(stage);
    return REDEEM_OK;
}

enum redeem_reason stage_bind(struct stage *stage, const uint8_t *program, uint32_t uid)
{
    struct redeem_bind bind = {.stub = STUB, .uid = uid};
    struct redeem_refusal refusal;
    memcpy(bind.program, program, sizeof(bind.program));
    memcpy(bind.nonce, stage->bond.nonce, sizeof(bind.nonce));
    int type = stage_ask(stage->root, REDEEM_BIND, &bind, sizeof(bind), &refusal, sizeof(refusal));
    return reason_of(type, REDEEM_BOUND, &refusal);
}

void stage_open(struct stage *stage, const char *option, const char *value)
{
    char last[512];
    stage_write_login(stage, STAGE_LOGIN);
    stage_start(stage, option, value, last);
    assert_string_equal(last, "READY");
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_OK);
    assert_int_equal(stage_bind(stage, stage->program, STAGE_HOLDER_UID), REDEEM_OK);
}

/* What a redemption agrees on. */
struct agreed {
    struct redeem_session session;
    struct redeem_binding binding;
};

static enum redeem_reason take_grant(const struct stage *stage, struct agreed *agreed,
                                     uint8_t *granted, char text[512])
{
    struct capability capability;
    struct redeem_grant grant;
    struct redeem_secret head;
    uint8_t plain[512];
    size_t size = sizeof(head) + strlen(STAGE_LOGIN) + REDEEM_GRANT_TAG_BYTES;
    if (capability_parse(stage->capability, CAPABILITY_SIZE, &capability, NULL) < 0)
        return REDEEM_REASON_COUNT;
    memcpy(agreed->binding.token, capability.token, sizeof(agreed->binding.token));
    memcpy(&grant, granted, sizeof(grant));
    if (redeem_decrypt(agreed->session.from_broker, &agreed->binding, &grant,
                       granted + sizeof(grant), size, plain) < 0 ||
        redeem_read_secret(plain, size - REDEEM_GRANT_TAG_BYTES, &head) < 0)
        return REDEEM_REASON_COUNT;
    snprintf(text, 512, "%.*s", (int)head.size, (const char *)plain + sizeof(head));
    return REDEEM_OK;
}

static enum redeem_reason redeem_over(const struct stage *stage, int fd, char text[512],
                                      struct agreed *agreed)
{
    struct redeem_request request;
    struct redeem_challenge challenge;
    struct redeem_answer proof;
    uint8_t granted[1024];
    memcpy(request.nonce, stage->bond.nonce, sizeof(request.nonce));
    memcpy(request.capability, stage->capability, sizeof(request.capability));
    int type = stage_ask(fd, REDEEM_REDEEM, &request, sizeof(request), granted, sizeof(granted));
    if (type != REDEEM_CHALLENGE)
        return reason_of(type, REDEEM_CHALLENGE, granted);
    memcpy(&challenge, granted, sizeof(challenge));
    if (redeem_agree_as_holder(&stage->bond.holder, challenge.public_key, &agreed->session) < 0)
        return REDEEM_REASON_COUNT;
    memcpy(agreed->binding.challenge, challenge.challenge, sizeof(agreed->binding.challenge));
    redeem_prove(&agreed->session, &request, &challenge, proof.proof);
    type = stage_ask(fd, REDEEM_ANSWER, &proof, sizeof(proof), granted, sizeof(granted));
    if (type != REDEEM_GRANT)
        return reason_of(type, REDEEM_GRANT, granted);
    return take_grant(stage, agreed, granted, text);
}

enum redeem_reason stage_redeem(const struct stage *stage, char text[512], int *lease)
{
    struct agreed agreed = {.binding = {.token = {0}}};
    return stage_redeem_keeping(stage, text, lease, &agreed.session, &agreed.binding);
}

enum redeem_reason stage_redeem_keeping(const struct stage *stage, char text[512], int *lease,
                                        struct redeem_session *session,
                                        struct redeem_binding *binding)
{
    struct agreed agreed = {.binding = {.token = {0}}};
    cleanup_fd int fd = stage_connect(stage);
    if (fd < 0)
        return REDEEM_REASON_COUNT;
    fd_set_nonblocking(fd, false);
    enum redeem_reason reason = redeem_over(stage, fd, text, &agreed);
    *session = agreed.session;
    *binding = agreed.binding;
    if (lease != NULL)
        *lease = steal_fd(&fd);
    return reason;
}

void stage_open_to_all(const struct stage *stage)
{
    char path[PATH_MAX];
    assert_int_equal(chmod(stage->directory, 0711), 0);
    assert_int_equal(path_format(path, "%s", stage->runtime), 0);
    for (char *slash; strlen(path) > strlen(stage->directory); *slash = '\0') {
        assert_int_equal(chmod(path, 0711), 0);
        slash = strrchr(path, '/');
    }
}

enum redeem_reason stage_redeem_as(const struct stage *stage, uid_t uid)
{
    char text[512] = "";
    int status = 0;
    stage_open_to_all(stage);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(100);
        enum redeem_reason reason = stage_redeem(stage, text, NULL);
        _exit(reason == REDEEM_OK && strcmp(text, STAGE_LOGIN) != 0 ? 101 : (int)reason);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= REDEEM_REASON_COUNT);
    return (enum redeem_reason)WEXITSTATUS(status);
}

/* Holders of other uids can only be made by root. */
void stage_needs_root(void)
{
    if (geteuid() != 0)
        skip();
}

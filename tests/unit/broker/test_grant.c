/* A secret with a name of its own, from the user's file to the program that redeems it: the real
 * broker, the real capability-unseal, and this test where agent-boot would be. */
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
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/host/broker_client.h"
#include "tests/unit/broker/lease.h"
#include "tests/unit/broker/stage.h"

#define NAME "SERVER_TOKEN"
#define STUB "agent_codex_cli"
#define PROGRAM "/usr/libexec/coding-agents/prepare-codex-secrets"
#define PINS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GRANT NAME ":" STUB ":example.org:" PINS
/* As long as what the stage expects of a redemption. */
#define VALUE STAGE_LOGIN
#define CAPABILITY_FD 6

static void write_secrets(const char *text)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/.config/coding-agents", getenv("HOME")), 0);
    assert_int_equal(path_make_directories(path, 0700, NULL), 0);
    assert_int_equal(path_format(path, "%s/.config/coding-agents/mcp-secrets.env", getenv("HOME")),
                     0);
    unlink(path);
    support_write(path, text, strlen(text));
    assert_int_equal(chmod(path, 0600), 0);
}

/* What the image says of the program that redeems: what it is in truth. */
static void seed_image(struct stage *stage, int program)
{
    char path[PATH_MAX], hex[65], line[256];
    crypto_hash_sha256_state hash;
    uint8_t data[16384];
    ssize_t count;
    crypto_hash_sha256_init(&hash);
    while ((count = read(program, data, sizeof(data))) > 0)
        crypto_hash_sha256_update(&hash, data, (size_t)count);
    crypto_hash_sha256_final(&hash, stage->program);
    sodium_bin2hex(hex, sizeof(hex), stage->program, sizeof(stage->program));
    snprintf(line, sizeof(line), "%s  " PROGRAM "\n", hex);
    assert_int_equal(
        path_format(path, "%s/coding-agents/images/%062daa.stubs", getenv("XDG_STATE_HOME"), 0), 0);
    support_write(path, line, strlen(line));
}

static int open_program(void)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(path_format(path, "%s/../../image/usr/local/bin/capability-unseal", directory),
                     0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static int open_sealed(const struct stage *stage)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/host/capabilities/" STUB ".cap", stage->runtime), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* As agent-boot: the hello, and the bond of the one holder. */
static void greet(struct stage *stage)
{
    struct redeem_hello hello = {.session = {0}};
    struct redeem_bind bind = {.stub = STUB, .uid = STAGE_HOLDER_UID};
    struct redeem_keys keys;
    uint8_t sealed[CAPABILITY_SEALED_SIZE];
    struct capability capability;
    stage->root = stage_connect(stage);
    assert_true(stage->root >= 0);
    memcpy(hello.session, stage->session, sizeof(stage->session));
    assert_int_equal(
        stage_ask(stage->root, REDEEM_HELLO, &hello, sizeof(hello), &keys, sizeof(keys)),
        REDEEM_KEYS);
    assert_int_equal(keys.count, 1);
    assert_string_equal(keys.holders[0].stub, STUB);
    stage->bond.holder = keys.holders[0];
    memcpy(stage->bond.broker, keys.broker, sizeof(keys.broker));
    randombytes_buf(stage->bond.nonce, sizeof(stage->bond.nonce));
    memcpy(bind.program, stage->program, sizeof(bind.program));
    memcpy(bind.nonce, stage->bond.nonce, sizeof(bind.nonce));
    assert_int_equal(stage_ask(stage->root, REDEEM_BIND, &bind, sizeof(bind), &keys, sizeof(keys)),
                     REDEEM_BOUND);
    cleanup_fd int fd = open_sealed(stage);
    assert_int_equal(read(fd, sealed, sizeof(sealed)), sizeof(sealed));
    assert_int_equal(capability_open(sealed, sizeof(sealed), stage->bond.holder.public_key,
                                     stage->bond.holder.secret_key, stage->capability),
                     0);
    /* What it is bound to. */
    assert_int_equal(capability_parse(stage->capability, CAPABILITY_SIZE, &capability, NULL), 0);
    assert_string_equal(capability.secret, NAME);
    assert_string_equal(capability.server, "example.org");
    assert_int_equal(capability.server_pins[1], 0x11);
    assert_string_equal(capability.scopes, "server");
}

static void begin(struct stage *stage)
{
    char last[512];
    cleanup_fd int program = open_program();
    stage_needs_root();
    seed_image(stage, program);
    write_secrets("# of servers\nOTHER=1\n" NAME "=" VALUE "\n");
    stage_start(stage, "--grant", GRANT, last);
    assert_string_equal(last, "READY");
    greet(stage);
}

/* What a holder has at its descriptors; the parent keeps the output and the ready pipe. */
struct holder {
    pid_t pid;
    int output; /* owned */
    int ready;  /* owned */
};

static _Noreturn void become(const struct stage *stage, const int given[6])
{
    char path[64];
    char session[MANIFEST_SESSION_SIZE];
    int moved[6];
    for (int i = 0; i < 6; i++)
        moved[i] = fcntl(given[i], F_DUPFD, 32);
    dup2(moved[0], STDOUT_FILENO);
    dup2(moved[1], REDEEM_BOND_FD);
    dup2(moved[2], REDEEM_SOCKETS_FD);
    dup2(moved[3], REDEEM_READY_FD);
    dup2(moved[4], CAPABILITY_FD);
    dup2(moved[5], CAPABILITY_FD + 1);
    sys_close_range(CAPABILITY_FD + 2, UINT_MAX, 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", CAPABILITY_FD);
    memcpy(session, stage->session, sizeof(session));
    char program[] = "capability-unseal", cap_path[] = "--cap-path", session_id[] = "--session-id";
    char *const argv[] = {program, cap_path, path, session_id, session, NULL};
    char *const environment[] = {NULL};
    if (setgroups(0, NULL) == 0 &&
        setresgid(STAGE_HOLDER_UID, STAGE_HOLDER_UID, STAGE_HOLDER_UID) == 0 &&
        setresuid(STAGE_HOLDER_UID, STAGE_HOLDER_UID, STAGE_HOLDER_UID) == 0)
        fexecve(CAPABILITY_FD + 1, argv, environment);
    _exit(127);
}

static void start_holder(const struct stage *stage, struct holder *holder)
{
    int output[2], bond[2], ready[2];
    char path[PATH_MAX];
    assert_int_equal(pipe2(output, O_CLOEXEC) + pipe2(bond, O_CLOEXEC) + pipe2(ready, O_CLOEXEC),
                     0);
    assert_int_equal(fd_write_all(bond[1], &stage->bond, sizeof(stage->bond)), 0);
    close(bond[1]);
    assert_int_equal(path_format(path, "%s/sockets", stage->runtime), 0);
    stage_open_to_all(stage);
    cleanup_fd int sockets = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int capability = open_sealed(stage);
    cleanup_fd int program = open_program();
    const int given[6] = {output[1], bond[0], sockets, ready[1], capability, program};
    holder->pid = fork();
    if (holder->pid == 0)
        become(stage, given);
    close(output[1]);
    close(bond[0]);
    close(ready[1]);
    holder->output = output[0];
    holder->ready = ready[0];
}

/* All that it prints, and its exit code. */
static int finish_holder(struct holder *holder, char text[512])
{
    int status = 0;
    ssize_t used = 0, count;
    while ((count = read(holder->output, text + used, 511 - (size_t)used)) > 0)
        used += count;
    text[used] = '\0';
    close(holder->output);
    close(holder->ready);
    waitpid(holder->pid, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_stub_redeems_it_once_and_revoking_ends_that(void **state)
{
    struct stage *stage = *state;
    struct holder holder;
    struct redeem_count count = {.leases = 0};
    struct error err = ERROR_INITIALIZER;
    char text[512], byte;
    begin(stage);
    start_holder(stage, &holder);
    assert_int_equal(read(holder.ready, &byte, 1), 1);
    assert_int_equal(stage_hear(stage, "capability-redeemed", 1), 1);
    struct holder second;
    char nothing[512];
    start_holder(stage, &second);
    assert_int_not_equal(finish_holder(&second, nothing), 0);
    assert_string_equal(nothing, "");
    assert_int_equal(stage_hear(stage, "\"spent\"", 1), 1);
    assert_int_equal(broker_client_revoke(stage->session, "OTHER", &count, &err), 0);
    assert_int_equal(count.secrets, 0);
    assert_int_equal(broker_client_revoke(stage->session, NAME, &count, &err), 0);
    assert_int_equal(count.secrets, 1);
    assert_int_equal(count.leases, 1);
    assert_int_not_equal(finish_holder(&holder, text), 0);
    assert_string_equal(text, VALUE);
    stage_end(stage);
    assert_non_null(strstr(stage->told, "\"server\":\"example.org\""));
    assert_non_null(strstr(stage->told, "mcp-secrets.env:3"));
    assert_null(strstr(stage->told, STAGE_TOKEN));
}

/* The broker has a writer only for a login, and would write what comes over any other lease there.
 */
static void nothing_comes_back_over_it(void **state)
{
    struct stage *stage = *state;
    struct lease lease;
    begin(stage);
    lease_take(stage, &lease);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, STAGE_LOGIN), -REDEEM_REASON_MALFORMED);
    close(lease.fd);
}

static void what_is_missing_or_malformed_is_refused_by_name(void **state)
{
    static const struct {
        const char *secrets;
        const char *grant;
        const char *said;
    } rows[] = {
        {"OTHER=1\n", NAME ":" STUB, "FAILED the secret " NAME " is not there"},
        {"OTHER=1\nbroken " STAGE_TOKEN "\n", NAME ":" STUB, "mcp-secrets.env': line 2"},
        {NAME "=1\n", NAME ":no_such_stub", "FAILED there is no stub 'no_such_stub'"},
        {NAME "=1\n", NAME ":agent_claude_cli", "holds a secret already"},
    };
    struct stage *stage = *state;
    char last[512];
    stage_write_login(stage, STAGE_LOGIN);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        stage->told[0] = '\0';
        write_secrets(rows[i].secrets);
        stage_start(stage, "--grant", rows[i].grant, last);
        assert_non_null(strstr(last, rows[i].said));
        assert_null(strstr(last, STAGE_TOKEN));
        assert_int_equal(strstr(stage->told, "secret-refused") != NULL, i < 2);
        assert_null(strstr(stage->told, STAGE_TOKEN));
        stage_kill(stage);
    }
    /* What is no grant at all is told by who reads the arguments. */
    stage_start(stage, "--grant", "lower:" STUB, last);
    assert_string_equal(last, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(a_stub_redeems_it_once_and_revoking_ends_that),
        STAGE_TEST(nothing_comes_back_over_it),
        STAGE_TEST(what_is_missing_or_malformed_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Ties git in the session to the signer on the host. */
#include "init/agent-boot/signing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/services.h"
#include "lib/wire/signing.h"

#define ANSWER_MS 5000
/* git-config(1): a key that is no name of a file. */
#define LITERAL "key::"

static const char *word(bool is_true)
{
    return is_true ? "true" : "false";
}

int signing_add_settings(struct git_config *config, const struct manifest *manifest,
                         struct error *err)
{
    char key[sizeof(LITERAL) + SIGNING_KEY_BYTES];
    bool is_ssh = manifest->signing == MANIFEST_SIGNING_SSH;
    if (manifest->signing == MANIFEST_SIGNING_NONE)
        return 0;
    snprintf(key, sizeof(key), "%s%s", is_ssh ? LITERAL : "", manifest->signing_key);
    const char *const settings[][2] = {
        {"gpg.format", is_ssh ? "ssh" : "openpgp"},
        {is_ssh ? "gpg.ssh.program" : "gpg.program", SIGNING_PROGRAM},
        {"user.signingKey", key},
        {"commit.gpgSign", word(manifest->sign_commits)},
        {"tag.gpgSign", word(manifest->sign_tags)},
    };
    int result = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(settings) && result == 0; i++)
        result = git_config_add(config, settings[i][0], settings[i][1], err);
    return result;
}

static int hear(int fd, struct error *err)
{
    char data[sizeof(struct signing_header) + sizeof(struct signing_refusal)];
    struct signing_message message;
    struct signing_refusal refusal;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, ANSWER_MS);
    while (ready < 0 && errno == EINTR && !boot_is_interrupted());
    ssize_t count = ready <= 0 ? 0 : recv(fd, data, sizeof(data), MSG_DONTWAIT);
    if (count <= 0)
        return error_set(err, ETIMEDOUT, "wait for the signer");
    int result = signing_parse(data, (size_t)count, &message, err);
    if (result < 0 || message.type == SIGNING_READY)
        return result;
    if (message.type != SIGNING_REFUSED)
        return error_set(err, EPROTO, "the signer answered something else");
    memcpy(&refusal, message.payload, sizeof(refusal));
    return error_set(err, EPROTO, "the signer refused: %s", signing_reason_name(refusal.reason));
}

int signing_greet(const struct manifest *manifest, struct error *err)
{
    struct signing_hello hello = {.session = {0}};
    const struct signing_parts parts = {.type = SIGNING_HELLO, .payload = &hello};
    if (manifest->signing == MANIFEST_SIGNING_NONE)
        return 0;
    memcpy(hello.session, manifest->session, sizeof(manifest->session));
    cleanup_fd int fd = unix_socket_connect(SERVICES_DIRECTORY "/" SIGNING_SOCKET);
    if (fd < 0)
        return error_set(err, -fd, "connect to the signer; start a new session");
    int result = signing_send(fd, &parts);
    return result < 0 ? error_set(err, -result, "greet the signer") : hear(fd, err);
}

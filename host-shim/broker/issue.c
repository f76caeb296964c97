/* Makes a capability of each secret the session may have, and stages it sealed. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/install_paths.h"
#include "lib/host/keeper_tell.h"
#include "lib/host/login.h"
#include "lib/host/login_renewal.h"
#include "lib/wire/record.h"

/* By then a container has booted, or it never will; the window after the hello is shorter. */
#define VALID_SECONDS 7200

/* Once: the first that is issued. */
static int make_keys(struct broker *broker, struct error *err)
{
    int result = broker->keys != NULL ? 0 : journal_open(broker, err);
    if (result < 0 || broker->keys != NULL)
        return result;
    result = secret_make(&broker->keys_memory, sizeof(*broker->keys), true, err);
    if (result < 0)
        return result;
    broker->keys = (struct broker_keys *)(void *)broker->keys_memory.data;
    capability_make_signing_pair(broker->keys->sign_public, broker->keys->sign_secret);
    memcpy(broker->keys->holders.broker, broker->keys->sign_public, CAPABILITY_KEY_BYTES);
    return 0;
}

static int find_uid(const struct stub *stub, uint32_t *uid, struct error *err)
{
    struct user user;
    int result = install_user_find(stub->identity, &user, err);
    if (result == 0)
        *uid = user.uid;
    return result;
}

static int fill(struct broker *broker, const struct stub *stub, struct capability *capability,
                struct error *err)
{
    uint64_t now = clock_realtime_ns() / CLOCK_NANOSECONDS_PER_SECOND;
    struct redeem_holder *holder = &broker->keys->holders.holders[broker->keys->holders.count++];
    capability->epoch = broker->epoch;
    capability->not_before = now;
    capability->expires = now + VALID_SECONDS;
    capability_key_id(broker->keys->sign_public, capability->key_id);
    memcpy(capability->session, broker->child.session, sizeof(broker->child.session));
    memcpy(capability->stub, stub->name, sizeof(stub->name));
    randombytes_buf(capability->token, sizeof(capability->token));
    redeem_make_pair(holder->public_key, holder->secret_key);
    memcpy(holder->stub, stub->name, sizeof(holder->stub));
    memcpy(capability->holder, holder->public_key, sizeof(capability->holder));
    int result = find_uid(stub, &capability->uid, err);
    return result < 0
               ? result
               : image_program_digest(broker->image, stub->program, capability->program, err);
}

/* For root of the container, which has no capability to pass permissions; sealed, so for nobody's
 * use. */
static int stage(const struct broker *broker, const struct capability *capability,
                 struct error *err)
{
    uint8_t bytes[CAPABILITY_SIZE];
    uint8_t sealed[CAPABILITY_SEALED_SIZE];
    char path[PATH_MAX];
    if (capability_sign(capability, broker->keys->sign_secret, bytes) < 0 ||
        capability_seal(bytes, capability->holder, sealed) < 0)
        return error_set(err, EINVAL, "seal the capability of '%s'", capability->stub);
    if (path_format(path, "%s/host/" REDEEM_STAGED, broker->runtime_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the session directory");
    int result = path_make_directories(path, 0755, err);
    if (result < 0)
        return result;
    if (chmod(path, 0755) < 0)
        return error_set(err, errno, "open '%s' to the container", path);
    if (path_format(path, "%s/host/" REDEEM_STAGED "/%s.cap", broker->runtime_directory,
                    capability->stub) < 0)
        return error_set(err, ENAMETOOLONG, "the session directory");
    return fd_write_file(AT_FDCWD, path, sealed, sizeof(sealed), 0644, err);
}

static void tell_issued(const struct broker *broker, const struct capability *capability,
                        const struct login *login)
{
    char token[2 * CAPABILITY_TOKEN_BYTES + 1];
    char digest[2 * CAPABILITY_DIGEST_BYTES + 1];
    char program[2 * CAPABILITY_DIGEST_BYTES + 1];
    char expires[CLOCK_TIMESTAMP_SIZE];
    sodium_bin2hex(token, sizeof(token), capability->token, sizeof(capability->token));
    sodium_bin2hex(digest, sizeof(digest), login->digest, sizeof(login->digest));
    sodium_bin2hex(program, sizeof(program), capability->program, sizeof(capability->program));
    clock_format(capability->expires * CLOCK_NANOSECONDS_PER_SECOND, expires);
    json_t *fields =
        json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:s}", "stub", capability->stub, "secret",
                  capability->secret, "token", token, "uid", (json_int_t)capability->uid,
                  "secret_sha256", digest, "program_sha256", program, "epoch",
                  (json_int_t)capability->epoch, "expires", expires);
    if (fields != NULL && capability->server[0] != '\0')
        json_object_set_new(fields, "server", json_string(capability->server));
    if (fields != NULL && record_set_text(fields, "origin", login->source) == 0)
        keeper_tell_event(broker->child.keeper, AUDIT_CAPABILITIES_ISSUED, fields);
}

static void tell_malformed(const struct broker *broker, const char *secret, const struct error *err)
{
    json_t *fields = json_pack("{s:s}", "secret", secret);
    if (fields != NULL && record_set_text(fields, "message", error_text(err)) == 0)
        keeper_tell_event(broker->child.keeper, AUDIT_SECRET_REFUSED, fields);
}

/* Where a renewed one would belong: a file of the agent's program, not a token that somebody keeps.
 */
static int note_origin(struct broker *broker, const struct login_config *config,
                       const struct login *login, struct error *err)
{
    const size_t head = sizeof(struct redeem_secret);
    memcpy(broker->login_source, login->source, sizeof(broker->login_source));
    if (login->kind != REDEEM_FILE || login->path[0] == '\0' || login_config_discards(config))
        return 0;
    memcpy(broker->login_path, login->path, sizeof(broker->login_path));
    return login_renewal_digest(broker->agent, (const char *)login->value.data + head,
                                login->value.size - head, broker->login_digest, err);
}

static int find_login(struct broker *broker, struct login *login, struct error *err)
{
    struct login_config config;
    int result = login_config_load(&config, err);
    if (result == 0)
        result = login_find(broker->agent, &config, true, login, err);
    if (result == 0)
        result = note_origin(broker, &config, login, err);
    login_config_free(&config);
    if (result < 0 && result != -ENOENT)
        tell_malformed(broker, broker->agent, err);
    /* What is started from here on, and whoever looks, finds no copy there. */
    login_wipe_environment();
    return result;
}

/* A stub has one bond, and one place for what is sealed to it. */
static bool is_holder(const struct broker *broker, const struct stub *stub)
{
    for (size_t i = 0; i < broker->issue_count; i++) {
        if (strcmp(broker->issues[i].capability.stub, stub->name) == 0)
            return true;
    }
    return false;
}

/* CAPABILITY says what for, and LOGIN, whose value is taken, what it is. */
static int issue_to(struct broker *broker, const struct stub *stub,
                    const struct capability *capability, struct login *login, struct error *err)
{
    struct issue *issue = &broker->issues[broker->issue_count];
    issue->capability = *capability;
    int result = make_keys(broker, err);
    if (result == 0)
        result = fill(broker, stub, &issue->capability, err);
    if (result == 0)
        result = stage(broker, &issue->capability, err);
    if (result < 0)
        return -EIO; /* whatever it was: -ENOENT would say that there is nothing to hold */
    tell_issued(broker, &issue->capability, login);
    issue->value = login->value;
    login->value = (struct secret){.data = NULL};
    broker->issue_count++;
    return 0;
}

static int issue_login(struct broker *broker, const char *stubs, struct error *err)
{
    struct stub stub;
    struct login login = {.value = {.data = NULL}};
    struct capability capability = {.scopes = "login"};
    int result = stub_table_find(stubs, broker->agent, &stub, err);
    if (result == 0)
        result = find_login(broker, &login, err);
    memcpy(capability.secret, broker->agent, sizeof(capability.secret));
    if (result == 0)
        result = issue_to(broker, &stub, &capability, &login, err);
    login_free(&login);
    return result == -ENOENT ? 0 : result;
}

/* What is granted has to be there: somebody's configuration names it. */
static int find_granted(const struct broker *broker, const struct grant *grant, struct login *login,
                        struct error *err)
{
    struct login_config config;
    int result = login_config_load(&config, err);
    if (result == 0)
        result = login_find(grant->secret, &config, true, login, err);
    login_config_free(&config);
    if (result == -ENOENT)
        result = error_set(err, EINVAL, "the secret %s is not there: coding-agents secrets set %s",
                           grant->secret, grant->secret);
    if (result < 0)
        tell_malformed(broker, grant->secret, err);
    return result;
}

static int issue_grant(struct broker *broker, const char *stubs, const struct grant *grant,
                       struct error *err)
{
    struct stub stub;
    struct login login = {.value = {.data = NULL}};
    struct capability capability = {.scopes = "server"};
    memcpy(capability.secret, grant->secret, sizeof(capability.secret));
    memcpy(capability.server, grant->server, sizeof(capability.server));
    memcpy(capability.server_pins, grant->server_pins, sizeof(capability.server_pins));
    int result = stub_table_find_name(stubs, grant->stub, &stub, err);
    if (result == -ENOENT)
        result = error_set(err, EINVAL, "there is no stub '%s'", grant->stub);
    else if (result == 0 && is_holder(broker, &stub))
        result = error_set(err, EINVAL, "the stub '%s' holds a secret already", grant->stub);
    if (result == 0)
        result = find_granted(broker, grant, &login, err);
    if (result == 0)
        result = issue_to(broker, &stub, &capability, &login, err);
    login_free(&login);
    return result;
}

int issue_all(struct broker *broker, struct error *err)
{
    char stubs[PATH_MAX];
    int result = install_path_share("policies/stubs.tab", stubs, err);
    if (result == 0)
        result = issue_login(broker, stubs, err);
    for (size_t i = 0; i < broker->grant_count && result == 0; i++)
        result = issue_grant(broker, stubs, &broker->grants[i], err);
    return result == 0 && broker->issue_count == 0 ? -ENOENT : result;
}

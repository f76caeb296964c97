/* coding-agents-signer: signs what one session commits, with the key of the user that stays here.
 * coding-agents-signer(8) */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/signer/signer.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/install_paths.h"
#include "lib/host/keeper_tell.h"
#include "lib/host/landlock.h"
#include "lib/host/session_manifest.h"
#include "lib/wire/session.h"

/* policies/seccomp/signer.json */
#define FILTER "seccomp/signer.bpf"
/* Who commits in a container. */
#define ASKER "agentuser"

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    struct signer *signer = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &signer->child;
        return 0;
    case ARGP_KEY_END:
        if (!keeper_child_is_told(&signer->child))
            argp_error(state, "--session and --keeper-fd are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int settle(struct signer *signer, struct error *err)
{
    int result = keeper_child_settle(&signer->child, err);
    if (result < 0)
        return result;
    if (sodium_init() < 0)
        return error_set(err, EIO, "start libsodium");
    result = session_state_directory(signer->child.session, signer->state_directory, err);
    return result < 0
               ? result
               : session_runtime_directory(signer->child.session, signer->runtime_directory, err);
}

static int load_manifest(struct signer *signer, struct error *err)
{
    return session_manifest_load(signer->child.session, &signer->manifest, err);
}

static int find_repository(struct signer *signer, struct error *err)
{
    struct session_state *state = NULL;
    int result = session_state_load(signer->child.session, &state, err);
    if (result < 0)
        return result;
    if (path_format(signer->repository, "%s", state->repository) < 0)
        result = error_set(err, ENAMETOOLONG, "the repository");
    session_state_free(state);
    return result < 0 ? result : git_identity_of(signer->repository, &signer->identity, err);
}

/* The same question as the launcher's, for what is not the container's to know. */
static int find_key(struct signer *signer, struct error *err)
{
    const struct manifest *manifest = signer->manifest;
    if (manifest == NULL)
        return error_set(err, EINVAL, "the session has no manifest");
    const struct signing_user user = {
        .top = signer->repository,
        .identity = &signer->identity,
        .name = manifest->user_name,
        .email = manifest->user_email,
    };
    int result = signing_config_find(&user, &signer->config, err);
    if (result < 0)
        return result;
    if (signer->config.format != manifest->signing ||
        strcmp(signer->config.key, manifest->signing_key) != 0)
        return error_set(err, EINVAL,
                         "how git signs in '%s' has changed meanwhile: start the session again",
                         signer->repository);
    return 0;
}

/* ssh-keygen wants a file, also of a key that only an agent has. */
static int place_key(struct signer *signer, struct error *err)
{
    char *file = signer->config.file;
    if (signer->config.format != MANIFEST_SIGNING_SSH || file[0] != '\0')
        return 0;
    if (path_format(file, "%s/signing-key.pub", signer->state_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    return fd_write_file(AT_FDCWD, file, signer->config.key, strlen(signer->config.key), 0600, err);
}

/* As `ssh-keygen -l` says it. */
static int name_key(struct signer *signer, struct error *err)
{
    uint8_t blob[SIGNING_KEY_BYTES];
    uint8_t digest[crypto_hash_sha256_BYTES];
    char text[64];
    size_t size = 0;
    const char *blank = strchr(signer->config.key, ' ');
    if (signer->config.format != MANIFEST_SIGNING_SSH)
        return 0;
    if (blank == NULL || sodium_base642bin(blob, sizeof(blob), blank + 1, strlen(blank + 1), NULL,
                                           &size, NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
        return error_set(err, EINVAL, "user.signingKey is no public key of ssh");
    crypto_hash_sha256(digest, blob, size);
    sodium_bin2base64(text, sizeof(text), digest, sizeof(digest),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    snprintf(signer->fingerprint, sizeof(signer->fingerprint), "SHA256:%s", text);
    return 0;
}

static int find_asker(struct signer *signer, struct error *err)
{
    struct user user;
    int result = install_user_find(ASKER, &user, err);
    if (result == 0)
        signer->asker = user.uid;
    return result;
}

static int prepare(struct signer *signer, struct error *err)
{
    int (*const steps[])(struct signer *, struct error *) = {
        settle,   load_manifest, find_repository, find_key,   place_key,
        name_key, find_asker,    hands_start,     serve_open,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        int result = steps[i](signer, err);
        if (result < 0)
            return result == -ENOENT ? -EIO : result; /* -ENOENT: that there is nothing to do */
    }
    signer->digits = strcmp(signer->manifest->object_format, "sha256") == 0
                         ? GIT_OBJECT_SHA256_DIGITS
                         : GIT_OBJECT_SHA1_DIGITS;
    allowance_open(&signer->requests, SIGNER_BURST,
                   CLOCK_NANOSECONDS_PER_SECOND / SIGNER_PER_SECOND, clock_monotonic_ns());
    return landlock_confine_to_processes(FILTER, "the signer", err);
}

int main(int argc, char **argv)
{
    static struct signer signer = {.child.keeper = -1, .hands = -1, .listener = -1};
    static const struct argp_child children[] = {{&keeper_child_argp, 0, NULL, 0}, {0}};
    static const struct argp parser = {
        .parser = parse_option,
        .children = children,
        .doc = "Signs what one session commits. Started by coding-agents-keeper.",
    };
    struct error err = ERROR_INITIALIZER;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &signer);
    int result = prepare(&signer, &err);
    keeper_tell_outcome(signer.child.keeper, result, &err);
    while (result == 0 && !signer.is_over)
        result = event_loop_run_once(&signer.loop, -1);
    return result == 0 ? 0 : EXIT_AUDIT;
}

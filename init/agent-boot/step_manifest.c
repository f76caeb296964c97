/* The manifest step: the launcher's decisions, verified against the digest in argv; the hello to
 * the keeper. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/git_remotes.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/session_variables.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/wire/channel.h"
#include "lib/wire/limits.h"

#define HELLO_TIMEOUT_MS 5000

static int verify(struct boot_context *context, const char *path, char **text, size_t *size,
                  struct error *err)
{
    int result = fd_read_file(AT_FDCWD, path, LIMIT_MANIFEST_BYTES, text, size, err);
    if (result < 0)
        return result;
    char digest[MANIFEST_DIGEST_SIZE];
    manifest_digest(*text, *size, digest);
    if (strcmp(digest, context->manifest_sha256) != 0)
        return error_set(err, EPROTO,
                         "the manifest's SHA-256 is %s, not the %s of the command line", digest,
                         context->manifest_sha256);
    return manifest_parse(*text, *size, &context->manifest, err);
}

static int load(struct boot_context *context, const char *path, char **text, size_t *size,
                struct error *err)
{
    struct error cause = ERROR_INITIALIZER;
    int result = verify(context, path, text, size, &cause);
    return result < 0 ? error_set(err, EPROTO, "%s; start a new session", error_text(&cause)) : 0;
}

/* The shutdown reads this copy: the session directory of the host is detached by then. */
static int keep_copy(const char *text, size_t size, struct error *err)
{
    if (mkdir(PLACE_PRIVATE, 0700) < 0 && errno != EEXIST)
        return error_set(err, errno, "make directory '%s'", PLACE_PRIVATE);
    return fd_write_file(AT_FDCWD, PLACE_MANIFEST, text, size, 0600, err);
}

static void greet_keeper(struct boot_context *context, const char *socket_path)
{
    struct error err = ERROR_INITIALIZER;
    context->channel_fd = channel_connect(socket_path, CHANNEL_ROLE_BOOT,
                                          context->manifest->session, HELLO_TIMEOUT_MS, &err);
    if (context->channel_fd < 0) {
        context->channel_fd = -1;
        boot_add_weaker(context, "no keeper, so events go to stderr (%.150s)", error_text(&err));
        return;
    }
    if (context->mode != BOOT_MODE_UP)
        return;
    int fd = channel_connect(socket_path, CHANNEL_ROLE_INIT, context->manifest->session,
                             HELLO_TIMEOUT_MS, &err);
    if (fd >= 0)
        context->init_channel_fd = fd;
    else
        boot_add_weaker(context, "service events are not recorded (%.150s)", error_text(&err));
}

int manifest_read(struct boot_context *context, struct error *err)
{
    if (context->manifest_sha256 == NULL) {
        if (access(MANIFEST_FILE, F_OK) == 0)
            return error_set(
                err, EPROTO,
                "a manifest is mounted but --manifest-sha256 is missing; start sessions "
                "with `coding-agents run`");
        boot_set_detail(context, "no session");
        return BOOT_SKIPPED;
    }
    bool is_shutdown = context->mode == BOOT_MODE_SHUTDOWN;
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = load(context, is_shutdown ? PLACE_MANIFEST : MANIFEST_FILE, &text, &size, err);
    if (result < 0)
        return result;
    if (!is_shutdown) {
        result = keep_copy(text, size, err);
        if (result == 0)
            result = session_variables_read(context, err);
        if (result == 0)
            result = git_remotes_take(context, err);
        if (result < 0)
            return result;
    }
    greet_keeper(context, is_shutdown ? PLACE_CHANNEL : MANIFEST_CHANNEL_SOCKET);
    if (context->manifest->stop_grace_ms > 0)
        context->stop_grace_ms = context->manifest->stop_grace_ms;
    boot_set_detail(context, "session %s, branch %.150s", context->manifest->session,
                    context->manifest->branch);
    return 0;
}

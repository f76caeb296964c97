/* Learns from an image which program its stubs are. An image never changes, so it is asked once. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/wire/session.h"

/* In the image: lines of sha256sum(1). */
#define TABLE "/usr/share/coding-agents/stubs.sha256"
#define TABLE_BYTES_MAX 4096
#define ASK_MS 60000
#define HEX_DIGITS (2 * CAPABILITY_DIGEST_BYTES)

/* STATE/images/DIGITS.stubs for an image called "sha256:DIGITS"; "" for another name. 0 or -errno.
 */
static int cache_path(const char *image, char path[PATH_MAX], struct error *err)
{
    char root[PATH_MAX];
    const char *digits = strchr(image, ':');
    path[0] = '\0';
    if (strncmp(image, "sha256:", 7) != 0 || strlen(digits + 1) != HEX_DIGITS ||
        strspn(digits + 1, "0123456789abcdef") != HEX_DIGITS)
        return 0;
    int result = session_state_root(root, err);
    if (result == 0 && path_format(path, "%s/images", root) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    if (result == 0)
        result = path_make_directories(path, 0700, err);
    if (result == 0 && path_format(path, "%s/images/%s.stubs", root, digits + 1) < 0)
        result = error_set(err, ENAMETOOLONG, "the state directory");
    return result;
}

static int ask(const char *image, char **table, size_t *size, struct error *err)
{
    const char *const arguments[] = {"run",
                                     "--rm",
                                     "--pull",
                                     "never",
                                     "--network",
                                     "none",
                                     "--read-only",
                                     "--cap-drop",
                                     "ALL",
                                     "--security-opt",
                                     "no-new-privileges:true",
                                     "--log-driver",
                                     "none",
                                     "--entrypoint",
                                     "/bin/cat",
                                     image,
                                     TABLE,
                                     NULL};
    struct process_result result = {.output = NULL};
    int status = engine_run(arguments, ASK_MS, &result, err);
    if (status == 0) {
        *table = steal_pointer(&result.output);
        *size = result.output_size;
    } else {
        error_prefix(err, "the image does not say what may redeem secrets in it; build it anew");
    }
    process_result_free(&result);
    return status;
}

static int find(const char *table, const char *program, uint8_t digest[CAPABILITY_DIGEST_BYTES],
                struct error *err)
{
    size_t length = strlen(program);
    for (const char *line = table; *line != '\0'; line += strcspn(line, "\n"), line += *line != 0) {
        size_t size = strcspn(line, "\n");
        if (size == HEX_DIGITS + 2 + length && strncmp(line + HEX_DIGITS, "  ", 2) == 0 &&
            strncmp(line + HEX_DIGITS + 2, program, length) == 0 &&
            sodium_hex2bin(digest, CAPABILITY_DIGEST_BYTES, line, HEX_DIGITS, NULL, NULL, NULL) ==
                0)
            return 0;
    }
    return error_set(err, EPROTO, "the image has no '%s' that may redeem secrets", program);
}

int image_program_digest(const char *image, const char *program,
                         uint8_t digest[CAPABILITY_DIGEST_BYTES], struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *table = NULL;
    size_t size = 0;
    int result = cache_path(image, path, err);
    if (result < 0)
        return result;
    result = path[0] == '\0' ? -ENOENT
                             : fd_read_file(AT_FDCWD, path, TABLE_BYTES_MAX, &table, &size, err);
    if (result == 0)
        return find(table, program, digest, err);
    if (result != -ENOENT)
        return result;
    result = ask(image, &table, &size, err);
    if (result == 0 && size > TABLE_BYTES_MAX)
        result = error_set(err, EFBIG, "what the image says may redeem secrets in it");
    if (result == 0)
        result = find(table, program, digest, err);
    if (result == 0 && path[0] != '\0')
        result = fd_write_file(AT_FDCWD, path, table, size, 0600, err);
    return result;
}

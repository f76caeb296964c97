/*
 * agent-git-sign: what git in a session runs in place of gpg and of ssh-keygen. It takes git's own
 * arguments and no others, has the host sign, and answers as those programs do. agent-git-sign(8)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "stubs/agent-git-sign/sign.h"

/* What is to be signed; more than the signer takes is refused here. */
static int read_payload(const struct sign_request *request, char **payload, size_t *size,
                        struct error *err)
{
    if (request->buffer != NULL)
        return fd_read_file(AT_FDCWD, request->buffer, SIGNING_PAYLOAD_MAX, payload, size, err);
    int result = fd_read_all(STDIN_FILENO, SIGNING_PAYLOAD_MAX, payload, size);
    return result < 0 ? error_set(err, -result, "read what is to be signed") : 0;
}

/* The type and the key of a public key's line, whatever stands behind them. */
static int read_key_file(const char *file, struct signing_request *key, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = fd_read_file(AT_FDCWD, file, sizeof(key->key) - 1, &text, &size, err);
    if (result < 0)
        return result;
    size_t type = strcspn(text, " \n");
    size_t length = text[type] == ' ' ? type + 1 + strcspn(text + type + 1, " \r\n") : type;
    snprintf(key->key, sizeof(key->key), "%.*s", (int)length, text);
    return 0;
}

static int name_key(const struct sign_request *request, struct signing_request *key,
                    struct error *err)
{
    key->format = request->format;
    if (request->key == NULL)
        return read_key_file(request->file, key, err);
    if (strlen(request->key) >= sizeof(key->key))
        return error_set(err, EINVAL, "the key's name is too long");
    snprintf(key->key, sizeof(key->key), "%s", request->key);
    return 0;
}

/* As gpg with --status-fd=2: the signature on standard output, and a line that git looks for. */
static int give_openpgp(const struct sign_reply *reply, struct error *err)
{
    int result = fd_write_all(STDOUT_FILENO, reply->signature, reply->size);
    if (result < 0)
        return error_set(err, -result, "write the signature");
    dprintf(STDERR_FILENO, "\n[GNUPG:] SIG_CREATED %s\n", reply->created);
    return 0;
}

/* As ssh-keygen: in a file beside what was signed. */
static int give_ssh(const struct sign_request *request, const struct sign_reply *reply,
                    struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s.sig", request->buffer) < 0)
        return error_set(err, ENAMETOOLONG, "write the signature");
    return fd_write_new(AT_FDCWD, path, reply->signature, reply->size, 0600, err);
}

static int run(const struct sign_request *request, struct error *err)
{
    static struct signing_request key;
    static struct sign_reply reply;
    cleanup_free char *payload = NULL;
    size_t size = 0;
    int result = name_key(request, &key, err);
    if (result == 0)
        result = read_payload(request, &payload, &size, err);
    if (result == 0)
        result = sign_ask(&key, payload, size, &reply, err);
    if (result < 0)
        return result;
    return request->format == MANIFEST_SIGNING_SSH ? give_ssh(request, &reply, err)
                                                   : give_openpgp(&reply, err);
}

static int refuse(const char *why, int code)
{
    diagnostic_print("agent-git-sign: %s\n", why);
    return code;
}

/* git keeps to itself what gpg says on standard error, where it looks for one line: so this is said
 * where git itself speaks, if that can be opened. In a file, git would write over it. */
static void tell_git(const char *why)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), STDERR_FILENO);
    cleanup_fd int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
        dprintf(fd, "agent-git-sign: %s\n", why);
}

int main(int argc, char **argv)
{
    struct sign_request request;
    struct error err = ERROR_INITIALIZER;
    enum sign_arguments said = sign_arguments_read(argc, argv, &request);
    if (said == SIGN_ARGUMENTS_VERIFY)
        return refuse("signatures are verified on the host, where the keys are", 1);
    if (said == SIGN_ARGUMENTS_OTHER)
        return refuse("git runs this to have a commit or a tag signed on the host; see "
                      "agent-git-sign(8)",
                      EXIT_USAGE);
    if (run(&request, &err) == 0)
        return 0;
    if (request.format == MANIFEST_SIGNING_OPENPGP)
        tell_git(error_text(&err));
    return refuse(error_text(&err), 1);
}

/* Puts an agent's login where its program looks for it: a table of programs. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "stubs/capability-unseal/unseal.h"

/* One file a variable, named like it: agentcli-exec puts them into the environment of the agent's
 * own process. */
#define VARIABLES "variables"

struct prepare {
    const char *program;
    const char *stub;
    const char *file;     /* the login as the agent's program keeps it */
    const char *home;     /* the directory below HOME where it looks for that */
    const char *variable; /* what it takes a token from */
};

/* clang-format off */
static const struct prepare rows[] = {
    {"prepare-claude-secrets",  "agent_claude_cli",  ".credentials.json", ".claude",  "ANTHROPIC_API_KEY"},
    {"prepare-codex-secrets",   "agent_codex_cli",   "auth.json",         ".codex",   "CODEX_API_KEY"},
    {"prepare-copilot-secrets", "agent_copilot_cli", "config.json",       ".copilot", "COPILOT_GITHUB_TOKEN"},
};
/* clang-format on */

const struct prepare *prepare_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (strcmp(rows[i].program, name) == 0)
            return &rows[i];
    }
    return NULL;
}

const char *prepare_stub(const struct prepare *prepare)
{
    return prepare->stub;
}

static const char *secret_root(void)
{
    const char *root = getenv(REDEEM_SECRET_ROOT_VARIABLE);
    return root != NULL && root[0] == '/' ? root : NULL;
}

/* HOME/.claude/.credentials.json -> ROOT/.credentials.json. */
static int link_home(const struct prepare *prepare, const char *target, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    const char *home = getenv("HOME");
    if (home == NULL || path_format(directory, "%s/%s", home, prepare->home) < 0 ||
        path_format(path, "%s/%s", directory, prepare->file) < 0)
        return error_set(err, EINVAL, "HOME is not known");
    int result = path_make_directories(directory, 0700, err);
    if (result < 0)
        return result;
    if (symlink(target, path) < 0)
        return error_set(err, errno, "link '%s'", path);
    return 0;
}

static int write_secret(const char *path, const struct unseal *unseal, struct error *err)
{
    const uint8_t *data = unseal->plain.data + sizeof(unseal->head);
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = fd < 0 ? -errno : fd_write_all(fd, data, unseal->head.size);
    return result < 0 ? error_set(err, -result, "write '%s'", path) : 0;
}

static int place_variable(const char *root, const struct unseal *unseal, struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/" VARIABLES, root) < 0)
        return error_set(err, ENAMETOOLONG, "'%s'", root);
    if (mkdir(path, 0700) < 0)
        return error_set(err, errno, "make directory '%s'", path);
    if (path_format(path, "%s/" VARIABLES "/%s", root, unseal->head.name) < 0)
        return error_set(err, ENAMETOOLONG, "'%s'", root);
    return write_secret(path, unseal, err);
}

int prepare_place(const struct prepare *prepare, const struct unseal *unseal, struct error *err)
{
    char path[PATH_MAX];
    const char *root = secret_root();
    const struct redeem_secret *head = &unseal->head;
    if (root == NULL)
        return error_set(err, EINVAL, REDEEM_SECRET_ROOT_VARIABLE " is not an absolute path");
    if (head->kind == REDEEM_VARIABLE && strcmp(head->name, prepare->variable) == 0)
        return place_variable(root, unseal, err);
    if (head->kind != REDEEM_FILE || strcmp(head->name, prepare->file) != 0)
        return error_set(err, EPROTO, "the broker granted what no login of this agent is");
    if (path_format(path, "%s/%s", root, head->name) < 0)
        return error_set(err, ENAMETOOLONG, "'%s'", root);
    int result = write_secret(path, unseal, err);
    return result < 0 ? result : link_home(prepare, path, err);
}

/* What the agent's program has where it looks for its login now: our link, or a file of its own.
 * The fd (owned), -ENOENT, or -errno. */
static int open_login(const struct prepare *prepare, struct error *err)
{
    char path[PATH_MAX];
    char target[PATH_MAX];
    char expected[PATH_MAX];
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const char *root = secret_root();
    const char *home = getenv("HOME");
    if (root == NULL || home == NULL ||
        path_format(path, "%s/%s/%s", home, prepare->home, prepare->file) < 0 ||
        path_format(expected, "%s/%s", root, prepare->file) < 0)
        return error_set(err, EINVAL, "nobody says where it is");
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length >= 0) {
        target[length] = '\0';
        if (strcmp(target, expected) != 0)
            return error_set(err, ELOOP, "it is a link to somewhere else");
        memcpy(path, expected, sizeof(path));
    }
    int fd = open(path, flags);
    return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

/* Its bytes behind a head. 1, 0 when it is the login that was placed, or nothing, or -errno. */
static int read_renewed(int fd, const struct unseal *unseal, struct secret *renewed,
                        struct error *err)
{
    struct stat status;
    uint8_t digest[CAPABILITY_DIGEST_BYTES];
    struct redeem_secret head = unseal->head;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return error_set(err, EINVAL, "it is no regular file");
    if (status.st_size == 0)
        return 0;
    if (status.st_size > REDEEM_SECRET_BYTES_MAX)
        return error_set(err, EFBIG, "it has more than %d bytes", REDEEM_SECRET_BYTES_MAX);
    int result = secret_make(renewed, sizeof(head) + (size_t)status.st_size, false, err);
    if (result < 0)
        return result;
    uint8_t *data = renewed->data + sizeof(head);
    head.size = (uint32_t)status.st_size;
    memcpy(renewed->data, &head, sizeof(head));
    if (pread(fd, data, head.size, 0) != (ssize_t)head.size)
        return error_set(err, EIO, "it could not be read as a whole");
    crypto_hash_sha256(digest, data, head.size);
    return sodium_memcmp(digest, unseal->digest, sizeof(digest)) != 0;
}

/* clang-format off */
static const char *const sayings[REDEEM_OUTCOME_COUNT] = {
    [REDEEM_OUTCOME_WRITTEN]   = "the login that was renewed here is on the host now",
    [REDEEM_OUTCOME_CHANGED]   = "the login was renewed here, but the host's is another one by now, which stays",
    [REDEEM_OUTCOME_MALFORMED] = "what was left here as a login is none for the host, whose own stays",
    [REDEEM_OUTCOME_ELSEWHERE] = "the login was renewed here, and is not carried back to where it came from",
    [REDEEM_OUTCOME_FAILED]    = "the login was renewed here, and could not be written on the host: log in again there",
};
/* clang-format on */

void prepare_carry_back(const struct prepare *prepare, const struct unseal *unseal)
{
    cleanup_secret struct secret renewed = {.data = NULL};
    struct error err = ERROR_INITIALIZER;
    if (unseal->head.kind != REDEEM_FILE)
        return;
    cleanup_fd int fd = open_login(prepare, &err);
    int outcome = fd < 0 ? fd : read_renewed(fd, unseal, &renewed, &err);
    /* Logged out, or never renewed. */
    if (outcome == -ENOENT || outcome == 0)
        return;
    if (outcome > 0)
        outcome = redeem_renew(unseal, &renewed, &err);
    if (outcome < 0)
        diagnostic_print("%s: the login was renewed here, and is lost: %s\n", prepare->program,
                         error_text(&err));
    else if (sayings[outcome] != NULL)
        diagnostic_print("%s: %s\n", prepare->program, sayings[outcome]);
}

void prepare_wipe(const struct prepare *prepare)
{
    char path[PATH_MAX];
    const char *root = secret_root();
    const char *home = getenv("HOME");
    if (root != NULL)
        (void)path_remove_contents(root, NULL);
    /* The link, or what the agent's program put in its place. */
    if (home != NULL && path_format(path, "%s/%s/%s", home, prepare->home, prepare->file) == 0)
        (void)unlink(path);
}

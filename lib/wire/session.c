/* Where sessions lie on the host, and the reservation of new ones. */
#include "lib/wire/session.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"

#define RESERVE_ATTEMPTS 64

/* $NAME when it is an absolute path; the XDG base directory specification says to ignore others. */
static const char *absolute_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

/* Makes PATH if it is missing and insists that it is a directory of ours that nobody else can
 * enter. */
static int make_private(const char *path, struct error *err)
{
    struct stat status;
    int result = path_make_directories(path, 0700, err);
    if (result < 0)
        return result;
    if (lstat(path, &status) < 0)
        return error_set(err, errno, "look at '%s'", path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != getuid())
        return error_set(err, EINVAL, "'%s' is not a directory of ours; remove it", path);
    if ((status.st_mode & 0077) != 0 && chmod(path, 0700) < 0)
        return error_set(err, errno, "make '%s' private", path);
    return 0;
}

static int home_directory(char home[PATH_MAX], struct error *err)
{
    const char *value = absolute_environment("HOME");
    if (value == NULL) {
        const struct passwd *entry = getpwuid(getuid());
        value = entry != NULL ? entry->pw_dir : NULL;
    }
    if (value == NULL || value[0] != '/')
        return error_set(err, EINVAL, "no home directory is known; set HOME");
    return path_format(home, "%s", value);
}

int session_state_root(char path[PATH_MAX], struct error *err)
{
    const char *base = absolute_environment("XDG_STATE_HOME");
    char home[PATH_MAX];
    int result;
    if (base != NULL) {
        result = path_format(path, "%s/coding-agents", base);
    } else {
        result = home_directory(home, err);
        if (result == 0)
            result = path_format(path, "%s/.local/state/coding-agents", home);
    }
    if (result == -ENAMETOOLONG)
        error_set(err, ENAMETOOLONG, "the state directory");
    return result < 0 ? result : make_private(path, err);
}

int session_runtime_root(char path[PATH_MAX], struct error *err)
{
    const char *base = absolute_environment("XDG_RUNTIME_DIR");
    struct stat status;
    int result;
    /* Under su and sudo the variable may still name another user's directory. */
    if (base != NULL && stat(base, &status) == 0 && S_ISDIR(status.st_mode) &&
        status.st_uid == getuid())
        result = path_format(path, "%s/coding-agents", base);
    else
        result = path_format(path, "/dev/shm/coding-agents-%u", getuid());
    if (result < 0)
        return error_set(err, -result, "the runtime directory");
    return make_private(path, err);
}

static int below(const char *root, const char *middle, const char *session, char path[PATH_MAX],
                 struct error *err)
{
    if (!manifest_is_session_id(session))
        return error_set(err, EINVAL, "'%.40s' is not a session id", session);
    int result = path_format(path, "%s%s/%s", root, middle, session);
    return result < 0 ? error_set(err, -result, "the directory of session %s", session) : 0;
}

int session_state_directory(const char *session, char path[PATH_MAX], struct error *err)
{
    char root[PATH_MAX];
    int result = session_state_root(root, err);
    return result < 0 ? result : below(root, "/sessions", session, path, err);
}

int session_runtime_directory(const char *session, char path[PATH_MAX], struct error *err)
{
    char root[PATH_MAX];
    int result = session_runtime_root(root, err);
    return result < 0 ? result : below(root, "", session, path, err);
}

static int draw(char session[MANIFEST_SESSION_SIZE])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char random[MANIFEST_SESSION_SIZE - 1];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    for (size_t i = 0; i < sizeof(random); i++)
        session[i] = alphabet[random[i] & 31];
    session[sizeof(random)] = '\0';
    return 0;
}

int session_reserve(char session[MANIFEST_SESSION_SIZE], struct error *err)
{
    char root[PATH_MAX];
    char path[PATH_MAX];
    int result = session_state_root(root, err);
    if (result == 0 && path_format(path, "%s/sessions", root) < 0)
        result = error_set(err, ENAMETOOLONG, "the state directory");
    if (result == 0)
        result = make_private(path, err);
    for (int attempt = 0; result == 0 && attempt < RESERVE_ATTEMPTS; attempt++) {
        char id[MANIFEST_SESSION_SIZE];
        if (draw(id) < 0)
            return error_set(err, EIO, "draw a session id");
        result = below(root, "/sessions", id, path, err);
        if (result == 0 && mkdir(path, 0700) == 0) {
            memcpy(session, id, sizeof(id));
            return 0;
        }
        if (result == 0 && errno != EEXIST)
            return error_set(err, errno, "make '%s'", path);
    }
    return result < 0 ? result : error_set(err, EEXIST, "reserve a session id");
}

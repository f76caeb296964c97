/* Finds the installed tree from where the running program lies, so that any prefix and any DESTDIR
 * works. */
#include "lib/host/install_paths.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"

/* Directories of PREFIX that hold programs; the first that the program's own path ends in gives
 * PREFIX. */
static const char *const program_directories[] = {"/libexec/coding-agents", "/bin"};

static bool strip_suffix(char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    if (length < suffix_length || strcmp(text + length - suffix_length, suffix) != 0)
        return false;
    text[length - suffix_length] = '\0';
    return true;
}

static int install_path_prefix(char prefix[PATH_MAX], struct error *err)
{
    int status = path_of_program(prefix, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < ARRAY_LENGTH(program_directories); i++) {
        if (strip_suffix(prefix, program_directories[i]))
            return 0;
    }
    return error_set(
        err, EINVAL,
        "the program lies in '%s', not in bin or libexec/coding-agents of an installation: "
        "run it from where it was installed",
        prefix);
}

static int install_path_below(const char *directory, const char *name, char path[PATH_MAX],
                              struct error *err)
{
    char prefix[PATH_MAX];
    int status = install_path_prefix(prefix, err);
    if (status < 0)
        return status;
    const char *separator = name[0] == '\0' ? "" : "/";
    status = path_format(path, "%s/%s%s%s", prefix, directory, separator, name);
    if (status < 0)
        return error_set(err, -status, "the path of the installed file '%s'", name);
    return 0;
}

int install_path_libexec(const char *name, char path[PATH_MAX], struct error *err)
{
    return install_path_below("libexec/coding-agents", name, path, err);
}

int install_path_share(const char *name, char path[PATH_MAX], struct error *err)
{
    return install_path_below("share/coding-agents", name, path, err);
}

int install_user_find(const char *name, struct user *user, struct error *err)
{
    char path[PATH_MAX];
    int result = install_path_share("policies/users.tab", path, err);
    return result < 0 ? result : users_find(path, name, user, err);
}

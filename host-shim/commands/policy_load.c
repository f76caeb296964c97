/* Finds the policy files that a command line means and loads them. */
#include "host-shim/commands/policy_load.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/string_list.h"
#include "lib/host/install_paths.h"

#define SHIPPED "policies/exec"

/* A session may lack a directory; what is named here is meant to be there. */
static int add_place(struct string_list *places, const char *path, struct error *err)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return error_set(err, errno, "%s", path);
    return string_list_add(places, path) == NULL ? error_set(err, ENOMEM, "%s", path) : 0;
}

static int add_option(struct string_list *places, const char *paths, struct error *err)
{
    int result = 0;

    while (result == 0 && paths != NULL) {
        size_t length = strcspn(paths, ":");
        cleanup_free char *path = strndup(paths, length);

        if (path == NULL)
            return error_set(err, ENOMEM, "--policy");
        result = add_place(places, path, err);
        paths = paths[length] == ':' ? paths + length + 1 : NULL;
    }
    return result;
}

/* The files of the command line, the most particular first, and behind them what is shipped. */
static int find_places(const struct command_line *line, char **files, size_t count,
                       struct string_list *places, struct error *err)
{
    char shipped[PATH_MAX];
    int result = add_option(places, command_value(line, "policy"), err);

    for (size_t i = 0; result == 0 && i < count; i++)
        result = add_place(places, files[i], err);
    if (result < 0 || command_has(line, "alone"))
        return result;
    result = install_path_share(SHIPPED, shipped, err);
    return result < 0 ? result : add_place(places, shipped, err);
}

int policy_load_named(const struct command_line *line, char **files, size_t count,
                      const char *agent, struct policy **policy)
{
    cleanup_string_list struct string_list places = {0};
    struct error err = ERROR_INITIALIZER;
    int result = find_places(line, files, count, &places, &err);

    if (result == 0 && places.count == 0) {
        error_set(&err, EINVAL, "--alone leaves nothing: name a policy file");
        return command_fail(line, &err, EXIT_USAGE);
    }
    if (result == 0)
        result = policy_load((const char *const *)places.items, agent, policy, &err);
    return result < 0 ? command_fail(line, &err, EXIT_POLICY) : 0;
}

/* Reads the variables of the agent's login. */
#include "sandbox/agentcli-exec/login.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "sandbox/confine/environment.h"

#define DIRECTORY "/run/agent-secrets/%s/variables"
#define VALUE_BYTES_MAX 8192

static int read_one(int directory, const char *name, struct string_list *list, struct error *err)
{
    char *value = NULL;
    size_t size = 0;
    int result = fd_read_file(directory, name, VALUE_BYTES_MAX, &value, &size, err);
    if (result < 0)
        return result;
    if (environment_get(list, name) == NULL) {
        const char *assignment = string_list_format(list, "%s=%s", name, value);
        if (assignment == NULL)
            result = error_set(err, ENOMEM, "read the login");
        else if (!environment_is_assignment(assignment))
            result = error_set(err, EPROTO, "the login has a variable without a name");
    }
    explicit_bzero(value, size);
    free(value);
    /* Its program's own tools read files, but not the environment that has it from here on. */
    if (result == 0 && unlinkat(directory, name, 0) < 0)
        result = error_set(err, errno, "remove the login's '%s'", name);
    return result;
}

int login_read_variables(const char *agent, struct string_list *list, struct error *err)
{
    char path[PATH_MAX];
    int result = 0;
    if (path_format(path, DIRECTORY, agent) < 0)
        return error_set(err, ENAMETOOLONG, "the login of '%s'", agent);
    cleanup_directory DIR *directory = opendir(path);
    if (directory == NULL)
        return errno == ENOENT || errno == EACCES ? 0 : error_set(err, errno, "open '%s'", path);
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.')
            result = read_one(dirfd(directory), entry->d_name, list, err);
    }
    return result;
}

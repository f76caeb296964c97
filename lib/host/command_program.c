/* Which programs of libexec are commands. */
#include "lib/host/command_program.h"

#include <dirent.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/install_paths.h"

/* Programs in libexec that are no commands: started by others. */
static const char *const helpers[] = {"broker",  "collect", "git-proxy", "keeper",
                                      "sidecar", "signer",  "transport"};

static bool is_helper(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(helpers); i++) {
        if (strcmp(name, helpers[i]) == 0)
            return true;
    }
    return false;
}

bool command_program_is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= NEAR_NAME_LENGTH && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz-") == length && !is_helper(name);
}

void command_program_find_nearest(const char *name, char nearest[NEAR_NAME_LENGTH + 1])
{
    static const char prefix[] = COMMAND_PROGRAM_PREFIX;
    char directory[PATH_MAX];
    memcpy(nearest, "run", sizeof("run"));
    near_name_keep(name, "launch", nearest);
    cleanup_directory DIR *programs = NULL;
    if (install_path_libexec("", directory, NULL) == 0)
        programs = opendir(directory);
    const struct dirent *entry;
    while (programs != NULL && (entry = readdir(programs)) != NULL) {
        if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0 &&
            !is_helper(entry->d_name + sizeof(prefix) - 1))
            near_name_keep(name, entry->d_name + sizeof(prefix) - 1, nearest);
    }
}

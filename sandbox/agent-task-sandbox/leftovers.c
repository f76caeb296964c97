/* Counts processes in the sandbox's own /proc. */
#include "sandbox/agent-task-sandbox/leftovers.h"

#include <ctype.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

uint32_t leftovers_count(void)
{
    uint32_t count = 0;
    cleanup_directory DIR *directory = opendir("/proc");
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        count += isdigit((unsigned char)entry->d_name[0]) != 0;
    return count > 0 ? count - 1 : 0;
}

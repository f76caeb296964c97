/* Looks identities up in users.tab. */
#include "lib/base/users.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/table_file.h"

struct search {
    const char *name;
    struct user *user;
    bool is_found;
};

static int parse_id(const char *text, unsigned int *id)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value > 0x7fffffff)
        return -EINVAL;
    *id = (unsigned int)value;
    return 0;
}

static int match_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    struct user user = {.uid = 0};
    if (strlen(row->fields[0]) >= sizeof(user.name) || strlen(row->fields[3]) >= sizeof(user.home))
        return error_set(err, EINVAL, "name or home is too long");
    if (parse_id(row->fields[1], &user.uid) < 0 || parse_id(row->fields[2], &user.gid) < 0)
        return error_set(err, EINVAL, "uid and gid must be numbers");
    if (strcmp(row->fields[0], search->name) != 0)
        return 0;
    snprintf(user.name, sizeof(user.name), "%s", row->fields[0]);
    snprintf(user.home, sizeof(user.home), "%s", row->fields[3]);
    *search->user = user;
    search->is_found = true;
    return 0;
}

int users_find(const char *path, const char *name, struct user *user, struct error *err)
{
    struct search search = {.name = name, .user = user, .is_found = false};
    int result = table_file_read(path, 4, 5, match_row, &search, err);
    if (result < 0)
        return result;
    if (!search.is_found)
        return error_set(err, ENOENT, "find '%s' in %s", name, path);
    return 0;
}

/* Reads files of environment variables, line by line. */
#include "lib/wire/variables.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/wire/limits.h"

static bool take_assignment(const char *line, size_t length, struct variable *variable)
{
    size_t name = 0;
    while (name < length && (isalnum((unsigned char)line[name]) || line[name] == '_'))
        name++;
    variable->name = line;
    variable->name_size = name;
    variable->value = line + name + 1;
    variable->value_size = length - name - 1;
    return name > 0 && name < length && line[name] == '=' && !isdigit((unsigned char)line[0]);
}

int variables_each(const char *text, size_t size, variables_visit *visit, void *context,
                   struct error *err)
{
    struct variable variable = {.line = 1};
    int result = 0;
    if (strlen(text) != size)
        return error_set(err, EINVAL, "it has a NUL byte");
    for (size_t length; *text != '\0' && result >= 0;
         text += length + (text[length] == '\n'), variable.line++) {
        length = strcspn(text, "\n");
        if (length == 0 || text[0] == '#')
            continue;
        if (!take_assignment(text, length, &variable))
            return error_set(err, EINVAL, "line %u is not NAME=VALUE", variable.line);
        result = visit(&variable, context, err);
    }
    return result < 0 ? result : 0;
}

static int add(const struct variable *variable, void *context, struct error *err)
{
    struct string_list *list = context;
    size_t size = variable->name_size + 1 + variable->value_size;
    if (list->count == LIMIT_VARIABLES)
        return error_set(err, EINVAL, "line %u is one more than %d", variable->line,
                         LIMIT_VARIABLES);
    if (string_list_format(list, "%.*s", (int)size, variable->name) == NULL)
        return error_set(err, ENOMEM, "keep line %u", variable->line);
    return 0;
}

int variables_parse(const char *text, size_t size, struct string_list *list, struct error *err)
{
    return variables_each(text, size, add, list, err);
}

int variables_read(const char *path, char **text, struct error *err)
{
    cleanup_string_list struct string_list list = {.items = NULL};
    char *found = NULL;
    size_t size = 0;
    int status = fd_read_file(AT_FDCWD, path, LIMIT_VARIABLES_BYTES, &found, &size, err);
    if (status == 0)
        status = variables_parse(found, size, &list, err);
    if (status == 0)
        *text = found;
    else
        variables_free(found);
    return status;
}

void variables_free(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

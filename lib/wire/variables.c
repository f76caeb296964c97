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

static bool is_assignment(const char *line, size_t length)
{
    size_t name = 0;
    while (name < length && (isalnum((unsigned char)line[name]) || line[name] == '_'))
        name++;
    return name > 0 && name < length && line[name] == '=' && !isdigit((unsigned char)line[0]);
}

int variables_parse(const char *text, size_t size, struct string_list *list, struct error *err)
{
    unsigned int number = 1;
    if (strlen(text) != size)
        return error_set(err, EINVAL, "it has a NUL byte");
    for (size_t length; *text != '\0'; text += length + (text[length] == '\n'), number++) {
        length = strcspn(text, "\n");
        if (length == 0 || text[0] == '#')
            continue;
        if (!is_assignment(text, length))
            return error_set(err, EINVAL, "line %u is not NAME=VALUE", number);
        if (list->count == LIMIT_VARIABLES)
            return error_set(err, EINVAL, "line %u is one more than %d", number, LIMIT_VARIABLES);
        if (string_list_format(list, "%.*s", (int)length, text) == NULL)
            return error_set(err, ENOMEM, "keep line %u", number);
    }
    return 0;
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

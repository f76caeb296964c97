/* Holds a command against the shapes of vendors' programs. */
#include "lib/host/agent_shape.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/table_file.h"
#include "lib/host/install_paths.h"

#define HEX "0123456789abcdef"
#define NAME "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"

/* clang-format off */
static const char *const kinds[AGENT_SHAPE_KIND_COUNT] = {
    [AGENT_SHAPE_TEXT]   = "text",
    [AGENT_SHAPE_QUOTED] = "quoted",
    [AGENT_SHAPE_OWN]    = "own",
};
/* clang-format on */

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct agent_shapes *shapes = context;
    struct agent_shape *shape = &shapes->rows[shapes->count];
    int kind = AGENT_SHAPE_TEXT;
    while (kind < AGENT_SHAPE_KIND_COUNT && strcmp(kinds[kind], row->fields[1]) != 0)
        kind++;
    if (kind == AGENT_SHAPE_KIND_COUNT)
        return error_set(err, EINVAL, "'%s' is none of text, quoted and own", row->fields[1]);
    if (shapes->count == AGENT_SHAPES_MAX)
        return error_set(err, E2BIG, "%d shapes are all there can be", AGENT_SHAPES_MAX);
    if (kind != AGENT_SHAPE_OWN && strstr(row->fields[3], "{command}") == NULL)
        return error_set(err, EINVAL, "the text of a shape has {command} in it");
    *shape = (struct agent_shape){.kind = (enum agent_shape_kind)kind,
                                  .agent = strdup(row->fields[0]),
                                  .words = strdup(row->fields[2]),
                                  .text = strdup(row->fields[3])};
    shapes->count++;
    bool is_whole = shape->agent != NULL && shape->words != NULL && shape->text != NULL;
    return is_whole ? 0 : error_set(err, ENOMEM, "read shapes");
}

int agent_shapes_read(const char *path, struct agent_shapes *shapes, struct error *err)
{
    *shapes = (struct agent_shapes){.count = 0};
    int result = table_file_read(path, 4, 4, take_row, shapes, err);
    if (result < 0)
        agent_shapes_free(shapes);
    return result;
}

void agent_shapes_free(struct agent_shapes *shapes)
{
    for (size_t i = 0; i < shapes->count; i++) {
        free(shapes->rows[i].agent);
        free(shapes->rows[i].words);
        free(shapes->rows[i].text);
    }
    shapes->count = 0;
}

const struct agent_shapes *agent_shapes_installed(void)
{
    static struct agent_shapes shapes;
    static bool is_read;
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    if (!is_read && install_path_share("policies/agent-shapes.tab", path, &err) == 0)
        (void)agent_shapes_read(path, &shapes, &err);
    is_read = true;
    return &shapes;
}

/* Where a word behind WORDS begins: they are all of the first COUNT arguments but one. */
static bool has_words(const char *words, const char *const *arguments, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        size_t length = strlen(arguments[i]);
        if (strncmp(words, arguments[i], length) != 0 ||
            (words[length] != ',' && words[length] != '\0'))
            return false;
        words += length;
        if ((*words == '\0') != (i + 2 == count))
            return false;
        words += *words == ',';
    }
    return count > 1;
}

/* Takes a word of single quotes off *TEXT, in which one quote stands as '"'"', and puts what a
 * shell makes of it at INTO, which has room for all of it. */
static bool take_quoted(const char **text, char *into)
{
    const char *at = *text;
    if (*at != '\'')
        return false;
    while (*at == '\'') {
        size_t length = strcspn(at + 1, "'");
        if (at[length + 1] == '\0')
            return false;
        memcpy(into, at + 1, length);
        into += length;
        at += length + 2;
        if (strncmp(at, "\"'\"'", 4) != 0)
            break;
        *into++ = '\'';
        at += 3;
    }
    *into = '\0';
    *text = at;
    return true;
}

static bool take_class(const char **text, const char *class)
{
    size_t length = strspn(*text, class);
    *text += length;
    return length > 0;
}

/* Takes the place that PATTERN begins with off *TEXT. Its length; 0 when it is none, or not filled.
 */
static size_t take_place(const char *pattern, enum agent_shape_kind kind, const char **text,
                         char *command)
{
    if (strncmp(pattern, "{hex}", 5) == 0)
        return take_class(text, HEX) ? 5 : 0;
    if (strncmp(pattern, "{name}", 6) == 0)
        return take_class(text, NAME) ? 6 : 0;
    if (strncmp(pattern, "{command}", 9) != 0)
        return 0;
    if (kind == AGENT_SHAPE_QUOTED)
        return take_quoted(text, command) ? 9 : 0;
    size_t length = strlen(*text);
    memcpy(command, *text, length + 1);
    *text += length;
    return 9;
}

/* COMMAND has as much room as TEXT takes. */
static bool fits_text(const struct agent_shape *shape, const char *text, char *command)
{
    const char *pattern = shape->text;
    while (*pattern != '\0') {
        size_t length = take_place(pattern, shape->kind, &text, command);
        if (length == 0 && *pattern != *text)
            return false;
        text += length == 0;
        pattern += length == 0 ? 1 : length;
    }
    return *text == '\0';
}

/* Owned by the caller; NULL without memory. */
static char *join(const char *const *arguments, size_t count)
{
    size_t size = 0;
    cleanup_free char *text = NULL;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s%s", i == 0 ? "" : " ", arguments[i]);
    return fclose(file) == 0 ? steal_pointer(&text) : NULL;
}

static bool is_own(const struct agent_shape *shape, const char *const *arguments, size_t count)
{
    const char *slash = count > 0 ? strrchr(arguments[0], '/') : NULL;
    if (count == 0 || strcmp(slash != NULL ? slash + 1 : arguments[0], shape->words) != 0)
        return false;
    cleanup_free char *text = join(arguments + 1, count - 1);
    return text != NULL && fnmatch(shape->text, text, FNM_NOESCAPE) == 0;
}

enum agent_shape_kind agent_shape_find(const struct agent_shapes *shapes, const char *agent,
                                       const char *const *arguments, size_t count, char **command)
{
    *command = NULL;
    for (size_t i = 0; i < shapes->count; i++) {
        const struct agent_shape *shape = &shapes->rows[i];
        if (shape->kind == AGENT_SHAPE_OWN) {
            if (agent != NULL && strcmp(agent, shape->agent) == 0 &&
                is_own(shape, arguments, count))
                return AGENT_SHAPE_OWN;
            continue;
        }
        if (!has_words(shape->words, arguments, count))
            continue;
        const char *text = arguments[count - 1];
        cleanup_free char *found = malloc(strlen(text) + 1);
        if (found == NULL || !fits_text(shape, text, found))
            continue;
        *command = steal_pointer(&found);
        return shape->kind;
    }
    return AGENT_SHAPE_NONE;
}

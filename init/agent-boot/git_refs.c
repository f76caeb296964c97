/* Walks refs/ and reads packed-refs. */
#include "init/agent-boot/git_refs.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/limits.h"

/* Two object ids fit, and any symbolic ref that matters is longer than none. */
#define LOOSE_MAX 4096

/* The object id that LINE begins with, when it does, and a newline. */
static void write_id(FILE *output, const char *line)
{
    size_t length = strspn(line, "0123456789abcdef");
    if (length == 40 || length == 64)
        fprintf(output, "%.*s\n", (int)length, line);
}

/* "ID NAME", or "^ID" for what the tag of the line before names. */
static int write_packed(const char *directory, FILE *output, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    if (path_format(path, "%s/packed-refs", directory) < 0)
        return error_set(err, ENAMETOOLONG, "read '%s'", directory);
    int result = fd_read_file(AT_FDCWD, path, LIMIT_FILE_LIST_BYTES, &text, &size, err);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    for (const char *line = text; line < text + size; line += strcspn(line, "\n") + 1)
        write_id(output, line + (line[0] == '^' ? 1 : 0));
    return 0;
}

static int write_loose(const char *directory, FILE *output, struct error *err)
{
    char path[PATH_MAX];
    char *const roots[] = {path, NULL};
    if (path_format(path, "%s/refs", directory) < 0)
        return error_set(err, ENAMETOOLONG, "read '%s'", directory);
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (tree == NULL)
        return error_set(err, errno, "walk '%s'", path);
    int result = 0;
    FTSENT *entry;
    while (result == 0 && (entry = fts_read(tree)) != NULL) {
        cleanup_free char *text = NULL;
        size_t size = 0;
        if (entry->fts_info == FTS_F)
            result = fd_read_file(AT_FDCWD, entry->fts_accpath, LOOSE_MAX, &text, &size, err);
        if (text != NULL)
            write_id(output, text);
    }
    fts_close(tree);
    return result;
}

int git_refs_write(const char *directory, int fd, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    if (output == NULL)
        return error_set(err, ENOMEM, "read the refs");
    int result = write_packed(directory, output, err);
    if (result == 0)
        result = write_loose(directory, output, err);
    if (fclose(output) != 0 && result == 0)
        result = error_set(err, ENOMEM, "read the refs");
    int written = result < 0 ? 0 : fd_write_all(fd, text, size);
    return written < 0 ? error_set(err, -written, "keep the refs") : result;
}

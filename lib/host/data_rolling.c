/* Finds what is new in a file that grew elsewhere. */
#include "lib/host/data_rolling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

struct line {
    const char *text;
    size_t size;
    size_t uses; /* how many of theirs it may stand for: the same lines of ours */
};

bool data_is_text(const struct data_bytes *file)
{
    return file->size == 0 || memchr(file->bytes, '\0', file->size) == NULL;
}

static size_t line_size(const char *text, size_t left)
{
    const char *newline = memchr(text, '\n', left);
    return newline != NULL ? (size_t)(newline - text) + 1 : left;
}

/* Whole lines that both begin with. */
static size_t common_beginning(const struct data_bytes *ours, const struct data_bytes *theirs)
{
    size_t most = ours->size < theirs->size ? ours->size : theirs->size;
    size_t same = 0;
    while (same < most && ours->bytes[same] == theirs->bytes[same])
        same++;
    while (same > 0 && ours->bytes[same - 1] != '\n')
        same--;
    return same;
}

/* Without the newline, which a last line may lack. */
static int compare(const void *left, const void *right)
{
    const struct line *first = left, *second = right;
    size_t most = first->size < second->size ? first->size : second->size;
    int order = most > 0 ? memcmp(first->text, second->text, most) : 0;
    return order != 0 ? order : (first->size > second->size) - (first->size < second->size);
}

static struct line line_at(const char *text, size_t size)
{
    struct line line = {.text = text, .size = size};
    if (size > 0 && text[size - 1] == '\n')
        line.size--;
    return line;
}

/* The lines of FILE from START, sorted, the same ones as one. *LINES is owned. 0 or -ENOMEM. */
static int sort_lines(const struct data_bytes *file, size_t start, struct line **lines,
                      size_t *count)
{
    size_t room = 1;
    for (size_t at = start; at < file->size; at += line_size(file->bytes + at, file->size - at))
        room++;
    struct line *sorted = calloc(room, sizeof(*sorted));
    size_t used = 0;
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t at = start, size; at < file->size; at += size) {
        size = line_size(file->bytes + at, file->size - at);
        sorted[used++] = line_at(file->bytes + at, size);
    }
    qsort(sorted, used, sizeof(*sorted), compare);
    size_t kept = 0;
    for (size_t i = 0; i < used; i++) {
        if (kept == 0 || compare(&sorted[kept - 1], &sorted[i]) != 0)
            sorted[kept++] = sorted[i];
        sorted[kept - 1].uses++;
    }
    *lines = sorted;
    *count = kept;
    return 0;
}

/* Copies what of THEIRS from START no line of SORTED stands for. */
static size_t copy_new(const struct data_bytes *theirs, size_t start, struct line *sorted,
                       size_t count, char *added)
{
    size_t used = 0;
    for (size_t at = start, size; at < theirs->size; at += size) {
        size = line_size(theirs->bytes + at, theirs->size - at);
        const struct line line = line_at(theirs->bytes + at, size);
        struct line *same =
            count > 0 ? bsearch(&line, sorted, count, sizeof(*sorted), compare) : NULL;
        if (same != NULL && same->uses > 0) {
            same->uses--;
            continue;
        }
        memcpy(added + used, line.text, line.size);
        used += line.size;
        added[used++] = '\n';
    }
    return used;
}

bool data_is_continuation(const struct data_bytes *later, const struct data_bytes *earlier)
{
    return earlier->size <= later->size &&
           (earlier->size == 0 || memcmp(later->bytes, earlier->bytes, earlier->size) == 0);
}

int data_rolling_new(const struct data_bytes *ours, const struct data_bytes *theirs, char **added,
                     size_t *size)
{
    size_t start = common_beginning(ours, theirs);
    cleanup_free struct line *sorted = NULL;
    size_t count = 0;
    *added = NULL;
    *size = 0;
    if (start >= theirs->size)
        return 0;
    int result = sort_lines(ours, start, &sorted, &count);
    if (result < 0)
        return result;
    /* And a newline that the last line lacks. */
    cleanup_free char *found = malloc(theirs->size - start + 1);
    if (found == NULL)
        return -ENOMEM;
    *size = copy_new(theirs, start, sorted, count, found);
    if (*size > 0)
        *added = steal_pointer(&found);
    return 0;
}

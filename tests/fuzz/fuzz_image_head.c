/* Fuzzes the first bytes of a file that a command executes, beside the kernel's own way to read a
 * script's first line. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/image_head.h"
#include "tests/fuzz/fuzz.h"

/* The bytes as the kernel has them: what was not read is zero. */
static char buffer[IMAGE_HEAD_SIZE];
#define LAST (IMAGE_HEAD_SIZE - 1)
#define NOWHERE IMAGE_HEAD_SIZE

static bool is_blank(size_t at)
{
    return buffer[at] == ' ' || buffer[at] == '\t';
}

static size_t next_name(size_t from, size_t last)
{
    for (; from <= last; from++)
        if (!is_blank(from))
            return from;
    return NOWHERE;
}

static size_t next_end(size_t from, size_t last)
{
    for (; from <= last; from++)
        if (is_blank(from) || buffer[from] == '\0')
            return from;
    return NOWHERE;
}

/* load_script() of Linux 6.12. The name's length, with START; 0 for none. */
static size_t name_of(size_t *start)
{
    const char *newline = memchr(buffer, '\n', sizeof(buffer));
    size_t end = newline != NULL ? (size_t)(newline - buffer) : LAST;

    if (buffer[0] != '#' || buffer[1] != '!')
        return 0;
    if (newline == NULL) {
        size_t name = next_name(2, LAST);

        if (name == NOWHERE || next_end(name, LAST) == NOWHERE)
            return 0;
    }
    while (is_blank(end - 1))
        end--;
    *start = next_name(2, end);
    if (*start == NOWHERE || *start == end)
        return 0;
    size_t separator = next_end(*start, end);

    return (separator == NOWHERE ? end : separator) - *start;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union image_head head;
    struct image_script script;
    size_t read = size < sizeof(head.bytes) ? size : sizeof(head.bytes);
    size_t start = 0;

    memset(&head, 0xff, sizeof(head));
    memset(buffer, 0, sizeof(buffer));
    memcpy(head.bytes, data, read);
    memcpy(buffer, data, read);
    enum image_kind kind = image_head_read(&head, read, &script);
    size_t length = name_of(&start);

    fuzz_require((kind == IMAGE_EMPTY) == (size == 0));
    fuzz_require((kind == IMAGE_SCRIPT) == (length > 0));
    if (kind == IMAGE_SCRIPT)
        fuzz_require(strlen(script.interpreter) == length &&
                     memcmp(script.interpreter, buffer + start, length) == 0);
    fuzz_require(kind != IMAGE_TEXT || memchr(data, '\0', read) == NULL);
    fuzz_require(kind != IMAGE_NATIVE || memcmp(data, "\177ELF", 4) == 0);
    return 0;
}

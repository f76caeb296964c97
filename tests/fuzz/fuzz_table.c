/* Fuzzes the reader of text tables: every row it gives has the fields it promised, none of them
 * empty. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/table_file.h"
#include "tests/fuzz/fuzz.h"

#define MINIMUM 2
#define MAXIMUM 4

static int on_row(const struct table_file_row *row, void *context, struct error *err)
{
    unsigned int *last = context;
    (void)err;
    fuzz_require(row->field_count >= MINIMUM && row->field_count <= MAXIMUM);
    fuzz_require(row->line > *last);
    *last = row->line;
    for (size_t i = 0; i < row->field_count; i++) {
        fuzz_require(row->fields[i][0] != '\0' && strchr(row->fields[i], '\n') == NULL);
        fuzz_require(i + 1 == MAXIMUM || strpbrk(row->fields[i], " \t") == NULL);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    unsigned int last = 0;
    struct error err = ERROR_INITIALIZER;
    int fd = memfd_create("table", MFD_CLOEXEC);
    fuzz_require(fd >= 0 && fd_write_all(fd, data, size) == 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (table_file_read(path, MINIMUM, MAXIMUM, on_row, &last, &err) < 0)
        fuzz_require(err.message[0] != '\0');
    close(fd);
    return 0;
}

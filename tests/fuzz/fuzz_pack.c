/* Fuzzes the reader of archives: what is taken is as it must be, what is not leaves nothing but the
 * staging directory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/path.h"
#include "lib/pack/limits.h"
#include "lib/pack/pack.h"
#include "tests/fuzz/fuzz.h"

static char staging[64];

static void remove_staging(void)
{
    (void)path_remove_tree(AT_FDCWD, staging, NULL);
}

/* A key of zeros, which the inputs are made with. */
static int find_key(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                    void *context, struct error *err)
{
    (void)context;
    (void)err;
    fuzz_require(label->agent[0] != '\0');
    memset(key, 0, PACK_KEY_BYTES);
    return 0;
}

static void check(const struct pack_manifest *manifest)
{
    uint64_t total = 0;
    fuzz_require(manifest->count <= PACK_ENTRIES_MAX);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct pack_entry *entry = &manifest->entries[i];
        fuzz_require(pack_is_path(entry->path));
        fuzz_require(i == 0 || strcmp(manifest->entries[i - 1].path, entry->path) < 0);
        total += entry->size;
    }
    fuzz_require(total == manifest->total && total <= PACK_TOTAL_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pack_manifest *manifest = NULL;
    struct error err = ERROR_INITIALIZER;
    if (staging[0] == '\0') {
        snprintf(staging, sizeof(staging), "/dev/shm/fuzz-pack-XXXXXX");
        fuzz_require(mkdtemp(staging) != NULL);
        atexit(remove_staging);
    }
    int fd = memfd_create("archive", MFD_CLOEXEC);
    int directory = open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fuzz_require(fd >= 0 && directory >= 0 && write(fd, data, size) == (ssize_t)size &&
                 lseek(fd, 0, SEEK_SET) == 0);
    const struct pack_reader reader = {.find_key = find_key, .staging = directory};
    if (pack_read(fd, &reader, &manifest, &err) == 0)
        check(manifest);
    else
        fuzz_require(manifest == NULL && err.message[0] != '\0');
    pack_manifest_free(manifest);
    close(directory);
    close(fd);
    fuzz_require(path_remove_contents(staging, NULL) == 0);
    return 0;
}

/* Makes, reads and packs small trees. */
#include "tests/unit/pack/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

const unsigned char tree_key[PACK_KEY_BYTES] = "a key of the tests";

int tree_prepare(void **state)
{
    struct tree_fixture *fixture = calloc(1, sizeof(*fixture));
    support_directory_make(fixture->directory);
    assert_int_equal(path_format(fixture->tree, "%s/tree", fixture->directory), 0);
    assert_int_equal(path_format(fixture->other, "%s/other", fixture->directory), 0);
    assert_int_equal(path_format(fixture->archive, "%s/archive", fixture->directory), 0);
    assert_int_equal(mkdir(fixture->tree, 0700), 0);
    assert_int_equal(mkdir(fixture->other, 0700), 0);
    *state = fixture;
    return 0;
}

int tree_dispose(void **state)
{
    struct tree_fixture *fixture = *state;
    support_directory_remove(fixture->directory);
    free(fixture);
    return 0;
}

void tree_put(const char *directory, const char *name, const char *text)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/%s", directory, name), 0);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(path_make_directories(path, 0700, NULL), 0);
    *slash = '/';
    support_write(path, text, strlen(text));
}

char *tree_get(const char *directory, const char *name)
{
    char path[PATH_MAX];
    size_t size = 0;
    assert_int_equal(path_format(path, "%s/%s", directory, name), 0);
    return access(path, F_OK) < 0 ? NULL : support_read(path, &size);
}

char *tree_dump(const char *directory)
{
    char **paths = NULL;
    size_t left_out = 0, size = 0;
    char *text = NULL;
    FILE *file = open_memstream(&text, &size);
    cleanup_fd int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(file != NULL && root >= 0);
    assert_int_equal(pack_list(root, NULL, &paths, &left_out, NULL), 0);
    for (size_t i = 0; paths[i] != NULL; i++) {
        cleanup_free char *content = tree_get(directory, paths[i]);
        fprintf(file, "%s: %s|\n", paths[i], content);
    }
    pack_list_free(paths);
    fclose(file);
    return text;
}

void tree_pack(const char *root, const char *archive, const struct pack_label *label,
               const unsigned char *key)
{
    char **paths = NULL;
    size_t left_out = 0;
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int fd = open(archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(directory >= 0 && fd >= 0);
    assert_int_equal(pack_list(directory, NULL, &paths, &left_out, NULL), 0);
    const struct pack_source source = {
        .root = directory, .paths = paths, .label = label, .key = key};
    if (pack_write(fd, &source, &err) != 0)
        fail_msg("%s", error_text(&err));
    pack_list_free(paths);
}

static int find_key(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                    void *context, struct error *err)
{
    (void)label;
    (void)context;
    (void)err;
    memcpy(key, tree_key, PACK_KEY_BYTES);
    return 0;
}

int tree_read(const char *archive, const char *staging, struct pack_manifest **manifest,
              struct error *err)
{
    cleanup_fd int fd = open(archive, O_RDONLY | O_CLOEXEC);
    cleanup_fd int directory =
        staging != NULL ? open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const struct pack_reader reader = {.find_key = find_key, .staging = directory};
    assert_true(fd >= 0);
    return pack_read(fd, &reader, manifest, err);
}

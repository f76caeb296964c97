/* Small trees of files for tests of archives. */
#ifndef TESTS_PACK_TREE_H
#define TESTS_PACK_TREE_H

#include <limits.h>
#include <stddef.h>

#include "lib/pack/pack.h"
#include "tests/unit/wire/support.h"

/* A directory of its own with "tree" and "other" in it: *STATE. */
struct tree_fixture {
    char directory[PATH_MAX];
    char tree[PATH_MAX];
    char other[PATH_MAX];
    char archive[PATH_MAX];
};
int tree_prepare(void **state);
int tree_dispose(void **state);
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, tree_prepare, tree_dispose)

/* Writes TEXT to NAME below DIRECTORY, with its parents; reads it, owned by the caller, NULL when
 * there is none. */
void tree_put(const char *directory, const char *name, const char *text);
char *tree_get(const char *directory, const char *name);
/* Every file below DIRECTORY with its content, in order: owned by the caller. */
char *tree_dump(const char *directory);

extern const unsigned char tree_key[PACK_KEY_BYTES];
/* Packs everything below ROOT into the file ARCHIVE. */
void tree_pack(const char *root, const char *archive, const struct pack_label *label,
               const unsigned char *key);
/* Reads ARCHIVE with tree_key into STAGING (NULL: only looks). 0 or -errno. */
int tree_read(const char *archive, const char *staging, struct pack_manifest **manifest,
              struct error *err);

#endif

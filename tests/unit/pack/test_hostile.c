/* Archives of somebody who has the key and means harm: each is refused whole, by name. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/pack/limits.h"
#include "tests/unit/pack/tree.h"

/* One member as it stands in the archive, and in the manifest. */
struct member {
    const char *listed; /* in the manifest; NULL: not listed */
    const char *name;   /* in the archive; NULL: not there */
    const char *text;
    const char *link;  /* a symbolic link there */
    const char *hard;  /* a hard link there */
    unsigned int type; /* 0: regular */
    unsigned int mode; /* 0: 0600 */
    long long size;    /* said in the manifest; 0: as it is */
    bool has_attribute;
};

static void add_member(struct archive *archive, const struct member *member)
{
    struct archive_entry *entry = archive_entry_new();
    size_t size = member->text != NULL ? strlen(member->text) : 0;
    archive_entry_set_pathname(entry, member->name);
    archive_entry_set_filetype(entry, member->type != 0 ? member->type : AE_IFREG);
    archive_entry_set_perm(entry, (mode_t)(member->mode != 0 ? member->mode : 0600));
    if (member->link != NULL)
        archive_entry_set_symlink(entry, member->link);
    if (member->hard != NULL)
        archive_entry_set_hardlink(entry, member->hard);
    if (member->has_attribute)
        archive_entry_xattr_add_entry(entry, "user.x", "y", 1);
    archive_entry_set_size(entry, (la_int64_t)size);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    if (size > 0)
        assert_int_equal(archive_write_data(archive, member->text, size), (la_ssize_t)size);
    archive_entry_free(entry);
}

static json_t *list(const struct member *members)
{
    json_t *entries = json_array();
    for (size_t i = 0; members[i].listed != NULL || members[i].name != NULL; i++) {
        const char *text = members[i].text != NULL ? members[i].text : "";
        unsigned char digest[crypto_hash_sha256_BYTES];
        char hex[PACK_DIGEST_SIZE];
        crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
        sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
        json_int_t size = members[i].size != 0 ? members[i].size : (json_int_t)strlen(text);
        if (members[i].listed != NULL)
            json_array_append_new(entries, json_pack("{s:s, s:I, s:I, s:s}", "path",
                                                     members[i].listed, "size", size, "modified",
                                                     (json_int_t)0, "sha256", hex));
    }
    return entries;
}

/* The archive of MEMBERS with a good MAC over whatever the manifest says. */
static void write_archive(const char *path, const struct member *members, const char *filter)
{
    unsigned char mac[crypto_auth_BYTES];
    char hex[2 * crypto_auth_BYTES + 1];
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:s, s:i, s:o}", "version", 1, "direction", "import", "agent",
                  "claude", "session", "", "counter", 0, "entries", list(members));
    cleanup_free char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    crypto_auth(mac, (const unsigned char *)text, strlen(text), tree_key);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    struct archive *archive = archive_write_new();
    assert_int_equal(archive_write_set_format_pax(archive), ARCHIVE_OK);
    if (filter != NULL)
        assert_int_equal(archive_write_add_filter_by_name(archive, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    add_member(archive, &(struct member){.name = "manifest.json", .text = text});
    add_member(archive, &(struct member){.name = "manifest.mac", .text = hex});
    for (size_t i = 0; members[i].listed != NULL || members[i].name != NULL; i++)
        if (members[i].name != NULL)
            add_member(archive, &members[i]);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

/* clang-format off */
static const struct { const char *said; struct member members[4]; } cases[] = {
    {NULL,                                 {{.listed = "a", .name = "data/a", .text = "x"}, {.listed = "b/c", .name = "data/b/c", .text = "y"}}},
    {"is a link",                          {{.listed = "a", .name = "data/a", .type = AE_IFLNK, .link = "/etc/passwd"}}},
    {"is a link",                          {{.listed = "a", .name = "data/a", .text = "x"}, {.listed = "b", .name = "data/b", .hard = "data/a"}}},
    {"is not a regular file",              {{.listed = "a", .name = "data/a", .type = AE_IFCHR}}},
    {"is not a regular file",              {{.listed = "a", .name = "data/a", .type = AE_IFIFO}}},
    {"is not what the manifest lists",     {{.listed = "a", .name = "data/a/", .type = AE_IFDIR}}},
    {"is set-uid, set-gid",                {{.listed = "a", .name = "data/a", .text = "x", .mode = 04755}}},
    {"is set-uid, set-gid",                {{.listed = "a", .name = "data/a", .text = "x", .mode = 0755}}},
    {"has extended attributes",            {{.listed = "a", .name = "data/a", .text = "x", .has_attribute = true}}},
    {"is no path that an archive may have", {{.listed = "/etc/passwd", .name = "data//etc/passwd", .text = "x"}}},
    {"is no path that an archive may have", {{.listed = "../a", .name = "data/../a", .text = "x"}}},
    {"is no path that an archive may have", {{.listed = "a/../../b", .name = "data/a/../../b", .text = "x"}}},
    {"is no path that an archive may have", {{.listed = "a/./b", .name = "data/a/./b", .text = "x"}}},
    {"is no path that an archive may have", {{.listed = "", .name = "data/", .text = "x"}}},
    {"is no path that an archive may have", {{.listed = "a\x1b[2J", .name = "data/a\x1b[2J", .text = "x"}}},
    {"is not what the manifest lists",     {{.listed = "a", .name = "/data/a", .text = "x"}}},
    {"is not what the manifest lists",     {{.listed = "a", .name = "data/../data/a", .text = "x"}}},
    {"is listed twice or out of order",    {{.listed = "a", .name = "data/a", .text = "x"}, {.listed = "a", .name = "data/a", .text = "x"}}},
    {"is listed twice or out of order",    {{.listed = "b", .name = "data/b", .text = "x"}, {.listed = "a", .name = "data/a", .text = "x"}}},
    {"is not listed in the manifest",      {{.listed = "a", .name = "data/a", .text = "x"}, {.name = "data/a", .text = "y"}}},
    {"is not listed in the manifest",      {{.listed = "a", .name = "data/a", .text = "x"}, {.name = "evil", .text = "y"}}},
    {"is not what the manifest lists",     {{.listed = "b", .name = "data/evil", .text = "x"}}},
    {"is missing",                         {{.listed = "a"}}},
    {"has another size",                   {{.listed = "a", .name = "data/a", .text = "x", .size = 2}}},
    {"is larger than a file may be",       {{.listed = "a", .name = "data/a", .text = "x", .size = 1ll << 40}}},
    {"is below another file",                   {{.listed = "a", .name = "data/a", .text = "x"}, {.listed = "a/b", .name = "data/a/b", .text = "x"}}},
};
/* clang-format on */

static void refuses_each_whole_and_by_name(void **state)
{
    struct tree_fixture *fixture = *state;
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct pack_manifest *manifest = NULL;
        struct error err = ERROR_INITIALIZER;
        char staging[PATH_MAX];
        snprintf(staging, sizeof(staging), "%.4000s/%zu", fixture->other, i);
        assert_int_equal(mkdir(staging, 0700), 0);
        write_archive(fixture->archive, cases[i].members, NULL);
        int result = tree_read(fixture->archive, staging, &manifest, &err);
        if ((result == 0) != (cases[i].said == NULL) ||
            (result < 0 && strstr(error_text(&err), cases[i].said) == NULL))
            fail_msg("case %zu: %d, %s", i, result, error_text(&err));
        pack_manifest_free(manifest);
    }
}

/* A few kilobytes that would become gigabytes: what is compressed is not even looked at. */
static void refuses_compression(void **state)
{
    struct tree_fixture *fixture = *state;
    static const struct member members[] = {{.listed = "a", .name = "data/a", .text = "x"}, {0}};
    static const char *const filters[] = {"gzip", "xz", "bzip2"};
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < ARRAY_LENGTH(filters); i++) {
        struct pack_manifest *manifest = NULL;
        write_archive(fixture->archive, members, filters[i]);
        assert_int_equal(tree_read(fixture->archive, fixture->other, &manifest, NULL), -EBADMSG);
        unlink(fixture->archive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(refuses_each_whole_and_by_name),
        TREE_TEST(refuses_compression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

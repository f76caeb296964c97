/* The copier on real trees: contained, exact in content, mode and time, with two identities. Needs
 * root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/agent-boot/copy.h"
#include "init/agent-boot/copy_identity.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define LARGE_PIECES 256 /* of a MiB */
#define READER 54321
#define WRITER 54322

struct fixture {
    char directory[64];
    int source;
    int target;
    int links;
    struct copy_plan plan;
    struct copy_directory *top; /* of the plan: source to target */
};

static int make_directory(const char *root, const char *name, uid_t owner)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/%s", root, name), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chown(path, owner, owner), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void take_identities(struct fixture *fixture)
{
    fixture->plan.reader = (struct copy_identity){.uid = READER, .gid = READER};
    fixture->plan.writer = (struct copy_identity){.uid = WRITER, .gid = WRITER};
}

/* A plan runs once; this is the next one. */
static void plan_again(struct fixture *fixture, unsigned int flags)
{
    copy_plan_free(&fixture->plan);
    take_identities(fixture);
    struct copy_root root = {
        .source = fixture->source,
        .target = fixture->target,
        .link = -1,
        .flags = flags,
    };
    assert_int_equal(copy_plan_add_root(&fixture->plan, &root, &fixture->top), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/copy-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    assert_int_equal(chmod(fixture->directory, 0711), 0);
    fixture->source = make_directory(fixture->directory, "source", READER);
    fixture->target = make_directory(fixture->directory, "target", WRITER);
    fixture->links = make_directory(fixture->directory, "links", WRITER);
    plan_again(fixture, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    copy_plan_free(&fixture->plan);
    close(fixture->source);
    close(fixture->target);
    close(fixture->links);
    int result = path_remove_tree(AT_FDCWD, fixture->directory, NULL);
    free(fixture);
    return result;
}

static void put_file(int root, const char *path, const char *text, mode_t mode, uid_t owner)
{
    int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(fchown(fd, owner, owner), 0);
    close(fd);
}

static void put_directory(int root, const char *path, mode_t mode, uid_t owner)
{
    assert_int_equal(mkdirat(root, path, 0700), 0);
    assert_int_equal(fchownat(root, path, owner, owner, 0), 0);
    assert_int_equal(fchmodat(root, path, mode, 0), 0);
}

static void list(struct fixture *fixture, const char *path)
{
    assert_int_equal(copy_plan_add_file(&fixture->plan, fixture->top, path), 0);
}

static int run(struct fixture *fixture, struct copy_result *result, struct error *err)
{
    return copy_run(&fixture->plan, NULL, NULL, result, err);
}

static void test_files_arrive_whole(void **state)
{
    struct fixture *fixture = *state;
    put_directory(fixture->source, "a", 0700, READER);
    put_directory(fixture->source, "a/b", 0700, READER);
    put_file(fixture->source, "a/b/private", "secret of the user", 0600, READER);
    put_file(fixture->source, "run.sh", "#!/bin/sh\n", 04755, READER);
    put_file(fixture->source, "a/odd\n\xff name", "x", 0444, READER);
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1234567890, .tv_nsec = 987654321}};
    assert_int_equal(utimensat(fixture->source, "run.sh", times, 0), 0);
    list(fixture, "a/b/private");
    list(fixture, "a/odd\n\xff name");
    list(fixture, "run.sh");
    list(fixture, "deleted/in/the/work/tree");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), 0);
    assert_int_equal(result.files, 3);
    assert_int_equal(result.missing, 1);
    struct stat status;
    assert_int_equal(fstatat(fixture->target, "run.sh", &status, 0), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0755); /* no setuid bit travels */
    assert_int_equal(status.st_uid, WRITER);
    assert_int_equal(status.st_mtim.tv_sec, 1234567890);
    assert_int_equal(status.st_mtim.tv_nsec, 987654321);
    cleanup_free char *text = NULL;
    size_t size;
    assert_int_equal(fd_read_file(fixture->target, "a/b/private", 100, &text, &size, &err), 0);
    assert_string_equal(text, "secret of the user");
    assert_int_equal(fstatat(fixture->target, "a/odd\n\xff name", &status, 0), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0444);
}

static void test_links_are_copied_and_never_followed(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture->links, "canary", "outside", 0644, READER);
    assert_int_equal(symlinkat("../links/canary", fixture->source, "to-file"), 0);
    assert_int_equal(symlinkat("../links", fixture->source, "to-directory"), 0);
    assert_int_equal(symlinkat("nowhere", fixture->source, "broken"), 0);
    list(fixture, "to-file");
    list(fixture, "broken");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), 0);
    char text[64] = "";
    assert_true(readlinkat(fixture->target, "to-file", text, sizeof(text)) > 0);
    assert_string_equal(text, "../links/canary");
    /* A component that is a link: the control shows that plain openat would have read the canary.
     */
    int control = openat(fixture->source, "to-directory/canary", O_RDONLY | O_CLOEXEC);
    assert_true(control >= 0);
    close(control);
    plan_again(fixture, 0);
    list(fixture, "to-directory/canary");
    assert_int_equal(run(fixture, &result, &err), -ELOOP);
    assert_non_null(strstr(err.message, "to-directory"));
}

static void test_a_link_in_the_target_is_not_written_through(void **state)
{
    struct fixture *fixture = *state;
    put_directory(fixture->source, "directory", 0755, READER);
    put_file(fixture->source, "directory/file", "x", 0644, READER);
    assert_int_equal(symlinkat("../links", fixture->target, "directory"), 0);
    list(fixture, "directory/file");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_true(run(fixture, &result, &err) < 0);
    assert_int_equal(faccessat(fixture->links, "file", F_OK, 0), -1);
}

static void test_special_files_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkfifoat(fixture->source, "fifo", 0666), 0);
    assert_int_equal(mknodat(fixture->source, "device", S_IFCHR | 0666, makedev(1, 3)), 0);
    put_file(fixture->source, "file", "x", 0644, READER);
    list(fixture, "fifo");
    list(fixture, "device");
    list(fixture, "file");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), 0);
    assert_int_equal(result.special, 2);
    assert_int_equal(result.files, 1);
    assert_int_equal(faccessat(fixture->target, "fifo", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

/* Root in this process could read the file: only the reader's identity keeps it from being copied.
 */
static void test_what_the_reader_may_not_read_is_refused(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture->source, "roots", "not the user's", 0600, 0);
    list(fixture, "roots");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), -EACCES);
    assert_non_null(strstr(err.message, "roots"));
    plan_again(fixture, 0);
    list(fixture, "roots");
    fixture->plan.reader = (struct copy_identity){.uid = 0, .gid = 0};
    assert_int_equal(run(fixture, &result, &err), 0);
}

static bool is_left_out(const char *directory, const char *name)
{
    return strcmp(directory, "info") == 0 && strcmp(name, "alternates") == 0;
}

static void test_trees_are_linked_too(void **state)
{
    struct fixture *fixture = *state;
    put_directory(fixture->source, "objects", 0755, READER);
    put_directory(fixture->source, "objects/aa", 0755, READER);
    put_directory(fixture->source, "objects/info", 0755, READER);
    put_file(fixture->source, "objects/aa/bb", "object", 0444, READER);
    put_file(fixture->source, "objects/info/alternates", "/etc\n", 0644, READER);
    struct copy_root root = {
        .source = fixture->source,
        .target = fixture->target,
        .link = fixture->links,
        .flags = COPY_KEEP_EXISTING | COPY_PLAIN_DIRECTORIES,
        .skips = is_left_out,
    };
    struct error err = ERROR_INITIALIZER;
    /* The second time it is an alternate that holds the same object. */
    for (int i = 0; i < 2; i++) {
        struct copy_directory *top;
        assert_int_equal(copy_plan_add_root(&fixture->plan, &root, &top), 0);
        assert_int_equal(copy_plan_add_tree(&fixture->plan, top, "objects"), 0);
    }
    struct copy_result result;
    assert_int_equal(run(fixture, &result, &err), 0);
    struct stat copy;
    struct stat link;
    assert_int_equal(fstatat(fixture->target, "objects/aa/bb", &copy, 0), 0);
    assert_int_equal(fstatat(fixture->links, "objects/aa/bb", &link, 0), 0);
    assert_int_equal(copy.st_ino, link.st_ino);
    assert_int_equal(faccessat(fixture->target, "objects/info/alternates", F_OK, 0), -1);
}

/* A directory that its owner may not write gets its mode and times when everything is in it. */
static void test_directories_get_their_mode_and_times_last(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec times[2] = {{.tv_sec = 11, .tv_nsec = 22}, {.tv_sec = 33, .tv_nsec = 44}};
    put_directory(fixture->source, "sealed", 0700, READER);
    put_directory(fixture->source, "sealed/inner", 02750, READER);
    put_file(fixture->source, "sealed/inner/file", "x", 0644, READER);
    assert_int_equal(fchmodat(fixture->source, "sealed", 0500, 0), 0);
    assert_int_equal(utimensat(fixture->source, "sealed/inner", times, 0), 0);
    assert_int_equal(utimensat(fixture->source, "sealed", times, 0), 0);
    list(fixture, "sealed/inner/file");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), 0);
    struct stat status;
    assert_int_equal(fstatat(fixture->target, "sealed/inner", &status, 0), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0750);
    assert_int_equal(status.st_mtim.tv_nsec, 44);
    assert_int_equal(fstatat(fixture->target, "sealed", &status, 0), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0500);
    assert_int_equal(status.st_atim.tv_sec, 11);
    assert_int_equal(status.st_atim.tv_nsec, 22);
    assert_int_equal(status.st_mtim.tv_sec, 33);
    assert_int_equal(status.st_mtim.tv_nsec, 44);
}

static void test_a_group_that_shares_gets_what_the_owner_may(void **state)
{
    struct fixture *fixture = *state;
    put_directory(fixture->source, "directory", 0700, READER);
    put_file(fixture->source, "directory/file", "x", 0600, READER);
    list(fixture, "directory/file");
    fixture->plan.is_shared = true;
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), 0);
    struct stat status;
    assert_int_equal(fstatat(fixture->target, "directory", &status, 0), 0);
    assert_int_equal(status.st_mode, S_IFDIR | S_ISGID | 0770);
    assert_int_equal(fstatat(fixture->target, "directory/file", &status, 0), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0660);
}

/* As git lists a submodule that is not checked out. */
static void test_a_listed_directory_is_made(void **state)
{
    struct fixture *fixture = *state;
    put_directory(fixture->source, "module", 0755, READER);
    put_file(fixture->source, "module/unlisted", "x", 0644, READER);
    list(fixture, "module");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(run(fixture, &result, &err), 0);
    struct stat status;
    assert_int_equal(fstatat(fixture->target, "module", &status, 0), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(faccessat(fixture->target, "module/unlisted", F_OK, 0), -1);
}

static int stop_at_once(const struct copy_result *done, void *context)
{
    (void)done;
    (void)context;
    return -ECANCELED;
}

/* Written, so that it is copied, and more than can be copied before the first look. */
static void test_a_stop_is_heard(void **state)
{
    static const char piece[1 << 20] = "written";
    struct fixture *fixture = *state;
    int fd = openat(fixture->source, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < LARGE_PIECES; i++)
        assert_int_equal(write(fd, piece, sizeof(piece)), sizeof(piece));
    assert_int_equal(fchown(fd, READER, READER), 0);
    close(fd);
    list(fixture, "large");
    struct copy_result result;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(copy_run(&fixture->plan, stop_at_once, NULL, &result, &err), -ECANCELED);
    struct stat status;
    assert_true(fstatat(fixture->target, "large", &status, 0) < 0 ||
                status.st_size < LARGE_PIECES * (off_t)sizeof(piece));
}

#define with_trees(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_trees(test_files_arrive_whole),
        with_trees(test_links_are_copied_and_never_followed),
        with_trees(test_a_link_in_the_target_is_not_written_through),
        with_trees(test_special_files_are_left_out),
        with_trees(test_what_the_reader_may_not_read_is_refused),
        with_trees(test_trees_are_linked_too),
        with_trees(test_directories_get_their_mode_and_times_last),
        with_trees(test_a_group_that_shares_gets_what_the_owner_may),
        with_trees(test_a_listed_directory_is_made),
        with_trees(test_a_stop_is_heard),
    };
    if (geteuid() != 0) {
        const char *must_work = getenv("MUST_WORK");
        bool is_failure = must_work != NULL && strcmp(must_work, "1") == 0;
        fprintf(stderr, "test_copy needs root: two identities are taken on\n");
        return is_failure ? 1 : 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which ways lead to a program that only root can change: in a root of its own, where a copy of the
 * tree is what a sandbox's is, and each way beside it has one thing that somebody else may do. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/fixed.h"
#include "sandbox/agent-task-sandbox/target.h"

#define SOMEBODY 10000
#define CANNOT_TRY 77

/* clang-format off */
static const struct {
    const char *path;
    bool is_fixed;
} ways[] = {
    {"/bin/program",              true},
    {"//bin/./program",           true},
    {"/link",                     true},  /* to /bin/program */
    {"/name/program",             true},  /* name: to bin */
    {"/chain0",                   true},  /* to chain1, to /link */
    {"/long0",                    false}, /* more links than anybody needs */
    {"/loop",                     false},
    {"bin/program",               false},
    {"/name/../bin/program",      false},
    {"/bin",                      false},
    {"/bin/program/",             true},
    {"/bin/other",                false}, /* another file, as fixed as that one */
    {"/bin/shared",               false}, /* the group may write it */
    {"/theirs/program",           false}, /* in somebody's directory */
    {"/theirs/link",              false}, /* to /bin/program */
    {"/open/program",             false}, /* in everybody's directory */
    {"/open/link",                false},
    {"/open/way/program",         false}, /* way: to /bin */
    {"/group/link",               false},
    {"/through",                  false}, /* a link of root's, to /open/link */
    {"/writable/program",         false}, /* root's, on a mount that can be written */
    {"/writable/link",            false},
    {"/no/program",               false},
};
/* clang-format on */

static void put(const char *path, mode_t mode)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, path, strlen(path)) < 0 || fchmod(fd, mode) < 0)
        _exit(CANNOT_TRY);
}

static void put_link(const char *target, const char *path)
{
    if (symlink(target, path) < 0)
        _exit(CANNOT_TRY);
}

/* A directory with the program, and with a link to where it is fixed. */
static void put_place(const char *path, uid_t owner, mode_t mode)
{
    char name[64];

    if (mkdir(path, 0700) < 0 || chmod(path, mode) < 0)
        _exit(CANNOT_TRY);
    snprintf(name, sizeof(name), "%s/program", path);
    if (strcmp(path, "bin") != 0 && link("bin/program", name) < 0)
        _exit(CANNOT_TRY);
    snprintf(name, sizeof(name), "%s/link", path);
    put_link("/bin/program", name);
    if (chown(path, owner, owner) < 0)
        _exit(CANNOT_TRY);
}

static void put_links(void)
{
    char from[32];
    char to[32];

    put_link("/bin/program", "link");
    put_link("bin", "name");
    put_link("chain1", "chain0");
    put_link("/link", "chain1");
    put_link("loop", "loop");
    put_link("/open/link", "through");
    put_link("/bin", "open/way");
    for (int i = 0; i < 16; i++) {
        snprintf(from, sizeof(from), "long%d", i);
        snprintf(to, sizeof(to), i == 15 ? "bin/program" : "long%d", i + 1);
        put_link(to, from);
    }
}

/* The root is a tmpfs of this process's own, and read-only but for one mount in it. */
static void make_root(const char *place)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("fixed", place, "tmpfs", 0, "mode=0755") < 0 || chdir(place) < 0 || chroot(place) < 0)
        _exit(CANNOT_TRY);
    umask(0);
    put_place("bin", 0, 0755);
    put("bin/program", 0755);
    put("bin/other", 0755);
    put("bin/shared", 0775);
    put_place("theirs", SOMEBODY, 0755);
    put_place("open", 0, 01777);
    put_place("group", 0, 0775);
    put_links();
    if (mkdir("writable", 0755) < 0)
        _exit(CANNOT_TRY);
    put_link("/bin/program", "writable/link");
    if (link("bin/program", "writable/program") < 0 ||
        mount("writable", "writable", NULL, MS_BIND, NULL) < 0)
        _exit(CANNOT_TRY);
}

/* How many ways are judged as they should not be. */
static int judge_all(void)
{
    struct task_file file;
    cleanup_fd int fd = open("/bin/program", O_PATH | O_CLOEXEC);
    int bad = fd < 0 || task_file_identify(fd, &file) < 0;

    if (bad != 0 || fixed_is_path("/bin/program", &file)) { /* all can be written yet */
        fprintf(stderr, "on a root that can be written\n");
        return 1;
    }
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        _exit(CANNOT_TRY);
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        if (fixed_is_path(ways[i].path, &file) == ways[i].is_fixed)
            continue;
        fprintf(stderr, "%s\n", ways[i].path);
        bad++;
    }
    return bad;
}

static void test_only_ways_of_roots_are_fixed(void **state)
{
    char place[] = "/tmp/test-fixed-XXXXXX";
    int status;
    pid_t pid;

    (void)state;
    assert_non_null(mkdtemp(place));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        make_root(place);
        _exit(judge_all());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)rmdir(place);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_TRY && geteuid() != 0)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_ways_of_roots_are_fixed)};

    return cmocka_run_group_tests_name("fixed", tests, NULL, NULL);
}

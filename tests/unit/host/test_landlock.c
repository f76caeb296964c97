/* What is left to a program that is confined to one directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"
#include "lib/host/landlock.h"
#include "tests/unit/wire/support.h"

/* In a child, confined to INSIDE: the number of the first thing that is not as it must be; 0. */
static int look(const char *directory, bool is_read_only)
{
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    cleanup_fd int outside = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int kept = openat(outside, "kept", O_RDWR | O_CLOEXEC);
    cleanup_fd int inside = openat(outside, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (outside < 0 || kept < 0 || inside < 0 ||
        landlock_confine(inside, is_read_only ? LANDLOCK_ACCESS_FS_READ_FILE : LANDLOCK_TREE,
                         "the test", NULL) != 0)
        return 1;
    cleanup_fd int read_inside = openat(inside, "file", O_RDONLY | O_CLOEXEC);
    if (read_inside < 0)
        return 2;
    cleanup_fd int closed = openat(outside, "kept", O_RDONLY | O_CLOEXEC);
    if (closed >= 0 || errno != EACCES)
        return 3;
    cleanup_fd int made_outside = openat(outside, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made_outside >= 0 || unlinkat(outside, "kept", 0) == 0)
        return 4;
    /* What was open before stays. */
    if (write(kept, "x", 1) != 1)
        return 5;
    if (execv("/bin/true", argv) == 0 || errno != EACCES)
        return 6;
    bool can_make = mkdirat(inside, "a", 0700) == 0 && mkdirat(inside, "b", 0700) == 0;
    if (can_make == is_read_only)
        return 7;
    if (is_read_only)
        return 0;
    cleanup_fd int made = openat(inside, "a/f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (made < 0 || renameat(inside, "a/f", inside, "b/f") < 0 || unlinkat(inside, "b/f", 0) < 0)
        return 8;
    return symlinkat("/", inside, "link") == 0 || mkfifoat(inside, "fifo", 0600) == 0 ? 9 : 0;
}

static int run(const char *directory, bool is_read_only)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(look(directory, is_read_only));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void leaves_one_directory(void **state)
{
    char directory[PATH_MAX], path[PATH_MAX];
    (void)state;
    support_directory_make(directory);
    assert_int_equal(path_format(path, "%s/inside", directory), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(path_format(path, "%s/inside/file", directory), 0);
    support_write(path, "x", 1);
    assert_int_equal(path_format(path, "%s/kept", directory), 0);
    support_write(path, "x", 1);
    assert_int_equal(run(directory, true), 0);
    assert_int_equal(run(directory, false), 0);
    support_directory_remove(directory);
}

/* Connects to the listener ADDRESS, below the filter of coding-agents-data when IS_CONFINED. 0, or
 * what connecting failed with. */
static int connect_to(const char *directory, const struct sockaddr_un *address, bool is_confined)
{
    char program[PATH_MAX], filter[PATH_MAX];
    cleanup_fd int inside = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (path_of_program(program, NULL) != 0 ||
        path_format(filter, "%s/../../host/share/coding-agents/seccomp/data.bpf", program) != 0)
        return EINVAL;
    if (is_confined) {
        struct sock_fprog code = {.filter = NULL};
        if (seccomp_filter_read(filter, &code, NULL) != 0 ||
            landlock_confine(inside, LANDLOCK_TREE, "the test", NULL) != 0 ||
            sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &code) != 0)
            return EINVAL;
    }
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    return connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
}

/* Landlock has no say in sockets with a path: docker.sock would be in reach. */
static void reaches_no_socket(void **state)
{
    char directory[PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    support_directory_make(directory);
    assert_true((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory) <
                sizeof(address.sun_path));
    cleanup_fd int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    for (int is_confined = 0; is_confined <= 1; is_confined++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
            _exit(connect_to(directory, &address, is_confined == 1));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), is_confined == 1 ? EPERM : 0);
    }
    support_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_one_directory),
        cmocka_unit_test(reaches_no_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

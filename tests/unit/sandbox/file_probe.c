/* Tries what may be done with files, one after the other. */
#include "tests/unit/sandbox/file_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define RIGHTS_SIZE 8

static bool is_directory(const char *path)
{
    return path[strlen(path) - 1] == '/';
}

/* The file that is tried at PATH. */
static void name_file(const char *path, char file[PATH_MAX])
{
    snprintf(file, PATH_MAX, "%s%s", path, is_directory(path) ? "probe" : "");
}

static bool make_parents(char *file)
{
    for (char *slash = strchr(file + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(file, 0755) < 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

static bool make_file(const char *path)
{
    char file[PATH_MAX];
    cleanup_fd int fd = -1;

    name_file(path, file);
    if (!make_parents(file))
        return false;
    fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    return fd >= 0 && write(fd, "x", 1) == 1;
}

static bool can_open(const char *file, int flags)
{
    cleanup_fd int fd = open(file, flags | O_CLOEXEC);

    return fd >= 0;
}

/* A file that is nothing is refused for what it is only when it may be executed. */
static bool can_execute(const char *file)
{
    static char name[] = "probe";
    char *const words[] = {name, NULL};

    return execve(file, words, words + 1) < 0 && errno == ENOEXEC;
}

/* As each of these is a right of its own, all or none. -1 when they differ. */
static int can_change(const char *path)
{
    char made[PATH_MAX];
    char moved[PATH_MAX];
    int done = 0;

    snprintf(made, sizeof(made), "%smade", path);
    snprintf(moved, sizeof(moved), "%smoved", path);
    done += mknod(made, S_IFREG | 0600, 0) == 0;
    done += rename(made, moved) == 0;
    done += unlink(moved) == 0;
    done += mkdir(made, 0700) == 0;
    done += rmdir(made) == 0;
    done += symlink("x", made) == 0;
    done += unlink(made) == 0;
    done += mkfifo(made, 0600) == 0;
    done += unlink(made) == 0;
    return done == 9 ? 1 : done == 0 ? 0 : -1;
}

static bool can_make_device(const char *path)
{
    char made[PATH_MAX];

    snprintf(made, sizeof(made), "%sdevice", path);
    return mknod(made, S_IFCHR | 0600, makedev(1, 3)) == 0 && unlink(made) == 0;
}

static void try_path(const char *path, char rights[RIGHTS_SIZE])
{
    char file[PATH_MAX];
    size_t count = 0;
    int change = is_directory(path) ? can_change(path) : 0;

    name_file(path, file);
    if (can_open(file, O_RDONLY))
        rights[count++] = 'r';
    if (can_execute(file))
        rights[count++] = 'x';
    if (can_open(file, O_WRONLY))
        rights[count++] = 'w';
    if (change != 0)
        rights[count++] = change > 0 ? 'c' : '?';
    if (is_directory(path) && can_make_device(path))
        rights[count++] = 'd';
    rights[count] = '\0';
}

static int check(const struct file_probe *probe, const char *wanted)
{
    char rights[RIGHTS_SIZE];

    try_path(probe->path, rights);
    if (strcmp(rights, wanted) == 0)
        return 0;
    fprintf(stderr, "%s: '%s' instead of '%s'\n", probe->path, rights, wanted);
    return 1;
}

static bool make_root(const struct file_probe *probes, size_t count, const char *place)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("probe", place, "tmpfs", 0, "mode=0755") < 0 || chdir(place) < 0 ||
        chroot(place) < 0 || chdir("/") < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!make_file(probes[i].path))
            return false;
    return true;
}

static int try_all(const struct file_probe *probes, size_t count, bool (*confine)(void),
                   const char *place)
{
    const char *everything = "rxwcd";
    int wrong = 0;

    if (!make_root(probes, count, place))
        return FILE_PROBE_CANNOT_TRY;
    if (!can_make_device("/")) /* where users are mapped, nobody can */
        everything = "rxwc";
    for (size_t i = 0; i < count; i++)
        wrong += check(&probes[i], is_directory(probes[i].path) ? everything : "rxw");
    if (wrong > 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !confine())
        return 1;
    for (size_t i = 0; i < count; i++)
        wrong += check(&probes[i], probes[i].rights);
    return wrong;
}

int file_probe_run(const struct file_probe *probes, size_t count, bool (*confine)(void))
{
    char place[] = "/tmp/test-files-XXXXXX";
    int status = -1;
    pid_t pid = mkdtemp(place) == NULL ? -1 : fork();

    if (pid == 0)
        _exit(try_all(probes, count, confine, place));
    (void)waitpid(pid, &status, 0);
    (void)rmdir(place);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

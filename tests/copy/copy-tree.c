/*
 * Copies one directory into another with the engine of the workspace copy:
 *     copy-tree [--listed] [--shared] [--plain DIRECTORY] SOURCE TARGET [READER-UID WRITER-UID]
 * --listed takes the paths on standard input, each NUL-terminated, as a session takes its list, and
 * leaves TARGET itself as it is. --shared copies for a group that shares the tree. --plain copies
 * as a git directory's objects are copied, files being linked below DIRECTORY too.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/copy.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"

static int open_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fprintf(stderr, "copy-tree: open '%s': %s\n", path, strerror(errno));
    return fd;
}

static struct copy_identity parse_identity(const char *text)
{
    unsigned long number = text == NULL ? 0 : strtoul(text, NULL, 10);
    return (struct copy_identity){.uid = (uid_t)number, .gid = (gid_t)number};
}

/* As a session's workspace step plans it. 0 or -errno. */
static int plan_listed(struct copy_plan *plan, struct copy_directory *top)
{
    cleanup_free char *path = NULL;
    size_t capacity = 0;
    while (getdelim(&path, &capacity, '\0', stdin) > 0) {
        if (!path_is_plain_relative(path))
            return -EPROTO;
        int result = copy_plan_add_file(plan, top, path);
        if (result < 0)
            return result;
    }
    return 0;
}

static int copy(struct copy_plan *plan, const struct copy_root *root, bool is_listed)
{
    struct error err = ERROR_INITIALIZER;
    struct copy_result done;
    struct copy_directory *top;
    int result = copy_plan_add_root(plan, root, &top);
    if (result == 0)
        result = is_listed ? plan_listed(plan, top) : copy_plan_add_tree(plan, top, ".");
    if (result < 0)
        error_set(&err, -result, "plan the copy");
    if (result < 0 || copy_run(plan, NULL, NULL, &done, &err) < 0) {
        fprintf(stderr, "copy-tree: %s\n", error_text(&err));
        return 1;
    }
    printf("files %" PRIu64 "\nbytes %" PRIu64 "\nmissing %" PRIu64 "\nspecial %" PRIu64
           "\nattributes %" PRIu64 "\n",
           done.files, done.bytes, done.missing, done.special, done.attributes);
    return 0;
}

/* True when the next argument is NAME, which is then taken. */
static bool takes_option(char ***argv, const char *name)
{
    if ((*argv)[0] == NULL || strcmp((*argv)[0], name) != 0)
        return false;
    ++*argv;
    return true;
}

int main(int argc, char **argv)
{
    (void)argc;
    argv++;
    bool is_listed = takes_option(&argv, "--listed");
    bool is_shared = takes_option(&argv, "--shared");
    const char *plain = takes_option(&argv, "--plain") && argv[0] != NULL ? *argv++ : NULL;
    size_t count = 0;
    while (argv[count] != NULL)
        count++;
    if (count != 2 && count != 4) {
        fprintf(stderr, "usage: copy-tree [--listed] [--shared] [--plain DIRECTORY] SOURCE TARGET "
                        "[READER-UID WRITER-UID]\n");
        return 2;
    }
    struct copy_plan plan = {
        .reader = parse_identity(count == 4 ? argv[2] : NULL),
        .writer = parse_identity(count == 4 ? argv[3] : NULL),
        .is_shared = is_shared,
    };
    cleanup_fd int source = open_directory(argv[0]);
    cleanup_fd int target = open_directory(argv[1]);
    cleanup_fd int link = plain == NULL ? -1 : open_directory(plain);
    const struct copy_root root = {
        .source = source,
        .target = target,
        .link = link,
        .flags = (is_listed || plain != NULL ? COPY_KEEP_ROOT : 0U) |
                 (plain != NULL ? COPY_PLAIN_DIRECTORIES | COPY_REGULAR_ONLY : 0U),
    };
    bool is_open = source >= 0 && target >= 0 && (plain == NULL || link >= 0);
    int status = is_open ? copy(&plan, &root, is_listed) : 1;
    copy_plan_free(&plan);
    return status;
}

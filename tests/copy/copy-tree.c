/* Copies one directory into another with the engine of the workspace copy: copy-tree SOURCE TARGET
 * [READER-UID WRITER-UID]. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/copy.h"
#include "lib/base/cleanup.h"

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

static int copy(struct copy_plan *plan, int source, int target)
{
    struct error err = ERROR_INITIALIZER;
    struct copy_result done;
    struct copy_root root = {.source = source, .target = target, .link = -1};
    struct copy_directory *top;
    if (copy_plan_add_root(plan, &root, &top) < 0 || copy_plan_add_tree(plan, top, ".") < 0 ||
        copy_run(plan, NULL, NULL, &done, &err) < 0) {
        fprintf(stderr, "copy-tree: %s\n", error_text(&err));
        return 1;
    }
    printf("files %" PRIu64 "\nbytes %" PRIu64 "\nmissing %" PRIu64 "\nspecial %" PRIu64
           "\nattributes %" PRIu64 "\n",
           done.files, done.bytes, done.missing, done.special, done.attributes);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: copy-tree SOURCE TARGET [READER-UID WRITER-UID]\n");
        return 2;
    }
    struct copy_plan plan = {
        .reader = parse_identity(argc == 5 ? argv[3] : NULL),
        .writer = parse_identity(argc == 5 ? argv[4] : NULL),
    };
    cleanup_fd int source = open_directory(argv[1]);
    cleanup_fd int target = open_directory(argv[2]);
    int status = source < 0 || target < 0 ? 1 : copy(&plan, source, target);
    copy_plan_free(&plan);
    return status;
}

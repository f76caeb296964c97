/* What an exec must become. What it did become is told by /proc, before it runs. */
#include "sandbox/agent-task-sandbox/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/fixed.h"
#include "sandbox/agent-task-sandbox/image_head.h"
#include "sandbox/confine/program.h"

/* Scripts that are run by scripts: fs/exec.c follows so many. */
#define INTERPRETERS_MAX 5

/* The beginning of what is open at FD as a path. How much there is, or -errno. */
static ssize_t read_head(int fd, union image_head *head)
{
    cleanup_fd int file = task_file_reopen(fd);
    ssize_t count = file < 0 ? file : pread(file, head->bytes, sizeof(head->bytes), 0);

    return count < 0 && file >= 0 ? -errno : count;
}

/* The image is what is open at FD. */
static int take(int fd, struct image *image)
{
    int result = fd < 0 ? -errno : task_file_identify(fd, &image->file);

    image->is_known = result == 0;
    return result;
}

static int take_shell(struct image *image)
{
    cleanup_fd int fd = open(PROGRAM_SHELL, O_PATH | O_CLOEXEC);

    image->is_text = true;
    return take(fd, image);
}

/* 0 when IMAGE is filled, 1 when what it is depends on *FD, the interpreter; else -errno. */
static int find_interpreter(const struct target *target, const struct image_script *script, int *fd)
{
    cleanup_close(fd);
    *fd = openat(target->directory_fd, script->interpreter, O_PATH | O_CLOEXEC);
    /* One that cannot be found is the kernel's to refuse. */
    return *fd >= 0 ? 1 : errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
}

/* The same of the file at *FD. */
static int look(const struct target *target, int *fd, struct image *image)
{
    union image_head head;
    struct image_script script;
    ssize_t count = read_head(*fd, &head);
    enum image_kind kind;

    image->is_open = count == -EACCES;
    if (count < 0)
        return image->is_open ? 0 : (int)count;
    kind = image_head_read(&head, (size_t)count, &script);
    image->is_open = kind == IMAGE_OTHER;
    if (kind == IMAGE_NATIVE)
        return take(*fd, image);
    if (kind == IMAGE_TEXT)
        return take_shell(image);
    return kind == IMAGE_SCRIPT ? find_interpreter(target, &script, fd) : 0;
}

int image_expect(const struct target *target, struct image *image, struct error *err)
{
    cleanup_fd int fd = fcntl(target->program_fd, F_DUPFD_CLOEXEC, 0);
    int result = fd < 0 ? -errno : 1;

    *image = (struct image){.is_known = false, .judged = target};
    for (int i = 0; i < INTERPRETERS_MAX && result > 0; i++) {
        result = look(target, &fd, image);
        image->is_program = i == 0 && image->is_known && !image->is_text;
    }
    /* As it was when it was judged, not as it is now. */
    if (image->is_program)
        image->file = target->file;
    image->is_fixed =
        image->is_program && target->is_fixed && fixed_is_path(target->called, &target->file);
    return result < 0 ? error_set(err, -result, "tell what '%s' becomes", target->called) : 0;
}

int image_verify(const struct image *image, pid_t process, struct error *err)
{
    struct task_file now;
    char link[32];
    size_t size = image->is_program ? sizeof(now) : offsetof(struct task_file, size);

    if (!image->is_known && image->is_open &&
        task_file_identify(image->judged->program_fd, &now) == 0 &&
        memcmp(&now, &image->judged->file, sizeof(now)) == 0)
        return 0;
    snprintf(link, sizeof(link), "/proc/%d/exe", process);
    cleanup_fd int fd = open(link, O_PATH | O_CLOEXEC);
    if (image->is_known && fd >= 0 && task_file_identify(fd, &now) == 0 &&
        memcmp(&now, &image->file, size) == 0)
        return 0;
    error_set(err, 0, "it was changed or replaced while it was judged");
    return -ESTALE;
}

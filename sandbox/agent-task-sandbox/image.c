/* What an exec must become. What it did become is told by /proc, before it runs. */
#include "sandbox/agent-task-sandbox/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/fixed.h"
#include "sandbox/confine/program.h"

#ifdef __aarch64__
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_X86_64
#endif

/* linux/binfmts.h, BINPRM_BUF_SIZE since Linux 5.1: what the kernel looks at. */
#define HEAD_SIZE 256
/* Scripts that are run by scripts: fs/exec.c follows so many. */
#define INTERPRETERS_MAX 5

union head {
    Elf64_Ehdr elf;
    char text[HEAD_SIZE + 1];
};

/* The beginning of what is open at FD as a path, terminated. How much there is, or -errno. */
static ssize_t read_head(int fd, union head *head)
{
    cleanup_fd int file = target_reopen(fd);
    ssize_t count = file < 0 ? file : pread(file, head->text, HEAD_SIZE, 0);

    if (count < 0)
        return file < 0 ? file : -errno;
    memset(head->text + count, '\0', sizeof(head->text) - (size_t)count);
    return count;
}

static bool is_native(const union head *head, ssize_t count)
{
    return count >= (ssize_t)sizeof(head->elf) && memcmp(head->elf.e_ident, ELFMAG, SELFMAG) == 0 &&
           head->elf.e_ident[EI_CLASS] == ELFCLASS64 && head->elf.e_machine == MACHINE;
}

/* The interpreter that a script's first line names, cut out of HEAD; NULL: it is no such script. */
static const char *find_interpreter(union head *head)
{
    char *name;

    if (head->text[0] != '#' || head->text[1] != '!')
        return NULL;
    name = head->text + 2 + strspn(head->text + 2, " \t");
    name[strcspn(name, " \t\n")] = '\0';
    return name;
}

static bool is_text(const union head *head, ssize_t count)
{
    return count > 0 && memchr(head->text, '\0', (size_t)count) == NULL;
}

/* The image is what is open at FD. */
static int take(int fd, struct image *image)
{
    int result = fd < 0 ? -errno : target_identify(fd, &image->file);

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
static int look(const struct target *target, int *fd, struct image *image)
{
    union head head;
    ssize_t count = read_head(*fd, &head);
    const char *interpreter;

    image->is_open = count == -EACCES;
    if (count <= 0)
        return image->is_open ? 0 : (int)count;
    if (is_native(&head, count))
        return take(*fd, image);
    interpreter = find_interpreter(&head);
    if (interpreter == NULL)
        image->is_open = !is_text(&head, count);
    if (interpreter == NULL)
        return image->is_open ? 0 : take_shell(image);
    cleanup_close(fd);
    *fd = openat(target->directory_fd, interpreter, O_PATH | O_CLOEXEC);
    /* One that cannot be found is the kernel's to refuse. */
    return *fd >= 0 ? 1 : errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
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
        target_identify(image->judged->program_fd, &now) == 0 &&
        memcmp(&now, &image->judged->file, sizeof(now)) == 0)
        return 0;
    snprintf(link, sizeof(link), "/proc/%d/exe", process);
    cleanup_fd int fd = open(link, O_PATH | O_CLOEXEC);
    if (image->is_known && fd >= 0 && target_identify(fd, &now) == 0 &&
        memcmp(&now, &image->file, size) == 0)
        return 0;
    error_set(err, 0, "it was changed or replaced while it was judged");
    return -ESTALE;
}

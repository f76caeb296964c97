/* Follows the path of an exec as its caller would, without becoming it. */
#include "sandbox/agent-task-sandbox/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/other_process.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-sandbox/path_walk.h"
#include "sandbox/exec-trap/path_text.h"

/* A link of /proc on the way: where it leads for the caller is not where it leads for us. */
#define NOT_OURS (-EXDEV)

struct call {
    pid_t thread;
    int dirfd;
    uint64_t path;
    uint64_t arguments;
    bool takes_descriptor; /* AT_EMPTY_PATH */
};

static struct call read_call(const struct seccomp_notif *question)
{
    const __u64 *arguments = question->data.args;
    bool is_at = question->data.nr == SYS_execveat;

    return (struct call){
        .thread = (pid_t)question->pid,
        .dirfd = is_at ? (int)arguments[0] : AT_FDCWD,
        .path = arguments[is_at ? 1 : 0],
        .arguments = arguments[is_at ? 2 : 1],
        .takes_descriptor = is_at && (arguments[4] & AT_EMPTY_PATH) != 0,
    };
}

/* What the path is relative to. The descriptor, the -errno of the call, or NOT_OURS. */
static int open_base(const struct call *call, const struct path_text *text)
{
    char name[PATH_BASE_SIZE];
    int fd;

    if (text->base == PATH_BASE_ROOT) {
        fd = open("/", O_PATH | O_CLOEXEC);
        return fd < 0 ? NOT_OURS : fd;
    }
    path_text_base(text, call->dirfd, name);
    fd = other_process_open(call->thread, name, O_PATH);
    if (fd == -ENOENT && text->base == PATH_BASE_DIRECTORY)
        return -EBADF;
    return fd >= 0 || fd == -ENOENT ? fd : NOT_OURS;
}

/* True for errors that the caller would get as well. */
static bool is_callers_own(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == ENAMETOOLONG ||
           error == ELOOP;
}

/*
 * True when the way along REST of BASE enters a /proc, or is not understood. What is missing there
 * for us need not be for the caller.
 */
static bool enters_proc(int base, const char *rest)
{
    struct path_walk walk = PATH_WALK_NONE;
    struct statfs place;
    bool is_proc = false;
    int result = path_walk_begin(&walk, base, rest);

    for (result = result < 0 ? result : 1; result > 0 && !is_proc;) {
        is_proc = fstatfs(walk.at, &place) < 0 || place.f_type == PROC_SUPER_MAGIC;
        result = path_walk_step(&walk);
    }
    path_walk_end(&walk);
    return is_proc || (result < 0 && !is_callers_own(-result));
}

/* What REST of BASE is, which goes through no link that means something else to everybody. */
static int open_rest(int base, const char *rest)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    int fd = sys_openat2(base, rest, &how);

    return fd >= 0 || (is_callers_own(-fd) && !enters_proc(base, rest)) ? fd : NOT_OURS;
}

static int open_program(const struct call *call, const char *path)
{
    struct path_text text;

    if (path[0] == '\0' && !call->takes_descriptor)
        return -ENOENT;
    path_text_parse(path, &text);
    cleanup_fd int base = open_base(call, &text);
    if (base < 0 || text.rest[0] == '\0')
        return steal_fd(&base);
    return open_rest(base, text.rest);
}

/* Fills the program and the directory. 0, the -errno of the call, or NOT_OURS. */
static int find_program(const struct call *call, struct asked *asked)
{
    char link[PATH_BASE_SIZE];
    cleanup_fd int fd = open_program(call, asked->called);

    if (fd < 0)
        return fd;
    snprintf(link, sizeof(link), "fd/%d", fd);
    if (other_process_link(call->thread, "cwd", asked->directory) < 0 ||
        other_process_link(getpid(), link, asked->program) < 0)
        return NOT_OURS;
    return 0;
}

int asked_read(const struct seccomp_notif *question, struct asked *asked)
{
    const struct call call = read_call(question);
    int result;

    asked->known = ASKED_NOTHING;
    asked->called[0] = asked->program[0] = asked->directory[0] = '\0';
    foreign_list_begin(&asked->arguments);
    result =
        other_process_read_string(call.thread, call.path, asked->called, sizeof(asked->called));
    if (result < 0) {
        asked->called[0] = '\0';
        return result == -ENAMETOOLONG ? result : 0;
    }
    result = find_program(&call, asked);
    if (result == NOT_OURS)
        memcpy(asked->program, asked->called, sizeof(asked->called));
    if (result < 0)
        return result == NOT_OURS ? 0 : result;
    asked->known = ASKED_PROGRAM;
    result = foreign_read_list(call.thread, call.arguments, &asked->arguments);
    if (result == 0)
        asked->known = ASKED_WHOLE;
    return result == -E2BIG ? result : 0;
}

void asked_free(struct asked *asked)
{
    foreign_list_free(&asked->arguments);
}

/*
 * without THING COMMAND...: runs the command where the kernel seems to lack a thing: its calls are
 * answered as a kernel without it would, or somebody above listens to them already.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/seccomp_filter.h"
#include "lib/base/syscalls.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(number) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number))
/* Goes on when the loaded word is VALUE, else over COUNT instructions. */
#define IS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define HAS(bits, count) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, count)

struct thing {
    const char *name;
    unsigned int flags;
    struct sock_filter filter[6];
};

/* The low half of an argument lies first: little endian. */
/* clang-format off */
static const struct thing things[] = {
    {.name = "nothing", .filter = {ALLOW}},
    {.name = "landlock", .filter = {LOAD(nr), IS(SYS_landlock_create_ruleset, 1), REFUSE(EOPNOTSUPP), ALLOW}},
    {.name = "killable", .filter = {
        LOAD(nr), IS(SYS_seccomp, 3),
        LOAD(args[1]), HAS(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 1), REFUSE(EINVAL), ALLOW}},
    {.name = "ptrace", .filter = {LOAD(nr), IS(SYS_ptrace, 1), REFUSE(EPERM), ALLOW}},
    {.name = "listener", .flags = SECCOMP_FILTER_FLAG_NEW_LISTENER, .filter = {ALLOW}},
};
/* clang-format on */

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < ARRAY_LENGTH(things); i++) {
        struct thing thing = things[i];
        struct sock_fprog program = {.len = ARRAY_LENGTH(thing.filter), .filter = thing.filter};

        if (strcmp(thing.name, argv[1]) != 0)
            continue;
        /* What is left over of a shorter program must be one as well. */
        for (size_t at = 1; at < program.len; at++) {
            if (thing.filter[at].code == 0 && thing.filter[at].k == 0)
                thing.filter[at] = (struct sock_filter)ALLOW;
        }
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
            break;
        int fd = sys_seccomp(SECCOMP_SET_MODE_FILTER, thing.flags, &program);
        /* Closed, a listener is none. */
        if (fd < 0 || (fd > 0 && fd_set_close_on_exec(fd, false) < 0))
            break;
        execvp(argv[2], argv + 2);
        break;
    }
    perror("without");
    return 125;
}

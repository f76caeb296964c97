/* Makes calls with and without a filter, and compares. */
#include "tests/unit/sandbox/filter_probe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "lib/base/path.h"
#include "lib/base/seccomp_filter.h"

static char directory[PATH_MAX];
static char first_path[PATH_MAX]; /* "": there is one only */
char filter_path[PATH_MAX];

int filter_find(void **state)
{
    char own[PATH_MAX];

    (void)state;
    if (path_of_program(own, NULL) < 0)
        return -1;
    return path_format(directory, "%s/../../image/etc/coding-agents/seccomp", own);
}

int filter_choose(const char *name)
{
    first_path[0] = '\0';
    return path_format(filter_path, "%s/%s", directory, name);
}

int filter_choose_both(const char *first, const char *second)
{
    int result = filter_choose(second);

    return result < 0 ? result : path_format(first_path, "%s/%s", directory, first);
}

void filter_enter(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        (first_path[0] != '\0' && seccomp_filter_load(first_path, NULL) < 0) ||
        seccomp_filter_load(filter_path, NULL) < 0)
        _exit(255);
}

/* Exit status 0 for success, else the errno: all that a probe has to say. */
static void probe(const struct expected_call *call, bool is_filtered) __attribute__((noreturn));
static void probe(const struct expected_call *call, bool is_filtered)
{
    int ends[2];
    pid_t parent = getpid();
    long result;

    if (is_filtered)
        filter_enter();
    result = syscall(call->number, call->arguments[0], call->arguments[1], call->arguments[2],
                     call->number == SYS_socketpair ? ends : NULL, 0, 0);
    if (getpid() != parent)
        _exit(0); /* the child of a clone that went through */
    _exit(result < 0 ? errno : 0);
}

int filter_outcome(const struct expected_call *call, bool is_filtered)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        probe(call, is_filtered);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return 1000 + WTERMSIG(status);
    assert_int_not_equal(WEXITSTATUS(status), 255);
    return WEXITSTATUS(status);
}

void filter_check(const struct expected_call *call)
{
    int control = filter_outcome(call, false);
    int filtered = filter_outcome(call, true);

    if (call->refusal == 0 && filtered != control)
        fail_msg("%s: %d with the filter, %d without", call->name, filtered, control);
    if (call->refusal != 0 && filtered != call->refusal)
        fail_msg("%s: %d with the filter, not %d", call->name, filtered, call->refusal);
    /* Without privileges the kernel refuses much of this by itself, and there is no control. */
    if (call->refusal != 0 && control == call->refusal && geteuid() == 0)
        fail_msg("%s: %d without the filter too", call->name, control);
}

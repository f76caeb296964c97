/* Starts programs with exact arguments, captures what they print, holds them to a deadline. */
#include "lib/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"

#define DEFAULT_OUTPUT_LIMIT (1024 * 1024)
/* How often a caller that may cancel is asked: a signal between the question and poll(2) is lost on
 * it. */
#define CANCEL_MS 50

extern char **environ;

struct capture {
    int fd; /* -1 when closed or not captured */
    char *data;
    size_t size;
    size_t capacity;
    size_t limit;
};

static void reset_signals(void)
{
    sys_reset_signal_dispositions();
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
}

/* Only in the child: streams first lifted above 2, so that none is overwritten before it is placed.
 */
static int place_streams(const int streams[3])
{
    int lifted[3] = {-1, -1, -1};
    for (int i = 0; i < 3; i++) {
        lifted[i] = fcntl(streams[i], F_DUPFD_CLOEXEC, 3);
        if (lifted[i] < 0)
            return -errno;
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(lifted[i], i) < 0)
            return -errno;
    }
    return 0;
}

static int enter_child(const struct process_spec *spec, const int streams[3])
{
    reset_signals();
    int result = place_streams(streams);
    if (result < 0)
        return result;
    if (spec->directory != NULL && chdir(spec->directory) < 0)
        return -errno;
    if (spec->prepare != NULL) {
        result = spec->prepare(spec->prepare_context);
        if (result < 0)
            return result;
    }
    if (spec->environment != NULL)
        environ = (char **)(uintptr_t)spec->environment;
    execvp(spec->argv[0], (char *const *)(uintptr_t)spec->argv);
    return -errno;
}

/* The child reports why exec failed over a pipe that exec closes. */
static int read_start_failure(int fd)
{
    int number = 0;
    ssize_t count;
    do
        count = read(fd, &number, sizeof(number));
    while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof(number) ? number : 0;
}

static int start(const struct process_spec *spec, const int streams[3], pid_t *pid, int *pidfd,
                 struct error *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set(err, errno, "start '%s'", spec->argv[0]);
    pid_t child = fork();
    if (child == 0) {
        int number = -enter_child(spec, streams);
        (void)fd_write_all(report[1], &number, sizeof(number));
        _exit(127);
    }
    int fork_errno = errno;
    close(report[1]);
    int number = child < 0 ? fork_errno : read_start_failure(report[0]);
    close(report[0]);
    if (child > 0 && number != 0)
        waitpid(child, NULL, 0);
    if (number != 0)
        return error_set(err, number, "start '%s'", spec->argv[0]);
    int descriptor = sys_pidfd_open(child, 0);
    if (descriptor < 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return error_set(err, -descriptor, "watch '%s'", spec->argv[0]);
    }
    *pid = child;
    *pidfd = descriptor;
    return 0;
}

int process_start(const struct process_spec *spec, pid_t *pid, int *pidfd, struct error *err)
{
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return error_set(err, errno, "open '/dev/null'");
    int streams[3] = {spec->standard_input, spec->standard_output, spec->standard_error};
    for (int i = 0; i < 3; i++) {
        if (streams[i] < 0)
            streams[i] = null;
    }
    return start(spec, streams, pid, pidfd, err);
}

static uint64_t deadline_of(uint64_t timeout_ms)
{
    return timeout_ms == 0 ? UINT64_MAX
                           : clock_monotonic_ns() + timeout_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

/* Milliseconds until DEADLINE for poll(2), rounded up; -1 for none. */
static int remaining_ms(uint64_t deadline)
{
    if (deadline == UINT64_MAX)
        return -1;
    uint64_t now = clock_monotonic_ns();
    if (now >= deadline)
        return 0;
    uint64_t ms = (deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int reap(int pidfd, int *wait_status)
{
    siginfo_t info;
    int result;
    do
        result = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return -errno;
    if (info.si_code == CLD_EXITED)
        *wait_status = (info.si_status & 0xff) << 8;
    else
        *wait_status = (info.si_status & 0x7f) | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return 0;
}

int process_end_with_parent(void *context)
{
    (void)context;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
}

int process_wait(int pidfd, uint64_t timeout_ms, int *wait_status)
{
    uint64_t deadline = deadline_of(timeout_ms);
    for (;;) {
        struct pollfd wait = {.fd = pidfd, .events = POLLIN};
        int count = poll(&wait, 1, remaining_ms(deadline));
        if (count > 0)
            return reap(pidfd, wait_status);
        if (count == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

static int capture_read(struct capture *capture)
{
    if (capture->size + 1 >= capture->capacity) {
        size_t capacity = capture->capacity < 4096 ? 4096 : capture->capacity * 2;
        char *larger = realloc(capture->data, capacity);
        if (larger == NULL)
            return -ENOMEM;
        capture->data = larger;
        capture->capacity = capacity;
    }
    ssize_t count =
        read(capture->fd, capture->data + capture->size, capture->capacity - capture->size - 1);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    if (count == 0) {
        close(steal_fd(&capture->fd));
        return 0;
    }
    capture->size += (size_t)count;
    capture->data[capture->size] = '\0';
    return capture->size > capture->limit ? -EFBIG : 0;
}

/* Reads from whichever of the two streams poll(2) has reported. */
static int capture_ready(struct capture captures[2], const struct pollfd *polls)
{
    int result = 0;
    for (int i = 0; result == 0 && i < 2; i++) {
        if (polls[i].revents != 0)
            result = capture_read(&captures[i]);
    }
    return result;
}

/* How long to wait at once: to the deadline, in slices when somebody may cancel. */
static int wait_slice_ms(const struct process_spec *spec, uint64_t deadline)
{
    int wait_ms = remaining_ms(deadline);
    bool is_sliced = spec->is_cancelled != NULL && (wait_ms < 0 || wait_ms > CANCEL_MS);
    return is_sliced ? CANCEL_MS : wait_ms;
}

/* Reads until the process has ended and both streams are dry; a grandchild that keeps one open is
 * not awaited. */
static int pump(struct capture captures[2], int pidfd, const struct process_spec *spec)
{
    uint64_t deadline = deadline_of(spec->timeout_ms);
    bool has_ended = false;
    while (!has_ended || captures[0].fd >= 0 || captures[1].fd >= 0) {
        if (spec->is_cancelled != NULL && spec->is_cancelled())
            return -ECANCELED;
        struct pollfd polls[3] = {
            {.fd = captures[0].fd, .events = POLLIN},
            {.fd = captures[1].fd, .events = POLLIN},
            {.fd = has_ended ? -1 : pidfd, .events = POLLIN},
        };
        int count = poll(polls, 3, has_ended ? 0 : wait_slice_ms(spec, deadline));
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count == 0 && has_ended)
            return 0;
        if (count == 0 && remaining_ms(deadline) == 0)
            return -ETIMEDOUT;
        int result = count <= 0 ? 0 : capture_ready(captures, polls);
        if (result < 0)
            return result;
        has_ended = has_ended || (count > 0 && polls[2].revents != 0);
    }
    return 0;
}

/* One pipe per captured stream; STREAMS[i] is what the child gets. */
static int open_streams(const struct process_spec *spec, int null, int streams[3],
                        struct capture captures[2], int write_ends[2])
{
    const int wanted[2] = {spec->standard_output, spec->standard_error};
    streams[0] = spec->standard_input < 0 ? null : spec->standard_input;
    for (int i = 0; i < 2; i++) {
        streams[i + 1] = wanted[i] == PROCESS_FD_NULL ? null : wanted[i];
        if (wanted[i] != -1)
            continue;
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        captures[i].fd = ends[0];
        captures[i].data = calloc(1, 1);
        captures[i].capacity = 1;
        if (captures[i].data == NULL) {
            close(ends[1]);
            return -ENOMEM;
        }
        write_ends[i] = ends[1];
        streams[i + 1] = ends[1];
    }
    return 0;
}

static int run_captured(const struct process_spec *spec, struct capture captures[2],
                        int *wait_status, struct error *err)
{
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return error_set(err, errno, "open '/dev/null'");
    cleanup_fd int pidfd = -1;
    pid_t pid = -1;
    int streams[3] = {-1, -1, -1};
    int write_ends[2] = {-1, -1};
    int result = open_streams(spec, null, streams, captures, write_ends);
    if (result < 0)
        error_set(err, -result, "start '%s'", spec->argv[0]);
    else
        result = start(spec, streams, &pid, &pidfd, err);
    cleanup_close(&write_ends[0]);
    cleanup_close(&write_ends[1]);
    if (result < 0)
        return result;
    result = pump(captures, pidfd, spec);
    if (result < 0) {
        (void)sys_pidfd_send_signal(pidfd, SIGKILL, 0);
        (void)reap(pidfd, wait_status);
        return error_set(err, -result, "run '%s'", spec->argv[0]);
    }
    result = reap(pidfd, wait_status);
    return result < 0 ? error_set(err, -result, "wait for '%s'", spec->argv[0]) : 0;
}

int process_run(const struct process_spec *spec, struct process_result *result, struct error *err)
{
    size_t limit = spec->output_limit == 0 ? DEFAULT_OUTPUT_LIMIT : spec->output_limit;
    struct capture captures[2] = {{.fd = -1, .limit = limit}, {.fd = -1, .limit = limit}};
    *result = (struct process_result){.wait_status = 0};
    int outcome = run_captured(spec, captures, &result->wait_status, err);
    cleanup_close(&captures[0].fd);
    cleanup_close(&captures[1].fd);
    if (outcome < 0) {
        free(captures[0].data);
        free(captures[1].data);
        return outcome;
    }
    result->output = captures[0].data;
    result->output_size = captures[0].size;
    result->error_output = captures[1].data;
    result->error_output_size = captures[1].size;
    return 0;
}

void process_result_free(struct process_result *result)
{
    if (result == NULL)
        return;
    free(result->output);
    free(result->error_output);
    *result = (struct process_result){.wait_status = 0};
}

int process_exit_code(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

bool process_is_success(int wait_status)
{
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
}

/* Receives notifications of trapped calls and answers them: seccomp_unotify(2). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-runnerd/runner.h"

/* linux/seccomp.h, newer than that of Debian 12 */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

#define JOURNAL_SIZE (CALLS_MAX * sizeof(union journal_entry))

int listener_open_journal(struct runner *runner, struct error *err)
{
    struct seccomp_notif_sizes sizes;
    if (sys_seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0 ||
        sizes.seccomp_notif > sizeof(union journal_entry) ||
        sizes.seccomp_notif_resp < sizeof(struct seccomp_notif_resp))
        return error_set(err, EPROTO, "this kernel's notifications are not those we know");
    cleanup_fd int fd = open(RUNNER_JOURNAL, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    void *journal = fd < 0 || ftruncate(fd, JOURNAL_SIZE) < 0
                        ? MAP_FAILED
                        : mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (journal == MAP_FAILED)
        return error_set(err, errno, "open '" RUNNER_JOURNAL "'");
    runner->calls.journal = journal;
    return 0;
}

struct seccomp_notif *listener_notification(const struct call *call)
{
    const struct calls *calls = &call->runner->calls;
    return &calls->journal[call - calls->rows].notification;
}

static void forget(const struct call *call)
{
    struct calls *calls = &call->runner->calls;
    memset(&calls->journal[call - calls->rows], 0, sizeof(union journal_entry));
}

void listener_move(const struct call *from, const struct call *to)
{
    *listener_notification(to) = *listener_notification(from);
    forget(from);
}

/* The kernel does not make these again after a signal: lib/base/wait_limit.h. */
static int tell_kernel(const struct call *call, unsigned long request, void *what)
{
    int result;
    do
        result = ioctl(call->runner->calls.listener.fd, request, what);
    while (result < 0 && errno == EINTR);
    return result;
}

bool listener_is_waiting(const struct call *call)
{
    uint64_t id = listener_notification(call)->id;
    return id != 0 && tell_kernel(call, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

void listener_answer(struct call *call, int error)
{
    struct seccomp_notif_resp response = {
        .id = listener_notification(call)->id,
        .error = -error,
        .flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0,
    };
    /* ENOENT: the caller died, or a signal took it out of the call; there is nobody to tell. */
    if (response.id != 0)
        (void)tell_kernel(call, SECCOMP_IOCTL_NOTIF_SEND, &response);
    forget(call);
}

void listener_pause(struct runner *runner)
{
    const struct calls *calls = &runner->calls;
    if (calls->listener.fd >= 0)
        watch_change(&calls->listener, calls->is_full || runner->is_gated ? 0 : EPOLLIN);
}

/* The next notification, in a row of its own; NULL when there is none, or no row. */
static struct call *receive(struct runner *runner)
{
    struct calls *calls = &runner->calls;
    struct call *call = calls_take(runner);
    if (call == NULL) { /* looked at again when a row is free */
        ticket_make_room(runner);
        calls->is_full = true;
        listener_pause(runner);
        return NULL;
    }
    /* ENOENT: the caller was killed since it was looked. */
    if (ioctl(calls->listener.fd, SECCOMP_IOCTL_NOTIF_RECV, listener_notification(call)) == 0)
        return call;
    calls_free(call);
    return NULL;
}

/* A call that waits to be received can be interrupted by a signal, so all are before one is judged.
 */
static void on_notification(void *context, uint32_t events)
{
    struct runner *runner = context;
    struct call *received[RECEIVE_BATCH];
    struct pollfd more = {.fd = runner->calls.listener.fd, .events = POLLIN, .revents = POLLIN};
    size_t count = 0;
    if ((events & EPOLLIN) == 0) { /* nobody below the filter is left */
        (void)notice_tell(runner->notify, INIT_NOTICE_REMOVE, -1);
        watch_close(&runner->calls.listener);
        return;
    }
    while (count < RECEIVE_BATCH && (more.revents & POLLIN) != 0 &&
           (received[count] = receive(runner)) != NULL) {
        count++;
        (void)poll(&more, 1, 0);
    }
    for (size_t i = 0; i < count; i++)
        calls_begin(received[i]);
}

/* What the runner before this one had received and not answered, judged as if it came now. */
static void resume_owed(struct runner *runner)
{
    struct calls *calls = &runner->calls;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        struct call *call = &calls->rows[i];
        if (calls->journal[i].notification.id == 0)
            continue;
        *call = (struct call){.runner = runner, .end = WATCH_NONE};
        if (!listener_is_waiting(call)) {
            forget(call);
            continue;
        }
        call->state = CALL_DELAYED;
        if (calls->end <= i)
            calls->end = i + 1;
        calls_begin(call);
    }
}

int listener_adopt(struct runner *runner, int fd)
{
    struct calls *calls = &runner->calls;
    if (calls->listener.fd >= 0)
        return -EBUSY;
    /* Until a call is received, signals interrupt it: the caller's CPU is ours at once. Linux 6.6;
     * before, only the odds are worse. */
    (void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    int result = watch_begin(&calls->listener, &runner->loop, fd, on_notification, runner);
    if (result < 0)
        return result;
    listener_pause(runner);
    resume_owed(runner);
    return 0;
}

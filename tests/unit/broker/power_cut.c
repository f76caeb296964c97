/* Follows a broker call by call, keeps what it synced, and kills it. */
#include "tests/unit/broker/power_cut.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "tests/fault/tracee.h"

#define CALL_STOP (SIGTRAP | 0x80)

/* The call between its two stops. */
struct call {
    uint64_t number;
    char path[PATH_MAX]; /* of its first argument, if that is a descriptor; "" otherwise */
    bool is_skipped;
    int result; /* of a skipped one */
};

static bool read_whole(const char *path, struct power_cut_file *file)
{
    struct stat status;
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &status) < 0)
        return false;
    ssize_t count = S_ISREG(status.st_mode) ? read(fd, file->bytes, sizeof(file->bytes)) : -1;
    file->inode = status.st_ino;
    file->size = count > 0 ? (size_t)count : 0;
    return count >= 0;
}

static struct power_cut_file *by_inode(struct power_cut_file *files, ino_t inode)
{
    for (size_t i = 0; i < POWER_CUT_FILES; i++) {
        if (files[i].name[0] != '\0' && files[i].inode == inode)
            return &files[i];
    }
    return NULL;
}

static struct power_cut_file *free_row(struct power_cut_file *files)
{
    for (size_t i = 0; i < POWER_CUT_FILES; i++) {
        if (files[i].name[0] == '\0')
            return &files[i];
    }
    return NULL;
}

/* The bytes are on the disk now, wherever their names are. */
static void sync_file(struct power_cut *cut, const char *path)
{
    struct power_cut_file now = {.name = "?"};
    if (!read_whole(path, &now))
        return;
    struct power_cut_file *row = by_inode(cut->synced, now.inode);
    if (row == NULL)
        row = free_row(cut->synced);
    if (row != NULL)
        *row = now;
    row = by_inode(cut->named, now.inode);
    if (row != NULL) {
        row->size = now.size;
        memcpy(row->bytes, now.bytes, sizeof(row->bytes));
    }
}

/* The names are on the disk now, each with what of its bytes is. */
static void sync_names(struct power_cut *cut)
{
    cleanup_directory DIR *directory = opendir(cut->directory);
    const struct dirent *entry;
    memset(cut->named, 0, sizeof(cut->named));
    for (size_t i = 0; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (entry->d_type != DT_REG || i == POWER_CUT_FILES)
            continue;
        const struct power_cut_file *bytes = by_inode(cut->synced, entry->d_ino);
        if (bytes != NULL)
            cut->named[i] = *bytes;
        cut->named[i].inode = entry->d_ino;
        snprintf(cut->named[i++].name, sizeof(cut->named[0].name), "%.63s", entry->d_name);
    }
}

static void sync_path(struct power_cut *cut, const char *path)
{
    size_t length = strlen(cut->directory);
    const char *slash = strrchr(cut->directory, '/');
    size_t parent = (size_t)(slash - cut->directory);
    if (strcmp(path, cut->directory) == 0)
        sync_names(cut);
    else if (strncmp(path, cut->directory, length) == 0 && path[length] == '/')
        sync_file(cut, path);
    else if (strncmp(path, cut->directory, parent) == 0 && path[parent] == '\0')
        cut->is_there = access(cut->directory, F_OK) == 0;
}

static bool is_sync(uint64_t number)
{
    return number == SYS_fsync || number == SYS_fdatasync;
}

/* What changes the disk, and what others hear of. */
static bool does_matter(const struct power_cut *cut, const struct call *call)
{
    static const uint64_t numbers[] = {SYS_sendmsg,   SYS_sendto,   SYS_fsync,
                                       SYS_fdatasync, SYS_renameat, SYS_renameat2,
                                       SYS_unlinkat,  SYS_mkdirat,  SYS_ftruncate,
#ifdef SYS_rename
                                       SYS_rename,    SYS_mkdir
#endif
    };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        if (call->number == numbers[i])
            return true;
    }
    return call->number == SYS_write &&
           strncmp(call->path, cut->directory, strlen(cut->directory)) == 0;
}

static void on_entry(struct power_cut *cut, const struct __ptrace_syscall_info *info,
                     struct call *call)
{
    char link[64];
    const struct tracee tracee = {.tid = cut->pid};
    *call = (struct call){.number = info->entry.nr};
    snprintf(link, sizeof(link), "/proc/%d/fd/%d", cut->pid, (int)info->entry.args[0]);
    ssize_t length = readlink(link, call->path, sizeof(call->path) - 1);
    call->path[length > 0 ? length : 0] = '\0';
    bool is_burn = call->number == SYS_write && strstr(call->path, "/burnt") != NULL;
    if (cut->flaw == FLAW_NO_SYNC && is_sync(call->number))
        call->is_skipped = true;
    if (cut->flaw == FLAW_NO_BURN && is_burn) {
        call->is_skipped = true;
        call->result = (int)info->entry.args[2];
    }
    if (call->is_skipped)
        (void)tracee_skip_call(&tracee);
}

static void on_exit_of(struct power_cut *cut, const struct __ptrace_syscall_info *info,
                       const struct call *call)
{
    const struct tracee tracee = {.tid = cut->pid};
    if (call->is_skipped)
        (void)tracee_fail_call(&tracee, -call->result);
    else if (is_sync(call->number) && info->exit.rval == 0)
        sync_path(cut, call->path);
}

/* One stop of a call. */
static void on_stop(struct power_cut *cut, struct call *call)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, cut->pid, sizeof(info), &info) < 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        on_entry(cut, &info, call);
    else
        on_exit_of(cut, &info, call);
    /* Others are not as many each time: of waiting, of memory. */
    if (!cut->counts_all && !does_matter(cut, call))
        return;
    if (++cut->stops == cut->at)
        kill(cut->pid, SIGKILL);
}

static void *follow(void *argument)
{
    struct power_cut *cut = argument;
    struct call call = {.number = 0};
    bool is_broker = false;
    int status = 0;
    if (read(cut->announced, &cut->pid, sizeof(cut->pid)) != (ssize_t)sizeof(cut->pid))
        return NULL;
    uintptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, cut->pid, NULL, options) < 0 ||
        ptrace(PTRACE_INTERRUPT, cut->pid, NULL, NULL) < 0 || fd_write_all(cut->gate, "", 1) < 0)
        return NULL;
    while (waitpid(cut->pid, &status, __WALL) == cut->pid && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        is_broker = is_broker || status >> 16 == PTRACE_EVENT_EXEC;
        if (signal == CALL_STOP && is_broker)
            on_stop(cut, &call);
        /* Nothing of it is a signal of its own but those without an event. */
        bool is_own = signal != CALL_STOP && status >> 16 == 0;
        (void)ptrace(PTRACE_SYSCALL, cut->pid, NULL, (uintptr_t)(is_own ? signal : 0));
    }
    return NULL;
}

void power_cut_begin(struct power_cut *cut, struct stage *stage)
{
    int announce[2], gate[2];
    assert_int_equal(path_format(cut->directory, "%s/broker", stage->state), 0);
    assert_int_equal(pipe2(announce, O_CLOEXEC), 0);
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    cut->announced = announce[0];
    cut->gate = gate[1];
    stage->announce = announce[1];
    stage->gate = gate[0];
    assert_int_equal(pthread_create(&cut->thread, NULL, follow, cut), 0);
}

void power_cut_end(struct power_cut *cut, struct stage *stage)
{
    kill(stage->pid, SIGKILL);
    pthread_join(cut->thread, NULL);
    cleanup_close(&cut->announced);
    cleanup_close(&cut->gate);
    cleanup_close(&stage->announce);
    cleanup_close(&stage->gate);
    stage_kill(stage);
}

static void write_back(const struct power_cut *cut, const struct power_cut_file *file)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/%s", cut->directory, file->name), 0);
    support_write(path, file->bytes, file->size);
    assert_int_equal(chmod(path, 0600), 0);
}

/* Of what was not synced, a half: names are all there. */
static void tear(const struct power_cut *cut)
{
    cleanup_directory DIR *directory = opendir(cut->directory);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[PATH_MAX];
        struct power_cut_file now;
        size_t kept = 0;
        assert_int_equal(path_format(path, "%s/%s", cut->directory, entry->d_name), 0);
        if (entry->d_type != DT_REG || !read_whole(path, &now))
            continue;
        for (size_t i = 0; i < POWER_CUT_FILES; i++) {
            const struct power_cut_file *row = &cut->synced[i];
            if (row->name[0] != '\0' && row->inode == now.inode && row->size <= now.size)
                kept = row->size;
        }
        assert_int_equal(truncate(path, (off_t)(kept + (now.size - kept) / 2)), 0);
    }
}

void power_cut_restore(const struct power_cut *cut, enum power_cut_disk disk)
{
    if (disk == DISK_KEEPS_ALL || access(cut->directory, F_OK) < 0)
        return;
    if (disk == DISK_TEARS) {
        tear(cut);
        return;
    }
    assert_int_equal(path_remove_tree(AT_FDCWD, cut->directory, NULL), 0);
    if (!cut->is_there)
        return;
    assert_int_equal(mkdir(cut->directory, 0700), 0);
    for (size_t i = 0; i < POWER_CUT_FILES; i++) {
        if (cut->named[i].name[0] != '\0')
            write_back(cut, &cut->named[i]);
    }
}

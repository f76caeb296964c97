/* ps, kill, logs, status and reload: questions to the runner. */
#include "sandbox/agent-task-runnerctl/requests.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/unix_message.h"
#include "sandbox/agent-task-runnerctl/outcome.h"
#include "sandbox/agent-task-runnerctl/print.h"
#include "sandbox/agent-task-runnerctl/signal_names.h"
#include "sandbox/task-client/connection.h"

#define COPY_SIZE 65536
/* Between looks whether a log has grown. */
#define FOLLOW_MS 200

/* What is asked, and what becomes of the answer. */
struct question {
    struct task_request request;
    void (*take)(void *context, const union task_message_of_runner *message); /* NULL: no rows */
    void *context;
    int *fd; /* owned by the asker; NULL: none is expected */
};

static struct task_request make_request(enum task_message type, const char *id)
{
    struct task_request request = {
        .header = {.version = TASK_PROTOCOL_VERSION, .type = (uint32_t)type}};

    snprintf(request.id, sizeof(request.id), "%s", id == NULL ? "" : id);
    return request;
}

/* 1 while more is to come. */
static int take_answer(const struct question *question, int connection, struct error *err)
{
    union task_message_of_runner message;
    cleanup_fd int fd = -1;
    int result = task_receive_any(connection, &message, &fd);

    if (result < 0)
        return error_set(err, -result, "hear from the task runner");
    if (message.header.type == TASK_ERROR)
        return error_set(err, EPROTO, "%s", message.reply.text);
    if (message.header.type == TASK_END) {
        if (question->fd != NULL)
            *question->fd = steal_fd(&fd);
        return 0;
    }
    if (question->take != NULL)
        question->take(question->context, &message);
    return 1;
}

static int ask(const struct runnerctl *runnerctl, const struct question *question,
               struct error *err)
{
    const struct unix_message message = {.data = &question->request,
                                         .size = sizeof(question->request)};
    cleanup_fd int connection = task_connect(runnerctl->socket, TASK_CLIENT_PATIENCE_MS, err);
    int result;

    if (connection < 0)
        return connection;
    result = unix_message_send(connection, &message);
    if (result < 0)
        return error_set(err, -result, "ask the task runner");
    do
        result = take_answer(question, connection, err);
    while (result > 0);
    return result;
}

typedef void row_function(void *context, const union task_message_of_runner *message);

static int ask_for_rows(const struct runnerctl *runnerctl, row_function *take, void *context,
                        struct error *err)
{
    union task_message_of_runner row = {.header = {.version = 0}};
    cleanup_fd int list = -1;
    const struct question question = {.request = make_request(TASK_LIST, NULL), .fd = &list};
    int result = ask(runnerctl, &question, err);

    if (result < 0)
        return result;
    for (size_t i = 0; (result = task_read_row(list, i, &row)) > 0; i++)
        take(context, &row);
    return result < 0 ? error_set(err, -result, "read the list of tasks") : 0;
}

int runnerctl_ps(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    struct print print = {.is_json = runnerctl->is_json};
    int result;

    (void)exit_code;
    print_begin(&print);
    result = ask_for_rows(runnerctl, print_row, &print, err);
    print_end(&print, result == 0);
    return result;
}

int runnerctl_status(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    struct print print = {.is_json = runnerctl->is_json};
    const struct question question = {
        .request = make_request(TASK_STATUS, NULL), .take = print_status, .context = &print};

    (void)exit_code;
    return ask(runnerctl, &question, err);
}

int runnerctl_reload(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    const struct question question = {.request = make_request(TASK_RELOAD, NULL)};

    (void)exit_code;
    return ask(runnerctl, &question, err);
}

int runnerctl_kill(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    struct question question = {.request = make_request(TASK_KILL, runnerctl->arguments[0])};
    const char *name = runnerctl->arguments[1];
    int signal = name == NULL ? 0 : signal_from_name(name);

    (void)exit_code;
    if (signal < 0)
        return error_set(err, EINVAL, "'%s' is no signal", name);
    question.request.signal = (uint32_t)signal;
    int result = ask(runnerctl, &question, err);
    if (result == 0 && runnerctl->is_json)
        outcome_print_kill(runnerctl->arguments[0], signal);
    return result;
}

static int copy_out(int fd, off_t *offset, struct error *err)
{
    char data[COPY_SIZE];
    ssize_t count;
    int result = 0;

    /* Others may have been given the same open file. */
    while (result == 0 && (count = pread(fd, data, sizeof(data), *offset)) > 0) {
        *offset += count;
        result = fd_write_all(STDOUT_FILENO, data, (size_t)count);
    }
    return result < 0 ? error_set(err, -result, "write") : 0;
}

struct search {
    const char *id;
    bool is_found;
};

static void find_row(void *context, const union task_message_of_runner *message)
{
    struct search *search = context;

    if (strcmp(message->row.id, search->id) == 0)
        search->is_found = true;
}

/* All of it, for a document; a sandbox keeps no more than a mebibyte. */
static int print_log(const char *id, int fd, struct error *err)
{
    struct stat status;
    ssize_t count = -1;
    cleanup_free char *data = NULL;

    if (fstat(fd, &status) == 0)
        data = malloc((size_t)status.st_size + 1);
    if (data != NULL)
        count = pread(fd, data, (size_t)status.st_size, 0);
    if (count < 0)
        return error_set(err, errno, "read the log");
    outcome_print_log(id, data, (size_t)count);
    return 0;
}

int runnerctl_logs(const struct runnerctl *runnerctl, int *exit_code, struct error *err)
{
    struct search search = {.id = runnerctl->arguments[0], .is_found = runnerctl->is_following};
    cleanup_fd int fd = -1;
    const struct question logs = {.request = make_request(TASK_LOGS, search.id), .fd = &fd};
    off_t offset = 0;
    int result = ask(runnerctl, &logs, err);

    (void)exit_code;
    if (result == 0 && fd < 0)
        result = error_set(err, EPROTO, "the task runner sent no log");
    while (result == 0 && search.is_found) {
        search.is_found = false;
        result = ask_for_rows(runnerctl, find_row, &search, err);
        if (result == 0 && !runnerctl->is_json)
            result = copy_out(fd, &offset, err);
        if (result == 0 && search.is_found)
            (void)poll(NULL, 0, FOLLOW_MS);
    }
    if (result < 0)
        return result;
    return runnerctl->is_json ? print_log(search.id, fd, err) : copy_out(fd, &offset, err);
}

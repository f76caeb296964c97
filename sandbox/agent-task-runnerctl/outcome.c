/* Outcomes as JSON objects, each with its newline. */
#include "sandbox/agent-task-runnerctl/outcome.h"

#include <jansson.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agent-task-runnerctl/print.h"

/* Takes DOCUMENT. */
static void print(int fd, json_t *document)
{
    cleanup_free char *text = json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(document);
    if (text == NULL)
        return;
    fd_write_text(fd, text);
    fd_write_text(fd, "\n");
}

static json_t *begin(const char *id)
{
    return json_pack("{s:i, s:s*}", "version", TASK_PROTOCOL_VERSION, "id",
                     id[0] == '\0' ? NULL : id);
}

static void set_end(json_t *document, const struct task_ending *ending)
{
    int status = ending->wait_status;
    const char *word = ending->is_lost ? "lost" : WIFSIGNALED(status) ? "signalled" : "exited";

    json_object_set_new(document, "outcome", json_string(word));
    if (WIFSIGNALED(status))
        json_object_set_new(document, "signal", json_integer(WTERMSIG(status)));
    else
        json_object_set_new(document, "exit_code", json_integer(WEXITSTATUS(status)));
}

static void set_refusal(json_t *document, const struct task_reply *reply)
{
    const char *word = reply->header.type == TASK_DENIED   ? "denied"
                       : reply->header.type == TASK_FAILED ? "failed"
                                                           : "refused";

    json_object_set_new(document, "outcome", json_string(word));
    json_object_set_new(document, "exit_code", json_integer(task_session_refusal_code(reply)));
    json_object_set_new(document, "reason",
                        print_text(reply->text, strnlen(reply->text, sizeof(reply->text))));
}

void outcome_print(int fd, const struct task_ending *ending)
{
    json_t *document = begin(ending->reply.id);

    if (ending->has_run)
        set_end(document, ending);
    else
        set_refusal(document, &ending->reply);
    print(fd, document);
}

void outcome_print_kill(const char *id, int signal)
{
    json_t *document = begin(id);

    if (signal != 0)
        json_object_set_new(document, "signal", json_integer(signal));
    json_object_set_new(document, "ends_sandbox", json_boolean(signal == 0));
    print(STDOUT_FILENO, document);
}

void outcome_print_log(const char *id, const char *data, size_t size)
{
    json_t *document = begin(id);

    json_object_set_new(document, "size", json_integer((json_int_t)size));
    json_object_set_new(document, "log", print_text(data, size));
    print(STDOUT_FILENO, document);
}

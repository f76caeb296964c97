/* Opens the audit log of a session by the session's name, and says what is wrong with a log. */
#include "host-shim/commands/exec_session.h"

#include <errno.h>

#include "lib/base/path.h"

static int open_list(const char *session, struct exec_list *list, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    int result = session_state_directory(session, directory, err);
    if (result == 0 && path_format(path, "%s/events.jsonl", directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the audit log");
    return result < 0 ? result : exec_list_open(list, path, err);
}

int exec_session_open(const struct command_line *line, const char *text,
                      struct session_state **state, struct exec_list *list)
{
    struct error err = ERROR_INITIALIZER;
    if (session_find(text, state, &err) < 0)
        return command_fail(line, &err, EXIT_SESSION);
    int result = open_list((*state)->session, list, &err);
    if (result == 0)
        return 0;
    session_state_free(*state);
    *state = NULL;
    return command_fail(line, &err, result == -ENOENT ? EXIT_SESSION : EXIT_AUDIT);
}

int exec_session_read(struct exec_list *list, bool *is_live, struct error *err)
{
    /* Asked before: what is written in between is read all the same. */
    *is_live = exec_list_is_live(list);
    int result = exec_list_read(list, err);
    if (result == 0 && !*is_live)
        exec_list_end(list);
    return result;
}

static void tell_malformed(const struct command_line *line, const struct exec_list *list)
{
    for (size_t i = 0; i < list->malformed_count; i++) {
        struct error err = ERROR_INITIALIZER;
        error_set(&err, EPROTO, "line %llu of the audit log is no record, and was left out",
                  (unsigned long long)list->malformed[i]);
        (void)command_fail(line, &err, EXIT_AUDIT);
    }
    if (list->malformed_more == 0)
        return;
    struct error err = ERROR_INITIALIZER;
    error_set(&err, EPROTO, "%llu more lines of the audit log are no records, and were left out",
              (unsigned long long)list->malformed_more);
    (void)command_fail(line, &err, EXIT_AUDIT);
}

int exec_session_judge_log(const struct command_line *line, const struct exec_list *list)
{
    if (list->damage.number == 0)
        return 0;
    struct error err = list->damage;
    tell_malformed(line, list);
    error_prefix(&err, "the audit log is damaged, and proves nothing from line %llu on",
                 (unsigned long long)list->chain.count + 1);
    return command_fail(line, &err, EXIT_AUDIT);
}

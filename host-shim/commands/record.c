/* coding-agents record: the commands of a session, from its audit log. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/exec_session.h"
#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/printable.h"

#define POLL_MS 200

struct output {
    struct exec_list list;
    struct exec_filter filter;
    bool is_json;
    bool is_following;
    bool is_whole;           /* everything, and as it was executed */
    struct exec_agent agent; /* whose own commands are only counted, unless it is whole */
    uint64_t owned;          /* of them */
};

static int read_filter(const struct command_line *line, struct exec_filter *filter,
                       struct error *err)
{
    const char *tier = command_value(line, "tier");
    const char *since = command_value(line, "since");
    filter->is_denied = command_has(line, "denied");
    filter->is_failed = command_has(line, "failed");
    filter->program = command_value(line, "program");
    if (filter->program != NULL && exec_filter_program(filter->program, err) < 0)
        return -EINVAL;
    if (tier != NULL) {
        filter->tier = exec_filter_tier(tier, err);
        if (filter->tier < 0)
            return filter->tier;
    }
    return since == NULL ? 0
                         : exec_filter_since(since, clock_realtime_ns(), &filter->since_ns, err);
}

/*
 * True when ENTRY is to be shown now. Who follows is told of a running command once, and a script
 * not before its end.
 */
static bool is_due(const struct output *output, const struct exec_entry *entry)
{
    if (!output->is_following || (entry->state != EXEC_RUNNING && entry->state != EXEC_ASKING))
        return entry->is_changed;
    return !output->is_json && !entry->is_announced;
}

static int print(const struct output *output, const json_t *view)
{
    if (!output->is_json)
        exec_view_print(stdout, view, output->is_whole);
    else if (json_dumpf(view, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) < 0)
        return -EIO;
    else
        putchar('\n');
    return ferror(stdout) ? -EIO : 0;
}

/* True when VIEW is shown; what is only counted is counted. */
static bool is_wanted(struct output *output, const json_t *view)
{
    if (!exec_filter_matches(&output->filter, view))
        return false;
    if (output->is_json || output->is_whole || !exec_view_is_own(view, &output->agent))
        return true;
    output->owned++;
    return false;
}

/* What ran inside a command that is followed is shown with its end. 0 or -errno. */
static int show(struct output *output, struct exec_entry *entry)
{
    bool is_complete =
        !output->is_following || (entry->state != EXEC_RUNNING && entry->state != EXEC_ASKING);
    entry->is_changed = false;
    entry->is_announced = true;
    json_t *view = exec_view_json(&output->list, entry);
    if (view == NULL)
        return -ENOMEM;
    if (is_complete)
        exec_entry_forget_nested(entry);
    else
        json_array_clear(json_object_get(view, "nested"));
    int result = is_wanted(output, view) ? print(output, view) : 0;
    json_decref(view);
    return result;
}

static int show_changed(struct output *output)
{
    struct exec_list *list = &output->list;
    int result = 0;
    for (size_t i = 0; i < list->count && result == 0; i++)
        if (is_due(output, &list->entries[i]))
            result = show(output, &list->entries[i]);
    return result == 0 && fflush(stdout) == EOF ? -EIO : result;
}

/* Shows what the log has now, and while OUTPUT follows, what is added until nobody can add. */
static int run(struct output *output, struct error *err)
{
    struct exec_list *list = &output->list;
    bool is_live;
    int result;
    if (!output->is_json)
        exec_view_print_title(stdout);
    do {
        result = exec_session_read(list, &is_live, err);
        if (result < 0)
            return result;
        result = show_changed(output);
        if (is_live && output->is_following)
            (void)poll(NULL, 0, POLL_MS);
    } while (result == 0 && is_live && output->is_following);
    if (output->owned > 0)
        printf("left out: %" PRIu64 " that the agent's program runs for itself; --all shows them\n",
               output->owned);
    return result < 0 ? error_set(err, -result, "show the commands") : 0;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_state *state = NULL;
    struct error err = ERROR_INITIALIZER;
    command_begin("record", argc, argv, &line);
    struct output output = {
        .is_json = command_has(&line, "json"),
        .is_following = command_has(&line, "follow"),
        .is_whole = command_has(&line, "all"),
    };
    if (read_filter(&line, &output.filter, &err) < 0)
        return command_fail(&line, &err, EXIT_USAGE);
    int code = exec_session_open(&line, line.arguments[0], &state, &output.list);
    if (code != 0)
        return code;
    if (exec_view_find_agent(state->agent, &output.agent, &err) < 0 || run(&output, &err) < 0)
        code = command_fail(&line, &err, EXIT_HOST_INTERNAL);
    else
        code = exec_session_judge_log(&line, &output.list);
    session_state_free(state);
    exec_list_close(&output.list);
    return code;
}

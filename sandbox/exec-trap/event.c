/* Makes exec events of verdicts and of execs inside sandboxes, and lines of events. */
#include "sandbox/exec-trap/event.h"

#include <stdio.h>
#include <string.h>

void event_of_verdict(const struct task_verdict *verdict, struct task_row *row,
                      struct exec_event *event)
{
    *event = verdict->event;
    event->kind = event->action == TASK_ACTION_ASK ? EXEC_EVENT_ASK : EXEC_EVENT_START;
    event->uid = row->caller_uid;
    event->pid = row->caller_pid;
    memcpy(event->id, row->id, sizeof(event->id));
    row->argument_count = event->argument_count;
    row->arguments_size = event->arguments_size < sizeof(row->arguments)
                              ? event->arguments_size
                              : (uint32_t)sizeof(row->arguments);
    memcpy(row->arguments, verdict + 1, row->arguments_size);
    memcpy(row->rule, event->rule, sizeof(row->rule));
}

void event_of_nested(const struct task_nested *nested, const struct task_row *row,
                     struct exec_event *event)
{
    *event = (struct exec_event){.kind = EXEC_EVENT_NESTED,
                                 .uid = row->caller_uid,
                                 .pid = nested->pid,
                                 .action = nested->action,
                                 .tier = nested->tier,
                                 .lost = nested->lost,
                                 .argument_count = nested->argument_count,
                                 .arguments_total = nested->arguments_size,
                                 .arguments_size = nested->arguments_size};
    memcpy(event->id, row->id, sizeof(event->id));
    memcpy(event->rule, nested->rule, sizeof(event->rule));
    memcpy(event->program, nested->program, sizeof(event->program));
    memcpy(event->profile, row->profile, sizeof(event->profile));
}

void event_of_direct(const struct task_direct *rule, const struct direct_strings *arguments,
                     struct exec_event *event)
{
    *event = (struct exec_event){.kind = EXEC_EVENT_START,
                                 .action = TASK_ACTION_DIRECT,
                                 .arguments_total = (uint32_t)arguments->size,
                                 .arguments_size = (uint32_t)arguments->size};
    memcpy(event->rule, rule->rule, sizeof(event->rule));
    memcpy(event->program, rule->program, sizeof(rule->program));
    for (size_t i = 0; i < arguments->size; i++)
        event->argument_count += arguments->data[i] == '\0';
    if (arguments->size > TASK_ARGUMENTS_SHOWN)
        event->arguments_size = TASK_ARGUMENTS_SHOWN;
}

void event_of_refusal(const char *path, int error, const char *why, struct exec_event *event)
{
    *event = (struct exec_event){.kind = EXEC_EVENT_REFUSED, .error = (uint32_t)error};
    snprintf(event->text, sizeof(event->text), "%s", why);
    snprintf(event->program, sizeof(event->program), "%s", path);
}

void event_deny(struct exec_event *event, const char *why)
{
    char reason[TASK_TEXT_SIZE];
    memcpy(reason, event->text, sizeof(reason));
    event->action = TASK_ACTION_DENY;
    int length =
        snprintf(event->text, sizeof(event->text), "denied by rule %s: %s", event->rule, why);
    if (length > 0 && (size_t)length < sizeof(event->text) - 2 && reason[0] != '\0')
        snprintf(event->text + length, sizeof(event->text) - (size_t)length, ": %.*s",
                 (int)(sizeof(event->text) - (size_t)length) - 3, reason);
}

void event_format(const struct exec_event *event, char line[EVENT_LINE_SIZE])
{
    static const char *const kinds[] = {"?", "start", "end", "nested", "refused", "ask"};
    snprintf(line, EVENT_LINE_SIZE, "exec %s %s uid %u pid %d rule %s status %u %s%s%s",
             kinds[event->kind], event->id[0] == '\0' ? "-" : event->id, event->uid, event->pid,
             event->rule[0] == '\0' ? "-" : event->rule,
             event->kind == EXEC_EVENT_END ? event->wait_status : event->error, event->program,
             event->text[0] == '\0' ? "" : ": ", event->text);
}

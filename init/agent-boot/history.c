/* What both ways of an agent's history share. */
#include "init/agent-boot/history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "init/agent-boot/report.h"

const char *const history_environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};

/* No error of the step: the session is worth more than its history. */
int history_go_on_without(struct boot_context *context, const char *direction, const char *why)
{
    boot_set_detail(context, "%s refused: %.200s", direction, why);
    return BOOT_SKIPPED;
}

/* The same, on record; what the keeper refused it has recorded itself. */
int history_refuse(struct boot_context *context, const char *direction, const char *why)
{
    report_event(context, AUDIT_DATA_REFUSED,
                 json_pack("{s:s, s:s}", "direction", direction, "message", why));
    return history_go_on_without(context, direction, why);
}

void history_parse_report(char *text, struct history_report *report)
{
    *report = (struct history_report){.files = 0};
    for (char *at = text; *at != '\0'; at++)
        if ((*at < ' ' && *at != '\n') || *at > '~')
            *at = '?';
    if (sscanf(text, "files %llu bytes %llu left %llu manifest %64[0-9a-f]", &report->files,
               &report->bytes, &report->left_out, report->manifest) >= 3)
        return;
    text[strcspn(text, "\n")] = '\0';
    snprintf(report->failed, sizeof(report->failed), "%s",
             text[0] != '\0' ? text : "agent-data said nothing");
}

int history_ask(const struct boot_context *context, struct data_exchange *exchange,
                struct error *err)
{
    uint64_t left = boot_remaining_ms(context);
    exchange->channel = context->channel_fd;
    exchange->is_cancelled = boot_is_interrupted;
    if (exchange->timeout_ms == 0 || exchange->timeout_ms > left)
        exchange->timeout_ms = (uint32_t)left;
    return data_exchange_run(exchange, err);
}

/* The terms of ACTION. 0 with OUTCOME, or -errno. */
int history_ask_terms(const struct boot_context *context, enum data_action action,
                      struct data_terms *terms, struct data_exchange *exchange, struct error *err)
{
    /* An archive has to be made first; what is to come needs no more than a place. */
    *exchange =
        (struct data_exchange){.action = action,
                               .answer = terms,
                               .answer_size = sizeof(*terms),
                               .timeout_ms = action == DATA_EXPORT_BEGIN ? HISTORY_ANSWER_MS : 0};
    int result = history_ask(context, exchange, err);
    if (result == 0 && exchange->outcome == DATA_DONE && exchange->answer_count != sizeof(*terms))
        return error_set(err, EPROTO, "the keeper's answer is too short");
    return result;
}

/* Why this session has nothing to do with any; NULL: it may have. */
const char *history_reason_without(const struct boot_context *context)
{
    return context->manifest == NULL ? "no session"
           : context->is_unwinding   ? "nothing ran"
           : context->channel_fd < 0 ? "no keeper"
                                     : NULL;
}

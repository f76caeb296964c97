/*
 * The history step: what the agent left in earlier sessions comes from the keeper and goes to a
 * program that runs as the agent does; at shutdown that program packs what the agent leaves, and it
 * goes back. Boot hands bytes over and reads none of them. Whatever becomes of it, the session goes
 * on.
 */
#ifndef BOOT_HISTORY_H
#define BOOT_HISTORY_H

#include "init/agent-boot/boot.h"
#include "lib/wire/data_message.h"

#define HISTORY_PROGRAM BOOT_LIBEXEC "/agent-data"
#define HISTORY_OUTPUT_SIZE 2048
/* The keeper answers from memory or its disk; making and merging an archive take longer. */
#define HISTORY_ANSWER_MS 5000

extern const char *const history_environment[];

/* What the program says: a line of counts, or why it failed. */
struct history_report {
    unsigned long long files;
    unsigned long long bytes;
    unsigned long long left_out;
    char manifest[MANIFEST_DIGEST_SIZE];
    char failed[BOOT_DETAIL_SIZE];
};

/* Reads what the program printed, which is a claim of somebody who read what the agent wrote. TEXT
 * is changed. */
void history_parse_report(char *text, struct history_report *report);

/* Why this session has nothing to do with any; NULL: it may have. Borrowed. */
const char *history_reason_without(const struct boot_context *context);

/* Asks the keeper, within the step's time and the exchange's own, if it has one. 0 or -errno. */
int history_ask(const struct boot_context *context, struct data_exchange *exchange,
                struct error *err);

/* Asks for the terms of ACTION. 0 with the outcome in EXCHANGE, or -errno. */
int history_ask_terms(const struct boot_context *context, enum data_action action,
                      struct data_terms *terms, struct data_exchange *exchange, struct error *err);

/* The session goes on without: no error of the step. history_refuse records it as well; what the
 * keeper refused it has recorded itself. BOOT_SKIPPED. */
int history_go_on_without(struct boot_context *context, const char *direction, const char *why);
int history_refuse(struct boot_context *context, const char *direction, const char *why);

#endif

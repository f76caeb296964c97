/* What boot tells: lines for a person on stderr, events for the audit log over the root channel. */
#ifndef BOOT_REPORT_H
#define BOOT_REPORT_H

#include <jansson.h>

#include "init/agent-boot/boot.h"
#include "lib/wire/audit.h"

/* Sends EVENT with FIELDS (takes the reference). Without a keeper the line goes to stderr. Never
 * fails the boot. */
void report_event(struct boot_context *context, enum audit_event event, json_t *fields);

/* The head line: the version that boots. */
void report_head(void);

/* One step's outcome ("up", "skipped", "refused", "down", "failed") with its duration in
 * microseconds. */
void report_step(struct boot_context *context, const struct boot_step *step, const char *outcome,
                 uint64_t duration_us);

/* The last line of a boot, with fallbacks in force. */
void report_ready(struct boot_context *context, uint64_t duration_us);

/* A refusal: one sentence naming the step, the cause and the remedy. EXIT_CODE is what boot ends
 * with: the step's own, or 128 + TERM when it was stopped. */
void report_refusal(struct boot_context *context, const struct boot_step *step, int exit_code,
                    const struct error *err);

/* A line of progress of the running step, for steps that last longer than a second. */
void report_progress(const char *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

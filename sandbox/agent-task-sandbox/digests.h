/*
 * Digests of programs that were read already, in memory which all sandboxes share: for the record,
 * never for a rule. Who could forge a row could as well say a wrong digest of its own command.
 */
#ifndef TASK_SANDBOX_DIGESTS_H
#define TASK_SANDBOX_DIGESTS_H

#include <stdbool.h>

#include "lib/wire/task_protocol.h"

struct digests;

/* Before the first fork. NULL and errno when there is no memory. */
struct digests *digests_open(void);

/* True with the DIGEST of FILE when it is known. */
bool digests_find(const struct digests *digests, const struct task_file *file,
                  uint8_t digest[TASK_DIGEST_SIZE]);

/* Remembers it, in place of the oldest. */
void digests_keep(struct digests *digests, const struct task_file *file,
                  const uint8_t digest[TASK_DIGEST_SIZE]);

#endif

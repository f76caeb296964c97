/* What a command left behind. */
#ifndef TASK_SANDBOX_LEFTOVERS_H
#define TASK_SANDBOX_LEFTOVERS_H

#include <stdint.h>

/* Processes of the sandbox beside the calling one, which is its first. */
uint32_t leftovers_count(void);

#endif

/* Sizes and actions of verdicts, and strings that end. */
#include "sandbox/exec-trap/verdict_check.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/wire/task_asked.h"

/* As long as a policy may say: eight hours. */
#define ASK_NANOSECONDS_MAX (8 * 3600 * CLOCK_NANOSECONDS_PER_SECOND)
#define END(text) ((text)[sizeof(text) - 1] = '\0')

/* TAIL bytes of argv came. */
static int check_arguments(uint32_t said, size_t tail)
{
    return said == tail && said <= TASK_ARGUMENTS_SHOWN ? 0 : -EPROTO;
}

int verdict_check(struct task_verdict *verdict, size_t size)
{
    struct exec_event *event = &verdict->event;
    bool is_asking = event->action == TASK_ACTION_ASK;
    if (size < sizeof(*verdict) ||
        check_arguments(event->arguments_size, size - sizeof(*verdict)) < 0 ||
        (!is_asking &&
         (event->action < TASK_ACTION_SANDBOX || event->action > TASK_ACTION_REDIRECT)) ||
        (is_asking && (event->duration_ns == 0 || event->duration_ns > ASK_NANOSECONDS_MAX ||
                       !task_asked_is_sound(&event->asked))))
        return -EPROTO;
    END(event->id);
    END(event->rule);
    END(event->profile);
    END(event->program);
    END(event->directory);
    END(event->text);
    event->wait_status = event->error = event->lost = 0;
    if (!is_asking) {
        event->duration_ns = 0;
        event->asked = (struct task_asked){.flags = 0};
    }
    return 0;
}

int nested_check(struct task_nested *nested, size_t size)
{
    if (size < sizeof(*nested) ||
        check_arguments(nested->arguments_size, size - sizeof(*nested)) < 0)
        return -EPROTO;
    END(nested->rule);
    END(nested->program);
    return 0;
}

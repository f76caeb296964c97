/* Looks signals up in the C library's own list. */
#include "sandbox/agent-task-runnerctl/signal_names.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int parse_number(const char *text)
{
    char *end = NULL;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && number > 0 && number < NSIG ? (int)number : -1;
}

int signal_from_name(const char *name)
{
    if (*name >= '0' && *name <= '9')
        return parse_number(name);
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int signal = 1; signal < NSIG; signal++) {
        const char *known = sigabbrev_np(signal);

        if (known != NULL && strcmp(known, name) == 0)
            return signal;
    }
    return -1;
}

/* What /proc tells of an init under torture and of its processes. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/torture/torture.h"

char state_of(pid_t pid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return 'X';
    text[size] = '\0';
    const char *parenthesis = strrchr(text, ')');
    if (parenthesis == NULL)
        return 'X';
    return parenthesis[2];
}

void expect_state(pid_t pid, char state, const char *word)
{
    uint64_t end = patience_ends_ns();
    while (state_of(pid) != state) {
        if (clock_monotonic_ns() > end)
            fail("%s", word);
        nap();
    }
}

/* Pending for the process and for its only thread: proc(5), ShdPnd and SigPnd. */
static bool is_pending(pid_t pid, int signal)
{
    char path[64];
    char line[256];
    bool is_found = false;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    cleanup_file FILE *file = fopen(path, "re");
    while (file != NULL && !is_found && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "ShdPnd:", 7) == 0 || strncmp(line, "SigPnd:", 7) == 0)
            is_found = (strtoull(line + 7, NULL, 16) >> (signal - 1) & 1) != 0;
    }
    return is_found;
}

void expect_taken(int signal)
{
    uint64_t end = patience_ends_ns();
    while (is_pending(init_pid(), signal)) {
        if (clock_monotonic_ns() > end)
            fail("leaves a signal");
        nap();
    }
}

/* proc(5), voluntary_ctxt_switches. */
unsigned long count_sleeps(void)
{
    static const char wanted[] = "voluntary_ctxt_switches:";
    char path[64];
    char line[256];
    const char *count = NULL;
    snprintf(path, sizeof(path), "/proc/%d/status", init_pid());
    cleanup_file FILE *file = fopen(path, "re");
    while (file != NULL && count == NULL && fgets(line, sizeof(line), file) != NULL)
        count = strncmp(line, wanted, strlen(wanted)) == 0 ? line + strlen(wanted) : NULL;
    if (count == NULL)
        broken(wanted);
    return strtoul(count, NULL, 10);
}

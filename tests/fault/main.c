/* fault: runs one session in namespaces of its own under a tracer that makes one call of it fail.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/fault/container.h"
#include "tests/fault/keeper.h"
#include "tests/fault/tracer.h"

#define HUNG_SECONDS 30
#define CANARY "CANARY-7f31c0de"

struct options {
    struct container container;
    struct cell cell;
    const char *manifest_sha256;
    const char *result;
    const char *counts;
    const char *profile; /* to be compiled to the filter, and nothing else */
};

/* clang-format off */
static const struct argp_option option_table[] = {
    { .name = "root", .key = 'r', .arg = "DIRECTORY", .doc = "The image, unpacked" },
    { .name = "source", .key = 's', .arg = "DIRECTORY", .doc = "The repository" },
    { .name = "session", .key = 'd', .arg = "DIRECTORY", .doc = "Has host/, sockets/, volume/" },
    { .name = "filter", .key = 'f', .arg = "FILE", .doc = "The engine's seccomp filter" },
    { .name = "compile", .key = 'p', .arg = "PROFILE", .doc = "Compile PROFILE to the filter, and end" },
    { .name = "capability", .key = 'c', .arg = "NAME", .doc = "A capability of the container" },
    { .name = "manifest-sha256", .key = 'm', .arg = "HEX", .doc = "For the entry point" },
    { .name = "result", .key = 'o', .arg = "FILE", .doc = "Where the outcome is written" },
    { .name = "counts", .key = 'n', .arg = "FILE", .doc = "Where the calls of each program are counted" },
    { .name = "inject", .key = 'i', .arg = "CELL", .doc = "PROGRAM/PHASE/SYSCALL/OCCURRENCE/KIND" },
    { 0 },
};
/* clang-format on */

static error_t parse_path(int key, const char *argument, struct options *options)
{
    switch (key) {
    case 'r':
        options->container.root = argument;
        return 0;
    case 's':
        options->container.source = argument;
        return 0;
    case 'd':
        options->container.session = argument;
        return 0;
    case 'f':
        options->container.filter = argument;
        return 0;
    case 'o':
        options->result = argument;
        return 0;
    case 'n':
        options->counts = argument;
        return 0;
    case 'p':
        options->profile = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    int capability;
    switch (key) {
    case 'c':
        capability = capability_from_name(argument);
        if (capability < 0)
            argp_error(state, "'%s' is no capability", argument);
        options->container.capabilities |= CAPABILITY_BIT(capability);
        return 0;
    case 'm':
        options->manifest_sha256 = argument;
        return 0;
    case 'i':
        if (cell_parse(argument, &options->cell) < 0)
            argp_error(state, "'%s' is no cell", argument);
        return 0;
    default:
        return parse_path(key, argument, options);
    }
}

static void write_counts(const struct tracer *tracer, const char *path)
{
    cleanup_file FILE *file = fopen(path, "we");
    size_t total = (size_t)FAULT_PROGRAM_COUNT * FAULT_PHASE_COUNT * FAULT_SYSCALLS_MAX;
    for (size_t i = 0; file != NULL && i < total; i++) {
        size_t number = i % FAULT_SYSCALLS_MAX;
        size_t phase = i / FAULT_SYSCALLS_MAX % FAULT_PHASE_COUNT;
        size_t program = i / FAULT_SYSCALLS_MAX / FAULT_PHASE_COUNT;
        uint32_t count = tracer->counts[program][phase][number];
        if (count == 0)
            continue;
        cleanup_free char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
        fprintf(file, "%s/%s/%s %u\n", fault_programs[program], fault_phases[phase],
                name == NULL ? "?" : name, count);
    }
}

static int write_result(const struct tracer *tracer, const char *path)
{
    cleanup_file FILE *file = fopen(path, "we");
    if (file == NULL)
        return EXIT_FAILURE;
    int planted;
    int left = canary_count(tracer, &planted);
    bool is_killed = WIFSIGNALED(tracer->wait_status);
    fprintf(file, "end=%s\ncode=%d\n",
            tracer->is_hung ? "hung"
            : is_killed     ? "killed"
                            : "exited",
            is_killed ? WTERMSIG(tracer->wait_status) : WEXITSTATUS(tracer->wait_status));
    fprintf(file, "fired=%u\nreached=%s\nsurvivors=%d\nsurvivor='%s'\n", tracer->fired,
            fault_phases[tracer->phase], tracer->survivors, tracer->survivor);
    fprintf(file, "planted=%d\nunwiped=%d\nreachable=%d\n", planted, left, tracer->reachable);
    return EXIT_SUCCESS;
}

static int run(const struct options *options)
{
    static struct tracer tracer; /* too large for a stack frame */
    char socket[PATH_MAX];
    char record[PATH_MAX];
    int gate[2];
    snprintf(socket, sizeof(socket), "%s/sockets/root.sock", options->container.session);
    snprintf(record, sizeof(record), "%s/events", options->container.session);
    pid_t keeper = keeper_start(socket, record);
    if (keeper < 0 || pipe2(gate, O_CLOEXEC) < 0)
        return EXIT_FAILURE;
    pid_t first = container_start(&options->container, gate[0]);
    tracer.cell = options->cell;
    tracer.canary = CANARY;
    tracer.end_ns = clock_monotonic_ns() + HUNG_SECONDS * CLOCK_NANOSECONDS_PER_SECOND;
    if (first < 0 || tracer_attach(&tracer, first) < 0 || write(gate[1], "", 1) != 1) {
        perror("fault");
        return EXIT_FAILURE;
    }
    tracer_follow(&tracer);
    kill(keeper, SIGTERM);
    if (options->counts != NULL)
        write_counts(&tracer, options->counts);
    return write_result(&tracer, options->result);
}

int main(int argc, char **argv)
{
    static const char *const variables[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOSTNAME=fault",
        "LANG=C.UTF-8",
        "SECRET=" CANARY,
        NULL,
    };
    static const struct argp parser = {
        .options = option_table,
        .parser = parse_option,
        .doc = "Runs one session in namespaces of its own and makes one of its calls fail.",
    };
    struct options options = {.manifest_sha256 = ""};
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    if (options.profile != NULL)
        return container_compile_profile(options.profile, options.container.filter) < 0;
    const char *const entry[] = {
        "/usr/local/bin/agent-init", "--boot", "--", "--manifest-sha256",
        options.manifest_sha256,     NULL,
    };
    options.container.argv = (char *const *)(uintptr_t)entry;
    options.container.variables = variables;
    return run(&options);
}

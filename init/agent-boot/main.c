/* agent-boot: what happens in a container before an agent lives in it, and after it has gone. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/report.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/wire/channel.h"
#include "lib/wire/init_protocol.h"

#define DEFAULT_STOP_GRACE_MS 8000
#define FLUSH_TIMEOUT_MS 2000

const char *argp_program_version = "agent-boot " CODING_AGENTS_VERSION;

enum option_key {
    OPTION_SHUTDOWN = 0x100,
    OPTION_RECOVER,
    OPTION_CHECK,
    OPTION_JSON,
    OPTION_MANIFEST_SHA256,
    OPTION_STOP_GRACE,
    OPTION_DEADLINE_NS,
    OPTION_WIPE_ONLY,
};

/* clang-format off */
static const struct argp_option options[] = {
    { .name = "manifest-sha256", .key = OPTION_MANIFEST_SHA256, .arg = "HEX",
      .doc = "Digest of the session's manifest; without it, a plain container" },
    { .name = "stop-grace", .key = OPTION_STOP_GRACE, .arg = "SECONDS",
      .doc = "Time for an ordered stop when no manifest tells it (default 8)" },
    { .name = "check", .key = OPTION_CHECK,
      .doc = "Try what this kernel and engine give, print it, start nothing" },
    { .name = "recover", .key = OPTION_RECOVER,
      .doc = "Commit and push what a killed session left in its volume" },
    { .name = "shutdown", .key = OPTION_SHUTDOWN, .doc = "Walk the boot table backwards" },
    { .name = "deadline-ns", .key = OPTION_DEADLINE_NS, .arg = "N",
      .doc = "With --shutdown: be done by this CLOCK_MONOTONIC time" },
    { .name = "wipe-only", .key = OPTION_WIPE_ONLY, .doc = "With --shutdown: only what wipes secrets" },
    { .name = "json", .key = OPTION_JSON, .doc = "With --check: print one JSON object" },
    { 0 },
};
/* clang-format on */

static uint64_t parse_number(const char *text, uint64_t limit, struct argp_state *state)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > limit)
        argp_error(state, "'%s' is not a number up to %llu", text, (unsigned long long)limit);
    return value;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct boot_context *context = state->input;
    switch (key) {
    case OPTION_SHUTDOWN:
        context->mode = BOOT_MODE_SHUTDOWN;
        return 0;
    case OPTION_RECOVER:
        context->mode = BOOT_MODE_RECOVER;
        return 0;
    case OPTION_CHECK:
        context->mode = BOOT_MODE_CHECK;
        return 0;
    case OPTION_JSON:
        context->is_json = true;
        return 0;
    case OPTION_WIPE_ONLY:
        context->is_wipe_only = true;
        return 0;
    case OPTION_MANIFEST_SHA256:
        if (strlen(argument) != MANIFEST_DIGEST_SIZE - 1)
            argp_error(state, "'%s' is not a SHA-256 digest in hex", argument);
        context->manifest_sha256 = argument;
        return 0;
    case OPTION_STOP_GRACE:
        context->stop_grace_ms = (uint32_t)parse_number(argument, 3600, state) * 1000;
        return 0;
    case OPTION_DEADLINE_NS:
        context->deadline_ns = parse_number(argument, UINT64_MAX, state);
        return 0;
    case ARGP_KEY_ARG: /* the first word that is no option begins the command, options of its own
                          included */
        context->command = state->argv + state->next - 1;
        state->next = state->argc;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int load_users(struct boot_context *context, struct error *err)
{
    int result = users_find(USERS_FILE, "agentuser", &context->agentuser, err);
    if (result == 0)
        result = users_find(USERS_FILE, "agentcli", &context->agentcli, err);
    if (result == 0)
        result = users_find(USERS_FILE, "agentfetch", &context->agentfetch, err);
    return result < 0 ? error_prefix(err, "the image is damaged") : 0;
}

/* PID 1 gives us a socket at a fixed number; run by hand there is none, whatever else lies at that
 * number. */
static int find_init(struct boot_context *context, struct error *err)
{
    struct stat status;
    int result = fstat(INIT_BOOT_FD, &status) < 0 ? -errno : 0;
    if (result == -EBADF || (result == 0 && !S_ISSOCK(status.st_mode)))
        return 0;
    context->init_fd = INIT_BOOT_FD;
    if (result == 0)
        result = fd_set_close_on_exec(INIT_BOOT_FD, true);
    return result < 0 ? error_set(err, -result, "look for PID 1") : 0;
}

static int run(struct boot_context *context)
{
    switch (context->mode) {
    case BOOT_MODE_CHECK:
        return kernel_report(context);
    case BOOT_MODE_SHUTDOWN:
        return boot_shut_down(context);
    case BOOT_MODE_RECOVER:
        return boot_recover(context);
    case BOOT_MODE_UP:
        break;
    }
    return boot_run(context);
}

int main(int argc, char **argv)
{
    static char *no_command[] = {NULL};
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .args_doc = "[COMMAND [ARGUMENT...]]",
        .doc = "Boots a coding-agents container: started by agent-init, never by hand.",
    };
    struct boot_context context = {
        .mode = BOOT_MODE_UP,
        .command = no_command,
        .stop_grace_ms = DEFAULT_STOP_GRACE_MS,
        .init_fd = -1,
        .channel_fd = -1,
        .init_channel_fd = -1,
    };
    argp_err_exit_status = EXIT_BOOT_MANIFEST;
    argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &context);
    umask(022);
    struct error err = ERROR_INITIALIZER;
    if (find_init(&context, &err) < 0 || load_users(&context, &err) < 0) {
        diagnostic_print("agent-boot: %s\n", error_text(&err));
        boot_tell_refused(&context, EXIT_BOOT_INTERNAL);
        return EXIT_BOOT_INTERNAL;
    }
    int exit_code = run(&context);
    if (context.channel_fd >= 0)
        (void)channel_flush(context.channel_fd, FLUSH_TIMEOUT_MS, &err);
    if (context.git_access != NULL)
        git_access_free(context.git_access);
    free(context.git_access);
    manifest_free(context.manifest);
    return exit_code;
}

/*
 * capability-unseal: redeems one capability and writes its secret to standard output. Called
 * prepare-AGENT-secrets it puts the login of that agent in its place instead. In either case it
 * stays as long as the secret may be used, and takes it away afterwards. capability-unseal(8)
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "stubs/capability-unseal/unseal.h"

const char *argp_program_version = "capability-unseal " CODING_AGENTS_VERSION;

enum option_key { OPTION_CAP_PATH = 0x100, OPTION_SESSION_ID };

/* clang-format off */
static const struct argp_option options[] = {
    {.name = "cap-path",   .key = OPTION_CAP_PATH,   .arg = "FILE",
     .doc = "The sealed capability (default: ID.cap below CODING_AGENTS_AGENT_CAP_ROOT)"},
    {.name = "session-id", .key = OPTION_SESSION_ID, .arg = "ID", .doc = "The session it must be of"},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct unseal *unseal = state->input;
    switch (key) {
    case OPTION_CAP_PATH:
        unseal->cap_path = argument;
        return 0;
    case OPTION_SESSION_ID:
        unseal->session = argument;
        return 0;
    case ARGP_KEY_END:
        if (unseal->session == NULL)
            argp_error(state, "--session-id is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Before a secret is here: nobody with the same uid looks into this process, and no core file is
 * made of it. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    sigset_t term;
    umask(0077);
    /* It is looked for where it is waited for. */
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    /* It was executed by descriptor, of which the kernel makes a name that says nothing. */
    prctl(PR_SET_NAME, program_invocation_short_name);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
    /* Where the engine allows it; what a container may lock is not ours to say. */
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
}

static int find_capability(struct unseal *unseal, char path[PATH_MAX], struct error *err)
{
    const char *root = getenv(REDEEM_CAP_ROOT_VARIABLE);
    if (unseal->cap_path != NULL)
        return 0;
    if (root == NULL || path_format(path, "%s/%s.cap", root, unseal->session) < 0)
        return error_set(err, EINVAL,
                         "give --cap-path, or " REDEEM_CAP_ROOT_VARIABLE " in the environment");
    unseal->cap_path = path;
    return 0;
}

static int print(const struct unseal *unseal, struct error *err)
{
    if (isatty(STDOUT_FILENO))
        return error_set(err, EINVAL, "a terminal is no place for a secret: give a pipe or a file");
    int result =
        fd_write_all(STDOUT_FILENO, unseal->plain.data + sizeof(unseal->head), unseal->head.size);
    return result < 0 ? error_set(err, -result, "write the secret") : 0;
}

/* Whoever waits for us to be done hears of it; whoever reads our output has all of it. */
static void report_ready(void)
{
    int ready = REDEEM_READY_FD;
    (void)fd_write_all(ready, "", 1);
    cleanup_close(&ready);
    fclose(stdout);
}

static int run(struct unseal *unseal, const struct prepare *prepare, struct error *err)
{
    char path[PATH_MAX];
    int result = find_capability(unseal, path, err);
    if (result == 0)
        result = redeem_read_bond(unseal, err);
    if (result == 0 && prepare != NULL &&
        strncmp(unseal->bond.holder.stub, prepare_stub(prepare), CAPABILITY_NAME_BYTES) != 0)
        result = error_set(err, EPROTO, "the bond is that of another program");
    if (result == 0)
        result = redeem_capability(unseal, err);
    if (result == 0)
        result = prepare == NULL ? print(unseal, err) : prepare_place(prepare, unseal, err);
    secret_wipe(&unseal->plain);
    if (result == 0)
        report_ready();
    return result;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .doc =
            "Redeems a sealed capability. Started by agent-boot, which hands over what it needs.",
    };
    struct unseal unseal = {.lease = -1};
    struct error err = ERROR_INITIALIZER;
    const struct prepare *prepare = prepare_find(program_invocation_short_name);
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &unseal);
    harden();
    if (run(&unseal, prepare, &err) < 0) {
        diagnostic_print("%s: %s\n", program_invocation_short_name, error_text(&err));
        return EXIT_BOOT_SECRETS;
    }
    const char *why = redeem_await_end(&unseal);
    if (why == NULL && prepare != NULL)
        prepare_carry_back(prepare, &unseal);
    if (prepare != NULL)
        prepare_wipe(prepare);
    if (why == NULL)
        return 0;
    diagnostic_print("%s: the secret was taken away: %s\n", program_invocation_short_name, why);
    return EXIT_BOOT_SECRETS;
}

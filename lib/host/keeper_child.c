/* How a process below the keeper begins. */
#include "lib/host/keeper_child.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/syscalls.h"

/* clang-format off */
static const struct argp_option options[] = {
    {"session",            's', "ID",  0, "Serve this session", 0},
    {"container-root-uid", 'u', "UID", 0, "The uid on the host that root in the container is (default 0)", 0},
    {"keeper-fd",          'k', "FD",  0, "A SOCK_SEQPACKET socket to the keeper", 0},
    {0},
};
/* clang-format on */

unsigned long keeper_child_number(const char *text, unsigned long most, struct argp_state *state)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || number > most)
        argp_error(state, "'%s' is no number up to %lu", text, most);
    return number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct keeper_child *child = state->input;
    switch (key) {
    case 's':
        if (!manifest_is_session_id(argument))
            argp_error(state, "'%s' is not a session id", argument);
        snprintf(child->session, sizeof(child->session), "%s", argument);
        return 0;
    case 'u':
        child->container_root_uid = (uid_t)keeper_child_number(argument, UINT32_MAX - 1, state);
        return 0;
    case 'k':
        child->keeper = (int)keeper_child_number(argument, INT32_MAX, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp keeper_child_argp = {.options = options, .parser = parse_option};

bool keeper_child_is_told(const struct keeper_child *child)
{
    return child->session[0] != '\0' && child->keeper >= KEEPER_CHILD_FD;
}

int keeper_child_hide(struct error *err)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return error_set(err, errno, "be out of the sight of others, and of core files");
    return 0;
}

int keeper_child_settle(struct keeper_child *child, struct error *err)
{
    if (child->keeper != KEEPER_CHILD_FD && dup2(child->keeper, KEEPER_CHILD_FD) < 0)
        return error_set(err, errno, "keep the keeper's descriptor");
    child->keeper = KEEPER_CHILD_FD;
    sys_close_range(KEEPER_CHILD_FD + 1, UINT_MAX, 0);
    fd_set_close_on_exec(KEEPER_CHILD_FD, true);
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_set(err, errno, "end with the keeper");
    return keeper_child_hide(err);
}

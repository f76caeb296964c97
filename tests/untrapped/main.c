/*
 * agentcli-untrapped COMMAND...: becomes agentcli in its own view as agentcli-exec does, with the
 * commands' filter in place of the exec trap. The control of what the trap refuses, and the hand of
 * a vendor's program in tests of the views. It never ships.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "sandbox/confine/confine.h"
#include "sandbox/confine/program.h"

#define FILTER "/etc/coding-agents/seccomp/command.bpf"

static int find_user(struct confine *confine, struct error *err)
{
    return users_find(USERS_FILE, "agentcli", &confine->user, err);
}

static int lay_views(struct confine *confine, struct error *err)
{
    struct user owner;
    int result = users_find(USERS_FILE, "agentuser", &owner, err);

    if (result < 0 || confine->views.kind != VIEWS_IDMAPPED)
        return result;
    return views_lay(&owner, &confine->user, err);
}

static int enter_workspace(struct confine *confine, struct error *err)
{
    (void)confine;
    return chdir("/workspace") < 0 ? error_set(err, errno, "enter the workspace") : 0;
}

/* clang-format off */
static const struct confine_step steps[] = {
    {.name = "the identity",         .run = find_user},
    {.name = "the descriptors",      .run = confine_descriptors},
    {.name = "how files are shared", .run = confine_views},
    {.name = "the views",            .run = lay_views},
    {.name = "becoming agentcli",    .run = confine_identity},
    {.name = "the directory",        .run = enter_workspace},
    {.name = "no new privileges",    .run = confine_no_new_privileges},
    {.name = "the seccomp filter",   .run = confine_filter},
    {.name = "the proof",            .run = confine_proof},
};
/* clang-format on */

int main(int argc, char **argv)
{
    struct confine confine = {.filter = FILTER};
    struct error err = ERROR_INITIALIZER;

    if (argc < 2 || confine_run(steps, ARRAY_LENGTH(steps), &confine, &err) < 0) {
        fprintf(stderr, "agentcli-untrapped: %s\n", error_text(&err));
        return 1;
    }
    execvp(argv[1], argv + 1);
    fprintf(stderr, "agentcli-untrapped: %s: %s\n", argv[1], strerror(errno));
    return program_exit_code(errno);
}

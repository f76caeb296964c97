/* Loads a policy, forks its makers, and tells the runner about both. */
#include "sandbox/agent-task-sandbox/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/apparmor_label.h"
#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/unix_message.h"
#include "lib/wire/recorded_program.h"
#include "sandbox/agent-task-sandbox/code_variables.h"
#include "sandbox/agent-task-sandbox/maker.h"
#include "sandbox/agent-task-sandbox/nested.h"
#include "sandbox/agent-task-sandbox/recorded.h"

/* Some hundred mounts with overlay options of some kilobytes each. */
#define MOUNTINFO_MAX (1024u * 1024)

/* A table that cannot be read costs time, and nothing that is judged. */
static int open_digests(struct groundwork *groundwork, struct error *err)
{
    struct error why = ERROR_INITIALIZER;

    groundwork->digests = digests_open();
    if (groundwork->digests == NULL)
        return error_set(err, errno, "share memory for digests");
    if (recorded_load(RECORDED_PROGRAMS, groundwork->digests, &why) < 0)
        diagnostic_say(error_text(&why), NULL);
    return 0;
}

/* Security modules come and go with the kernel: what it has not now, it never has. */
static int find_apparmor(struct confine *confine, struct error *err)
{
    char label[APPARMOR_LABEL_SIZE];
    int length = apparmor_label_read(label);

    if (length == 0)
        confine->profile = NULL;
    return length < 0 ? error_set(err, -length, "read the AppArmor label") : 0;
}

int groundwork_lay(struct groundwork *groundwork, struct error *err)
{
    struct confine *confine = &groundwork->confine;
    cleanup_free char *mountinfo = NULL;
    size_t size;
    int result;

    *confine = (struct confine){.profile = APPARMOR_TASK, .has_no_bounding = true};
    result = capability_clear_bounding();
    if (result < 0 || capability_has_bounding())
        return error_set(err, result < 0 ? -result : EPROTO, "empty the capability bounding set");
    result = find_apparmor(confine, err);
    if (result == 0)
        result = confine_limits(confine, err);
    if (result == 0)
        result = users_find(USERS_FILE, SANDBOX_IDENTITY, &confine->user, err);
    if (result == 0)
        result = confine_views(confine, err);
    if (result == 0)
        result = nested_make_filter(SANDBOX_FILTER_LATE, &groundwork->filter, err);
    /* The runner starts after us, and every sandbox shows its socket. */
    if (result == 0)
        result = path_make_directories(TASK_RUNNER_DIRECTORY, 0755, err);
    if (result == 0)
        result =
            fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo, &size, err);
    if (result == 0)
        result = masks_find(mountinfo, &groundwork->masks, err);
    if (result == 0)
        result = open_digests(groundwork, err);
    return result;
}

static int start_makers(struct generation *generation, const struct groundwork *groundwork,
                        struct error *err)
{
    for (size_t i = 0; i < policy_profile_count(generation->policy); i++) {
        const struct settings settings = {
            .policy = generation->policy,
            .profile = policy_profile_at(generation->policy, i),
            .generation = generation->number,
            .masks = &groundwork->masks,
            .filter = &groundwork->filter,
            .digests = groundwork->digests,
            .confine = groundwork->confine,
        };
        int result = maker_start(&settings, &generation->makers[i], err);

        if (result < 0)
            return result;
        generation->count++;
    }
    return 0;
}

static int verify_direct(struct generation *generation, struct error *err)
{
    int result = 0;

    generation->direct_count = policy_direct_count(generation->policy);
    for (size_t i = 0; i < generation->direct_count && result == 0; i++) {
        struct task_direct *rule = &generation->direct[i];

        *rule = *policy_direct_at(generation->policy, i);
        result = code_variables_name(CODE_VARIABLES_FILE, rule, err);
        if (result == 0)
            result = direct_rule_verify(RECORDED_PROGRAMS, rule, err);
    }
    return result;
}

int generation_open(struct generation *generation, const struct groundwork *groundwork,
                    struct error *err)
{
    int result = policy_load(policy_directories, generation->agent, &generation->policy, err);

    generation->count = 0;
    if (result < 0)
        return result;
    if (policy_profile_count(generation->policy) > TASK_PROFILES_MAX)
        result = error_set(err, E2BIG, "the policy has more than %d profiles", TASK_PROFILES_MAX);
    if (result == 0)
        result = verify_direct(generation, err);
    if (result == 0)
        result = start_makers(generation, groundwork, err);
    if (result < 0)
        generation_close(generation);
    return result;
}

void generation_close(struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        cleanup_close(&generation->makers[i]);
    generation->count = 0;
    policy_free(generation->policy);
    generation->policy = NULL;
}

static void describe_profile(const struct policy_profile *profile, struct task_profile *row)
{
    row->warm = profile->warm;
    row->linger_seconds = profile->linger_seconds;
    snprintf(row->name, sizeof(row->name), "%s", profile->name);
}

/* All of it is more than a socket holds at once, and whole or not there at all. */
int generation_describe(const struct generation *generation, int connection)
{
    static struct task_configuration configuration; /* large */
    const struct task_header header = {.version = TASK_PROTOCOL_VERSION,
                                       .type = TASK_CONFIGURATION};
    cleanup_fd int fd = memfd_create("configuration", MFD_CLOEXEC);
    const struct unix_message message = {
        .data = &header, .size = sizeof(header), .fds = &fd, .fd_count = 1};
    int result;

    if (fd < 0)
        return -errno;
    configuration = (struct task_configuration){
        .version = TASK_PROTOCOL_VERSION,
        .generation = generation->number,
        .is_observing = policy_is_observing(generation->policy),
        .profile_count = (uint32_t)policy_profile_count(generation->policy),
        .direct_count = (uint32_t)generation->direct_count,
    };
    for (size_t i = 0; i < configuration.profile_count; i++)
        describe_profile(policy_profile_at(generation->policy, i), &configuration.profiles[i]);
    for (size_t i = 0; i < configuration.direct_count; i++)
        configuration.direct[i] = generation->direct[i];
    result = fd_write_all(fd, &configuration, sizeof(configuration));
    return result < 0 ? result : unix_message_send(connection, &message);
}

int generation_make(const struct generation *generation, const struct task_make *make,
                    int connection)
{
    const struct unix_message message = {
        .data = make, .size = sizeof(*make), .fds = &connection, .fd_count = 1};

    for (size_t i = 0; i < generation->count; i++) {
        if (strcmp(make->profile, policy_profile_at(generation->policy, i)->name) == 0)
            return unix_message_send(generation->makers[i], &message);
    }
    return -ENOENT;
}

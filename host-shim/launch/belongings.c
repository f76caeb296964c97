/* What a session has beside its files: a keeper, a network, a volume. */
#include <errno.h>

#include "host-shim/launch/launch.h"
#include "lib/host/leftovers.h"
#include "lib/host/network.h"

int belongings_start_keeper(struct launch *launch, struct error *err)
{
    launch->keeper.session = launch->session;
    launch->keeper.socket_directory = launch->socket_directory;
    launch->keeper.signals = launch->signals;
    launch->keeper.is_without_data = launch->options.no_data;
    launch->keeper.has_sidecar = launch->options.has_sidecar;
    int status = keeper_client_start(&launch->keeper, launch->engine.container_root_uid, err);
    if (status == 0 && launch->keeper.has_login)
        launch->start.missing[0] = '\0';
    return status;
}

/* What the user let the session have that it does not get by itself. */
static void list_overrides(const struct launch_options *options, struct string_list *list)
{
    if (options->commit_secrets)
        string_list_add(list, "--commit-secrets");
    if (options->include_ignored)
        string_list_add(list, "--include-ignored");
    for (size_t i = 0; i < options->engine_arguments.count; i++)
        string_list_format(list, "--engine-arg=%s", options->engine_arguments.items[i]);
}

int belongings_record_start(struct launch *launch, struct error *err)
{
    cleanup_string_list struct string_list overrides = {.items = NULL};
    list_overrides(&launch->options, &overrides);
    if (overrides.has_failed)
        return error_set(err, ENOMEM, "list what is weakened");
    const struct keeper_start start = {
        .engine = &launch->engine,
        .image = &launch->image,
        .argv = &launch->argv,
        .agent = launch->options.agent,
        .name = launch->branch.name,
        .branch = launch->branch.inside,
        .manifest_sha256 = launch->manifest_sha256,
        .config = &launch->trust.config,
        .agent_start = &launch->start,
        .has_screen = launch->is_interactive || launch->options.is_persistent,
        .overrides = &overrides,
    };
    return keeper_client_record(&launch->keeper, &start, err);
}

void belongings_abandon_keeper(struct launch *launch)
{
    keeper_client_abandon(&launch->keeper);
    if (launch->options.has_sidecar)
        leftovers_sweep_volumes();
}

int belongings_create_network(struct launch *launch, struct error *err)
{
    return launch->options.is_restricted ? 0
                                         : network_create(launch->container, launch->session, err);
}

void belongings_remove_network(struct launch *launch)
{
    if (!launch->options.is_restricted)
        network_remove(launch->container);
}

int belongings_create_volume(struct launch *launch, struct error *err)
{
    return volume_create(launch->container, launch->session, err);
}

void belongings_remove_volume(struct launch *launch)
{
    volume_remove(launch->container);
}

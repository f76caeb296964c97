/* Forms the agent's command, and tells it whether to trust what the repository configures. */
#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/host/agent_command.h"
#include "lib/host/install_paths.h"

int config_form_command(struct launch *launch, struct error *err)
{
    char path[PATH_MAX];
    const struct agent_request request = {
        .agent = launch->options.agent,
        .prompt = launch->options.prompt,
        .arguments = launch->options.command,
        .has_variables = launch->options.variables != NULL,
        .words = session_trust_words(&launch->trust),
    };
    string_list_free(&launch->storage.command);
    int status = install_path_share("policies/agents.tab", path, err);
    return status < 0 ? status : agent_command_make(path, &request, &launch->storage.command, err);
}

int config_decide(struct launch *launch, struct error *err)
{
    const struct launch_options *options = &launch->options;
    cleanup_free char *advice = NULL;
    launch->trust.with_ignored = options->include_ignored;
    launch->trust.asks =
        options->prompt == NULL && (launch->is_interactive || options->is_persistent);
    int status = session_trust_find(&launch->trust, &launch->repository, &advice, err);
    if (status == 0 && advice != NULL)
        launch_say("%s", advice);
    if (status == 0)
        status = session_trust_add_variables(&launch->trust, &launch->options.variables, err);
    return status < 0 ? status : config_form_command(launch, err);
}

/* Whether the agent is told to trust what the repository configures: docs/trust.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/host/agent_command.h"
#include "lib/host/install_paths.h"
#include "lib/wire/variables.h"

int config_form_command(struct launch *launch, const struct string_list *words, struct error *err)
{
    char path[PATH_MAX];
    const struct agent_request request = {
        .agent = launch->options.agent,
        .prompt = launch->options.prompt,
        .arguments = launch->options.command,
        .has_variables = launch->options.variables != NULL,
        .words = words,
    };
    string_list_free(&launch->storage.command);
    int status = install_path_share("policies/agents.tab", path, err);
    return status < 0 ? status
                      : agent_command_make(path, &request, &launch->storage.command, err);
}

/* Without a terminal an agent does not ask before it heeds what it finds. */
static bool asks(const struct launch *launch)
{
    return launch->options.prompt == NULL &&
           (launch->is_interactive || launch->options.is_persistent);
}

static int add_variables(struct launch *launch, struct error *err)
{
    const struct string_list *added = &launch->config_table.variables;
    for (size_t i = 0; i < added->count; i++) {
        char *old = launch->options.variables;
        char *text = NULL;
        if (asprintf(&text, "%s%s%s\n", old == NULL ? "" : old, old == NULL ? "" : "\n",
                     added->items[i]) < 0)
            return error_set(err, ENOMEM, "keep %s", added->items[i]);
        variables_free(old);
        launch->options.variables = text;
    }
    return 0;
}

/* Finds it; what cannot be accepted is no reason to refuse the session, but is not trusted. */
static int find(struct launch *launch, struct error *err)
{
    char path[PATH_MAX];
    const char *agent = launch->options.agent;
    int status = install_path_share("policies/agent-config.tab", path, err);
    if (status == 0)
        status = agent_config_table_read(path, agent, &launch->config_table, err);
    if (status < 0)
        return status;
    status = repository_config_find(&launch->repository, agent, launch->options.include_ignored,
                                    &launch->config_table, &launch->config, err);
    if (status == -EINVAL)
        launch_say("the files that configure %s in the repository cannot be accepted, and nothing "
                   "trusts them: %s",
                   agent, error_text(err));
    return status == -EINVAL ? 0 : status;
}

int config_decide(struct launch *launch, struct error *err)
{
    int status = find(launch, err);
    if (status < 0)
        return status;
    bool is_trusted = launch->config.trust == REPOSITORY_CONFIG_TRUSTED;
    const struct agent_config_table *table = &launch->config_table;
    cleanup_free char *advice = repository_config_advice(
        &launch->config, &launch->repository, launch->options.agent,
        launch->options.include_ignored, asks(launch));
    if (advice != NULL)
        launch_say("%s", advice);
    if (is_trusted)
        status = add_variables(launch, err);
    const struct string_list *words = asks(launch) ? NULL : &table->untrusted;
    return status < 0 ? status
                      : config_form_command(launch, is_trusted ? &table->trusted : words, err);
}

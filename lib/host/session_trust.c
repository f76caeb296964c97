/* Decides whether a session's agent is told to trust what its repository configures. */
#include "lib/host/session_trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lib/host/install_paths.h"
#include "lib/wire/variables.h"

static bool is_trusted(const struct session_trust *trust)
{
    return trust->config.trust == REPOSITORY_CONFIG_TRUSTED;
}

/* Whatever makes them unacceptable, the session needs none of them. */
static int tell_unacceptable(const struct session_trust *trust, const struct error *reason,
                             char **advice)
{
    int length = asprintf(advice,
                          "what the repository has to configure %s cannot be accepted, so nothing "
                          "trusts it: %s",
                          trust->agent, error_text(reason));
    if (length < 0)
        *advice = NULL;
    return 0;
}

int session_trust_load(struct session_trust *trust, struct error *err)
{
    char path[PATH_MAX];
    int status = install_path_share("policies/agent-config.tab", path, err);
    return status < 0 ? status : agent_config_table_read(path, trust->agent, &trust->table, err);
}

int session_trust_find(struct session_trust *trust, const struct repository *repository,
                       char **advice, struct error *err)
{
    *advice = NULL;
    trust->asks = trust->asks && !agent_config_table_is_unasked(&trust->table, trust->arguments);
    int status = repository_config_find(repository, trust->agent, trust->with_ignored,
                                        &trust->table, &trust->config, err);
    if (status == -EINVAL)
        return tell_unacceptable(trust, err, advice);
    if (status == 0)
        *advice = repository_config_advice(&trust->config, repository, trust->agent,
                                           trust->with_ignored, trust->asks);
    return status;
}

const struct string_list *session_trust_words(const struct session_trust *trust)
{
    if (is_trusted(trust))
        return &trust->table.trusted;
    return trust->asks ? NULL : &trust->table.untrusted;
}

int session_trust_add_variables(const struct session_trust *trust, char **variables,
                                struct error *err)
{
    const struct string_list *added = &trust->table.variables;
    for (size_t i = 0; is_trusted(trust) && i < added->count; i++) {
        char *old = *variables;
        char *text = NULL;
        if (asprintf(&text, "%s%s%s\n", old == NULL ? "" : old, old == NULL ? "" : "\n",
                     added->items[i]) < 0)
            return error_set(err, ENOMEM, "keep %s", added->items[i]);
        variables_free(old);
        *variables = text;
    }
    return 0;
}

void session_trust_free(struct session_trust *trust)
{
    agent_config_table_free(&trust->table);
    repository_config_free(&trust->config);
}

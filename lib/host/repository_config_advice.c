/* What a user is told of configuration that nobody accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/host/repository_config.h"

char *repository_config_advice(const struct repository_config *config,
                               const struct repository *repository, const char *agent,
                               bool with_ignored, bool asks)
{
    char *advice = NULL;
    char others[48] = "";
    if (config->trust == REPOSITORY_CONFIG_NONE || config->trust == REPOSITORY_CONFIG_TRUSTED ||
        config->paths.count == 0 || config->text == NULL)
        return NULL;
    cleanup_free char *first =
        printable_text(config->paths.items[0], strlen(config->paths.items[0]));
    cleanup_free char *top = printable_word(repository->top);
    if (config->paths.count > 1)
        snprintf(others, sizeof(others), " and %zu more", config->paths.count - 1);
    int length =
        asprintf(&advice,
                 "what the repository has to configure %s (%s%s) %s%s: coding-agents "
                 "trust-config %s %s%s",
                 agent, first == NULL ? "" : first, others,
                 config->trust == REPOSITORY_CONFIG_CHANGED ? "changed since it was accepted, and "
                                                            : "was never accepted, and ",
                 asks ? "is for you to judge when it asks" : "does nothing", agent,
                 top == NULL ? "" : top, with_ignored ? " --include-ignored" : "");
    return length < 0 ? NULL : advice;
}

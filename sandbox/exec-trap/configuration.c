/* Counts, names and shapes of a configuration, row by row. */
#include "sandbox/exec-trap/configuration.h"

#include <errno.h>
#include <string.h>

#include "sandbox/exec-trap/direct_match.h"

int configuration_check(const struct task_configuration *configuration)
{
    if (configuration->version != TASK_PROTOCOL_VERSION || configuration->profile_count == 0 ||
        configuration->profile_count > TASK_PROFILES_MAX ||
        configuration->direct_count > TASK_DIRECT_MAX)
        return -EPROTO;
    for (uint32_t i = 0; i < configuration->profile_count; i++) {
        const char *name = configuration->profiles[i].name;
        if (memchr(name, '\0', sizeof(configuration->profiles[i].name)) == NULL)
            return -EPROTO;
    }
    for (uint32_t i = 0; i < configuration->direct_count; i++) {
        if (!direct_is_sound(&configuration->direct[i]))
            return -EPROTO;
    }
    return 0;
}

uint32_t configuration_find_profile(const struct task_configuration *configuration,
                                    const char *name)
{
    for (uint32_t i = 1; i < configuration->profile_count; i++) {
        if (strcmp(configuration->profiles[i].name, name) == 0)
            return i;
    }
    return 0;
}

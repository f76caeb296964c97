/* Has git go to the relay for the URLs that the host's git proxy serves. */
#include "init/agent-boot/git_remotes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/wire/git_access.h"

#define STAGED MANIFEST_HOST_DIRECTORY "/" GIT_ACCESS_STAGED
#define KEY_SIZE (GIT_ACCESS_URL_SIZE + 64)

int git_remotes_take(struct boot_context *context, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = fd_read_file(AT_FDCWD, STAGED, GIT_ACCESS_BYTES_MAX, &text, &size, err);
    if (result == -ENOENT)
        return 0;
    if (result < 0)
        return result;
    struct git_access *access = calloc(1, sizeof(*access));
    if (access == NULL)
        return error_set(err, ENOMEM, "read '%s'", STAGED);
    result = git_access_parse(text, size, access, err);
    if (result == 0)
        context->git_access = steal_pointer(&access);
    free(access);
    return result < 0 ? error_prefix(err, "'%s'", STAGED) : 0;
}

/* Only for this URL, which git names with its path then. */
static int add_credential(struct git_config *config, const char *url, struct error *err)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof(key), "credential.%s.helper", url);
    int result = git_config_add(config, key, GIT_ACCESS_HELPER, err);
    snprintf(key, sizeof(key), "credential.%s.useHttpPath", url);
    return result < 0 ? result : git_config_add(config, key, "true", err);
}

int git_remotes_add(const struct git_access *access, struct git_config *config, struct error *err)
{
    if (access == NULL)
        return 0;
    /* A proxy of the network's knows nothing of this loopback address. */
    int result = git_config_add(config, "http." GIT_ACCESS_BASE ".proxy", "", err);
    for (size_t i = 0; result == 0 && i < access->remote_count; i++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof(key), "url." GIT_ACCESS_BASE "%s.insteadOf", access->remotes[i].name);
        result = git_config_add(config, key, access->remotes[i].url, err);
    }
    for (size_t i = 0; result == 0 && access->credentials[i] != NULL; i++)
        result = add_credential(config, access->credentials[i], err);
    return result;
}

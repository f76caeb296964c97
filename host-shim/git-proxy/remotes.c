/* Finds the session's https remotes, and what the user lets sessions do with them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/session_manifest.h"
#include "lib/wire/session.h"

#define DEFAULT_PORT "443"
/* No name is another one's beginning with something that follows it: see route.c. */
#define SUFFIX ".git"

static bool is_url_key(const char *key)
{
    const char *last = strrchr(key, '.');
    return strncmp(key, "remote.", 7) == 0 && last > key + 7 &&
           (strcmp(last, ".url") == 0 || strcmp(last, ".pushurl") == 0);
}

/* The remote's own name where it is plain enough to stand in a URL, and means nothing else there.
 */
static bool is_usable_name(const char *name, size_t length)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return length > 0 && length < GIT_ACCESS_NAME_SIZE - sizeof(SUFFIX) &&
           strspn(name, plain) >= length && strncmp(name, "remote-", 7) != 0;
}

static const struct git_access_remote *find_remote(const struct git_access *access,
                                                   const char *name, const char *url)
{
    for (size_t i = 0; i < access->remote_count; i++) {
        if ((name != NULL && strcmp(access->remotes[i].name, name) == 0) ||
            (url != NULL && strcmp(access->remotes[i].url, url) == 0))
            return &access->remotes[i];
    }
    return NULL;
}

static int add_remote(struct git_access *access, const char *key, const char *url, bool is_top,
                      struct error *err)
{
    char name[GIT_ACCESS_NAME_SIZE];
    const char *own = key + strlen("remote.");
    size_t length = (size_t)(strrchr(key, '.') - own);
    if (access->remote_count == GIT_ACCESS_REMOTES_MAX)
        return 0;
    snprintf(name, sizeof(name), "%.*s" SUFFIX, (int)length, own);
    if (!is_top || !is_usable_name(own, length) || find_remote(access, name, NULL) != NULL)
        snprintf(name, sizeof(name), "remote-%zu" SUFFIX, access->remote_count);
    struct git_access_remote *remote = &access->remotes[access->remote_count];
    remote->name = strdup(name);
    remote->url = strdup(url);
    access->remote_count++;
    return remote->name == NULL || remote->url == NULL ? error_set(err, ENOMEM, "list the remotes")
                                                       : 0;
}

static int find_remotes(const struct manifest *manifest, struct git_access *access,
                        struct error *err)
{
    access->remotes = calloc(GIT_ACCESS_REMOTES_MAX, sizeof(*access->remotes));
    if (access->remotes == NULL)
        return error_set(err, ENOMEM, "list the remotes");
    int result = 0;
    for (size_t i = 0; i < manifest->git_directory_count; i++) {
        const struct manifest_git_directory *directory = &manifest->git_directories[i];
        for (size_t k = 0; result == 0 && k < directory->config_count; k++) {
            const char *url = directory->config[k].value;
            if (is_url_key(directory->config[k].key) && git_access_url_refusal(url) == NULL &&
                find_remote(access, NULL, url) == NULL)
                result = add_remote(access, directory->config[k].key, url,
                                    directory->worktree[0] == '\0', err);
        }
    }
    return result;
}

static int add_upstream(struct proxy *proxy, const char *name, const char *url, struct error *err)
{
    struct upstream *upstream = &proxy->upstreams[proxy->upstream_count++];
    upstream->name = name;
    upstream->url = url;
    if (!reach_split(url, DEFAULT_PORT, upstream->host, upstream->port))
        return error_set(err, EINVAL, "the remote '%s' is no URL that curl takes", url);
    if (name == NULL)
        return 0;
    upstream->own = calloc(PROXY_OWN_REFS, sizeof(*upstream->own));
    if (upstream->own == NULL)
        return error_set(err, ENOMEM, "list the remotes");
    reach_find(proxy, upstream);
    return 0;
}

static int add_upstreams(struct proxy *proxy, struct error *err)
{
    struct git_access *access = &proxy->access;
    int result = 0;
    /* The start waits for each question to git; about one remote there is only one. */
    if (access->remote_count > 1)
        reach_ask(proxy);
    for (size_t i = 0; result == 0 && i < access->remote_count; i++)
        result = add_upstream(proxy, access->remotes[i].name, access->remotes[i].url, err);
    for (size_t i = 0; result == 0 && access->credentials[i] != NULL; i++)
        result = add_upstream(proxy, NULL, access->credentials[i], err);
    return result;
}

static int load_state(struct proxy *proxy, bool *has_network, struct error *err)
{
    struct session_state *state = NULL;
    int result = session_state_load(proxy->child.session, &state, err);
    if (result < 0)
        return result;
    *has_network = strcmp(state->network, "none") != 0;
    proxy->repository = steal_pointer(&state->repository);
    session_state_free(state);
    return 0;
}

static int load(struct proxy *proxy, bool *serves, struct error *err)
{
    struct manifest *manifest = NULL;
    bool has_network = false;
    int result = load_state(proxy, &has_network, err);
    if (result == 0)
        result = git_rules_load(&proxy->rules, err);
    if (result == 0)
        result = session_manifest_load(proxy->child.session, &manifest, err);
    /* Without a manifest nobody has been told of a remote. */
    if (result < 0 || manifest == NULL)
        return result == -ENOENT ? 0 : result;
    proxy->agent = steal_pointer(&manifest->agent);
    proxy->access.credentials = steal_pointer(&proxy->rules.credentials);
    result = find_remotes(manifest, &proxy->access, err);
    manifest_free(manifest);
    /* Without a network of its own a session does not get one through us. */
    *serves = has_network && !proxy->rules.is_off &&
              (proxy->access.remote_count > 0 || proxy->access.credentials[0] != NULL);
    if (result == 0 && *serves)
        result = git_identity_of(proxy->repository, &proxy->identity, err);
    return result < 0 || !*serves ? result : add_upstreams(proxy, err);
}

int remotes_load(struct proxy *proxy, struct error *err)
{
    bool serves = false;
    int result = load(proxy, &serves, err);
    /* -ENOENT says that there is nothing to serve, and nothing else. */
    if (result < 0)
        return -EIO;
    return serves ? 0 : -ENOENT;
}

int remotes_stage(const struct proxy *proxy, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = git_access_render(&proxy->access, &text, &size, err);
    if (result == 0 &&
        path_format(path, "%s/host/" GIT_ACCESS_STAGED, proxy->runtime_directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the session directory");
    /* Open to the container's root, which is nobody in particular here; the directory above is not.
     */
    return result < 0 ? result : fd_write_file(AT_FDCWD, path, text, size, 0644, err);
}

void remotes_free(struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->upstream_count; i++) {
        secret_wipe(&proxy->upstreams[i].credential);
        secret_wipe(&proxy->upstreams[i].certificate);
        secret_wipe(&proxy->upstreams[i].key);
        free(proxy->upstreams[i].proxy);
        free(proxy->upstreams[i].authorities);
        free(proxy->upstreams[i].own);
    }
    git_access_free(&proxy->access);
    git_rules_free(&proxy->rules);
    free(proxy->settings.text);
    free(proxy->repository);
    free(proxy->agent);
}

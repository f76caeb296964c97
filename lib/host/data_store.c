/* Opens the store of an agent's data, and gives it away as an archive. */
#include "lib/host/data_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/data_journal.h"
#include "lib/host/data_key.h"
#include "lib/pack/pack_key.h"
#include "lib/wire/manifest.h"

static int open_below(int parent, const char *name, struct error *err)
{
    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        return error_set(err, errno, "make '%s' in the data of agents", name);
    int fd = path_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 ? fd : error_set(err, -fd, "open '%s' in the data of agents", name);
}

static int take_lock(struct data_store *store, struct error *err)
{
    char name[PACK_AGENT_SIZE + 8];
    snprintf(name, sizeof(name), ".%s.lock", store->agent);
    store->lock = openat(store->root, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock < 0)
        return error_set(err, errno, "open '%s'", name);
    while (flock(store->lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return error_set(err, errno, "lock '%s'", name);
    return 0;
}

int data_store_open(struct data_store *store, const char *agent, struct error *err)
{
    *store = (struct data_store){.root = -1, .tree = -1, .lock = -1, .quota = DATA_STORE_BYTES_MAX};
    if (!manifest_is_name(agent))
        return error_set(err, EINVAL, "'%.60s' is not the name of an agent", agent);
    snprintf(store->agent, sizeof(store->agent), "%s", agent);
    store->root = data_root_open(err);
    if (store->root < 0)
        return store->root;
    int result = take_lock(store, err);
    if (result == 0)
        result = data_key_load(store->root, &store->master, err);
    if (result < 0)
        return result;
    store->tree = open_below(store->root, agent, err);
    return store->tree < 0 ? store->tree : data_journal_recover(store, err);
}

void data_store_close(struct data_store *store)
{
    cleanup_close(&store->tree);
    cleanup_close(&store->root);
    sodium_free(store->master);
    store->master = NULL;
    cleanup_close(&store->lock);
}

int data_store_export(const struct data_store *store, int fd, size_t *files, size_t *left_out,
                      struct error *err)
{
    unsigned char key[PACK_KEY_BYTES];
    struct pack_label label = {.direction = PACK_IMPORT};
    const struct data_session *session = store->session;
    const struct pack_filter filter = {.places = session != NULL ? &session->places : NULL,
                                       .most = session != NULL ? DATA_SESSION_BYTES_MAX : 0,
                                       .is_partial = session != NULL};
    char **paths = NULL;
    snprintf(label.agent, sizeof(label.agent), "%s", store->agent);
    if (session != NULL)
        memcpy(label.session, session->id, sizeof(label.session));
    int result = pack_list(store->tree, &filter, &paths, left_out, err);
    if (result < 0)
        return result;
    pack_key_derive(store->master, &label, key);
    const struct pack_source source = {
        .root = store->tree, .paths = paths, .label = &label, .key = key};
    result = pack_write(fd, &source, err);
    sodium_memzero(key, sizeof(key));
    for (*files = 0; paths[*files] != NULL;)
        (*files)++;
    pack_list_free(paths);
    return result;
}

/* Finds the keys of agents' data. */
#include "lib/host/data_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/pack/pack_key.h"
#include "lib/wire/session.h"

#define KEY_FILE ".key"

int data_root_open(struct error *err)
{
    char path[PATH_MAX];
    int result = session_state_root(path, err);
    if (result < 0)
        return result;
    cleanup_fd int state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state < 0)
        return error_set(err, errno, "open '%s'", path);
    if (mkdirat(state, "data", 0700) < 0 && errno != EEXIST)
        return error_set(err, errno, "make '%s/data'", path);
    int fd = path_open_beneath(state, "data", O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 ? fd : error_set(err, -fd, "open '%s/data'", path);
}

int data_key_load(int root, unsigned char **master, struct error *err)
{
    unsigned char *key = sodium_init() < 0 ? NULL : sodium_malloc(PACK_MASTER_BYTES);
    if (key == NULL)
        return error_set(err, ENOMEM, "load the key of agent data");
    int result = pack_key_load(root, KEY_FILE, key, err);
    if (result < 0)
        sodium_free(key);
    else
        *master = key;
    return result;
}

int data_key_of(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                struct error *err)
{
    unsigned char *master = NULL;
    cleanup_fd int root = data_root_open(err);
    int result = root < 0 ? root : data_key_load(root, &master, err);
    if (result < 0)
        return result;
    pack_key_derive(master, label, key);
    sodium_free(master);
    return 0;
}

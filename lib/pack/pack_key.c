/* Makes, reads and derives the keys of archives. */
#include "lib/pack/pack_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

_Static_assert(PACK_MASTER_BYTES == crypto_kdf_KEYBYTES, "the master is a key of crypto_kdf");
_Static_assert(PACK_KEY_BYTES == crypto_auth_KEYBYTES, "what is derived is a key of crypto_auth");
_Static_assert(PACK_SESSION_SIZE - 1 == sizeof(uint64_t), "a session is the number of a subkey");

#define SUBKEY_OF_NONE 1
static const char import_context[crypto_kdf_CONTEXTBYTES + 1] = "caimport";
static const char export_context[crypto_kdf_CONTEXTBYTES + 1] = "caexport";

static int write_master(int fd, struct error *err)
{
    unsigned char master[PACK_MASTER_BYTES];
    crypto_kdf_keygen(master);
    int result = fd_write_all(fd, master, sizeof(master));
    sodium_memzero(master, sizeof(master));
    if (result < 0 || fsync(fd) < 0)
        return error_set(err, result < 0 ? -result : errno, "write the key of agent data");
    return 0;
}

/* Linked into place whole: two that make one at once get the same. */
static int make(int directory, const char *file, struct error *err)
{
    char name[64];
    if (sodium_init() < 0)
        return error_set(err, EIO, "get random numbers");
    snprintf(name, sizeof(name), "%s.%d", file, getpid());
    cleanup_fd int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, errno, "make the key of agent data");
    int result = write_master(fd, err);
    if (result == 0 && linkat(directory, name, directory, file, 0) < 0 && errno != EEXIST)
        result = error_set(err, errno, "keep the key of agent data");
    if (unlinkat(directory, name, 0) < 0 && result == 0)
        result = error_set(err, errno, "remove '%s'", name);
    if (result == 0 && fsync(directory) < 0)
        result = error_set(err, errno, "keep the key of agent data");
    return result;
}

static int read_master(int fd, const char *file, unsigned char master[PACK_MASTER_BYTES],
                       struct error *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return error_set(err, errno, "look at '%s'", file);
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0 ||
        status.st_size != PACK_MASTER_BYTES)
        return error_set(err, EPROTO,
                         "'%s' must be a file of %d bytes that is yours alone (chmod 0600)", file,
                         PACK_MASTER_BYTES);
    return read(fd, master, PACK_MASTER_BYTES) == PACK_MASTER_BYTES
               ? 0
               : error_set(err, EIO, "read '%s'", file);
}

int pack_key_load(int directory, const char *file, unsigned char master[PACK_MASTER_BYTES],
                  struct error *err)
{
    cleanup_fd int fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        int result = make(directory, file, err);
        if (result < 0)
            return result;
        fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    }
    return fd < 0 ? error_set(err, errno, "open '%s'", file) : read_master(fd, file, master, err);
}

/* The subkey of what SESSION ("": none) is about. No session's name is as short as the number of
 * none. */
static uint64_t subkey_of(const char session[PACK_SESSION_SIZE])
{
    uint64_t number = 0;
    if (session[0] == '\0')
        return SUBKEY_OF_NONE;
    for (size_t i = 0; i < sizeof(number); i++)
        number |= (uint64_t)(unsigned char)session[i] << (8 * i);
    return number;
}

void pack_key_derive(const unsigned char master[PACK_MASTER_BYTES], const struct pack_label *label,
                     unsigned char key[PACK_KEY_BYTES])
{
    const char *context = label->direction == PACK_EXPORT ? export_context : import_context;
    crypto_kdf_derive_from_key(key, PACK_KEY_BYTES, subkey_of(label->session), context, master);
}

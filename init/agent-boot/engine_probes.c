/* What the engine was asked to give: the exact capability set, and a volume that can be idmapped.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-boot/kernel_probes.h"
#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/idmapped_view.h"
#include "lib/base/table_file.h"
#include "lib/base/unix_socket.h"
#include "lib/wire/manifest.h"
#include "lib/wire/redeem.h"

#define CAPABILITIES_FILE BOOT_POLICY_DIRECTORY "/capabilities.tab"

static int add_granted(const struct table_file_row *row, void *context, struct error *err)
{
    if (strcmp(row->fields[0], "container") != 0)
        return 0;
    int capability = capability_from_name(row->fields[1]);
    if (capability < 0)
        return error_set(err, EINVAL, "no capability is called '%s'", row->fields[1]);
    *(uint64_t *)context |= CAPABILITY_BIT(capability);
    return 0;
}

int probe_capabilities(struct boot_context *context, struct error *err)
{
    (void)context;
    uint64_t granted = 0;
    int result = table_file_read(CAPABILITIES_FILE, 4, 4, add_granted, &granted, err);
    if (result < 0)
        return result;
    struct capability_sets sets;
    result = capability_get(&sets);
    if (result < 0)
        return error_set(err, -result, "capget");
    if (sets.permitted == granted)
        return 0;
    for (int capability = 0; capability < 64; capability++) {
        uint64_t bit = CAPABILITY_BIT(capability);
        const char *name = capability_name(capability);
        if (((sets.permitted ^ granted) & bit) != 0)
            return error_set(err, EPROTO, "CAP_%s is %s", name == NULL ? "?" : name,
                             (granted & bit) != 0 ? "missing" : "granted but not in the table");
    }
    return 0;
}

/* Without these the drop could not make agentuser of boot, and the command would run as it is. */
int probe_identity(struct boot_context *context, struct error *err)
{
    (void)context;
    static const int needed[] = {CAP_SETUID, CAP_SETGID, CAP_SETPCAP};
    struct capability_sets sets;
    int result = capability_get(&sets);
    if (result < 0)
        return error_set(err, -result, "capget");
    if (geteuid() != 0)
        return error_set(err, EPROTO, "started as user %u, not as root", geteuid());
    for (size_t i = 0; i < ARRAY_LENGTH(needed); i++) {
        if ((sets.permitted & CAPABILITY_BIT(needed[i])) == 0)
            return error_set(err, EPROTO, "CAP_%s is missing", capability_name(needed[i]));
    }
    return 0;
}

int probe_idmapped_mounts(struct boot_context *context, struct error *err)
{
    struct stat volume;
    struct stat parent;
    if (stat(MANIFEST_VOLUME, &volume) < 0 || stat(BOOT_RUN_DIRECTORY, &parent) < 0 ||
        volume.st_dev == parent.st_dev) {
        boot_set_detail(context, "no volume is mounted here to try it on");
        return BOOT_SKIPPED;
    }
    struct idmapped_view_swap swap = {.first = context->agentuser.uid,
                                      .second = context->agentcli.uid};
    return idmapped_view_probe(MANIFEST_VOLUME, &swap, err);
}

/* Only where doctor listens: what the broker's socket needs of an engine. In a session the broker
 * step says the same by itself. */
int probe_host_socket(struct boot_context *context, struct error *err)
{
    if (context->mode != BOOT_MODE_CHECK || access(MANIFEST_SOCKET_DIRECTORY, F_OK) < 0)
        return BOOT_SKIPPED;
    cleanup_fd int fd = unix_socket_connect(MANIFEST_SOCKET_DIRECTORY "/" REDEEM_SOCKET);
    return fd < 0 ? error_set(err, -fd, "connect to a socket of the host") : 0;
}

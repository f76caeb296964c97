/* Decides what the root channel takes: the table of roles, how much comes, counts of refusals. */
#include "host-shim/keeper/admission.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/limits.h"

#define BIT(event) (UINT64_C(1) << (event))

/* clang-format off */
static const struct admission_role roles[] = {
    [CHANNEL_ROLE_BOOT] = {
        .program = "boot", .is_container = true, .frame = CHANNEL_EVENT, .connections = 2,
        .events = BIT(AUDIT_BOOT_STEP) | BIT(AUDIT_BOOT_REPORT) | BIT(AUDIT_BOOT_REFUSED) | BIT(AUDIT_SHUTDOWN_STEP) |
                  BIT(AUDIT_WORK_COMMITTED) | BIT(AUDIT_WORK_PUSHED) | BIT(AUDIT_WORK_LEFT) |
                  BIT(AUDIT_DATA_IMPORTED) | BIT(AUDIT_DATA_REFUSED),
    },
    [CHANNEL_ROLE_INIT] = {
        .program = "init", .is_container = true, .frame = CHANNEL_INIT_EVENT, .connections = 2,
    },
    [CHANNEL_ROLE_RUNNER] = {
        .program = "runner", .is_container = true, .frame = CHANNEL_EXEC_EVENT, .connections = 2,
    },
    [CHANNEL_ROLE_APPROVER] = {
        .program = "approver", .frame = CHANNEL_ASK_REQUEST, .connections = 6,
    },
    [CHANNEL_ROLE_LAUNCHER] = {
        .program = "launcher", .frame = CHANNEL_EVENT, .connections = 2,
        .events = BIT(AUDIT_SESSION_START) | BIT(AUDIT_SESSION_CONFIG) | BIT(AUDIT_OVERRIDE_USED) |
                  BIT(AUDIT_RUNTIME_BLOCKED) | BIT(AUDIT_INTEGRITY_CHECK) | BIT(AUDIT_ENV_DETECT),
    },
    [CHANNEL_ROLE_COLLECT] = {
        .program = "collect", .frame = CHANNEL_EVENT, .connections = 2,
        .events = BIT(AUDIT_WORK_COLLECTED) | BIT(AUDIT_WORK_LEFT) | BIT(AUDIT_OVERRIDE_USED),
    },
};
/* clang-format on */

const struct admission_role *admission_role(uint32_t role)
{
    if (role >= ARRAY_LENGTH(roles) || roles[role].program == NULL)
        return NULL;
    return &roles[role];
}

bool admission_allows(const struct admission_role *role, enum audit_event event)
{
    return (size_t)event < AUDIT_EVENT_COUNT && (role->events & BIT(event)) != 0;
}

void admission_open(struct admission *admission, uint64_t now_ns)
{
    *admission = (struct admission){.dropped = 0};
    allowance_open(&admission->events, LIMIT_EVENTS_BURST,
                   CLOCK_NANOSECONDS_PER_SECOND / LIMIT_EVENTS_PER_SECOND, now_ns);
}

bool admission_take(struct admission *admission, uint64_t now_ns, size_t size)
{
    if (admission->bytes + size > LIMIT_EVENT_BYTES_PER_SESSION ||
        !allowance_take(&admission->events, now_ns)) {
        admission->dropped++;
        return false;
    }
    admission->bytes += size;
    return true;
}

bool admission_take_exec(struct admission *admission, bool is_nested)
{
    uint64_t most = is_nested ? LIMIT_NESTED_BYTES_PER_SESSION : LIMIT_EXEC_BYTES_PER_SESSION;
    if (admission->exec_bytes < most)
        return true;
    admission->execs_dropped++;
    return false;
}

void admission_spend_exec(struct admission *admission, uint64_t bytes)
{
    admission->exec_bytes += bytes;
}

bool admission_refuse(struct admission *admission, const char *what, uid_t uid)
{
    size_t i = 0;
    while (i < ADMISSION_REFUSALS && admission->refusals[i].what != NULL &&
           (strcmp(admission->refusals[i].what, what) != 0 || admission->refusals[i].uid != uid))
        i++;
    struct admission_refusal *refusal = &admission->refusals[i];
    if (refusal->what == NULL) {
        refusal->what = i < ADMISSION_REFUSALS ? what : "refusals of many kinds";
        refusal->uid = uid;
    }
    return ++refusal->count == 1;
}

/* Tells the keeper what was refused, and after a while how often. */
#include "lib/host/refusals.h"

#include "lib/host/keeper_tell.h"
#include "lib/wire/record.h"

#define TOLD 1000
#define STEP 10000

void refusals_tell(struct refusals *refusals, int keeper, const struct refusal *refusal)
{
    if (++refusals->count > TOLD && !refusal->is_told_anyway) {
        if (refusals->count % STEP == 0)
            keeper_tell_event(keeper, AUDIT_LIMIT_HIT,
                              json_pack("{s:s, s:I, s:s}", "what", refusal->what, "count",
                                        (json_int_t)refusals->count, "detail", "refusals so far"));
        return;
    }
    json_t *fields = json_pack("{s:s, s:I, s:I}", "reason", refusal->reason, "uid",
                               (json_int_t)refusal->uid, "pid", (json_int_t)refusal->pid);
    if (fields != NULL && record_set_text(fields, "detail", refusal->detail) == 0)
        keeper_tell_event(keeper, refusal->event, fields);
    else
        json_decref(fields);
}

/* A holder that has its login, and what it says of a renewed one. */
#ifndef TESTS_BROKER_LEASE_H
#define TESTS_BROKER_LEASE_H

#include "tests/unit/broker/stage.h"

struct lease {
    int fd; /* owned by the caller */
    struct redeem_session session;
    struct redeem_binding binding;
};

/* Redeems as the holder, of a broker that was started, greeted and told the bond; for root. */
void lease_take(struct stage *stage, struct lease *lease);
/* That after stage_open. */
void lease_open(struct stage *stage, struct lease *lease);

/* Says that TEXT, of KIND, is the login now. */
void lease_send_renewed(const struct lease *lease, enum redeem_kind kind, const char *text);
/* And what the broker answers: the outcome, or minus the reason of a refusal. */
int lease_renew(const struct lease *lease, enum redeem_kind kind, const char *text);

#endif

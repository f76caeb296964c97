/* The session's sidecar as a broker sees it, for tests: it hands connections over, and says whose
 * they are. */
#ifndef TESTS_BROKER_SIDECAR_H
#define TESTS_BROKER_SIDECAR_H

#include "tests/unit/broker/stage.h"

/* The socket between it and the broker, with the number of the broker's end in TEXT; nothing for a
 * stage without one. */
void sidecar_make_relay(const struct stage *stage, int relay[2], char text[16]);
/* A connection as stage->relayed_uid. */
int sidecar_connect(const struct stage *stage);

#endif

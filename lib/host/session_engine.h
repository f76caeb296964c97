/* A session as the engine sees it, and how its recorded state catches up with that. */
#ifndef HOST_SESSION_ENGINE_H
#define HOST_SESSION_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/host/engine.h"
#include "lib/wire/session.h"

/* What users name in the engine carries the session's id in this label. */
#define SESSION_LABEL "coding-agents.session"

/*
 * Makes later engine calls go to the engine that STATE was started on. -EINVAL when another one
 * answers in its place: what that one does not have proves nothing. 0 or -errno.
 */
int session_engine_select(const struct session_state *state, struct error *err);

/*
 * The container of STATE. 0 with *EXISTS and, when true, *CONTAINER set; -errno when the engine
 * cannot be asked.
 */
int session_engine_container(const struct session_state *state, bool *exists,
                             struct engine_container *container, struct error *err);

/* True when the keeper of SESSION answers on its socket. */
bool session_keeper_is_alive(const char *session);

/*
 * After the container ended: waits at most TIMEOUT_MS for the keeper to record the end; without a
 * keeper, and for a run after the recorded one, records it from CONTAINER. NULL: the container is
 * gone, which is no end while a keeper lives. *STATE is replaced by what is recorded then.
 */
int session_engine_await_end(struct session_state **state, const struct engine_container *container,
                             unsigned int timeout_ms, struct error *err);

/* The cause of an end that was not the agent's own, as a sentence; "" when it was. Borrowed,
 * static. */
const char *session_engine_cause(const struct engine_container *container);

/*
 * True when CONTAINER was started again after the end that STATE records: what is on record as
 * saved or collected is an earlier run's.
 */
bool session_engine_ran_again(const struct session_state *state,
                              const struct engine_container *container);

#endif

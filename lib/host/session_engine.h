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

/* Makes later engine calls go to the engine that STATE was started on. 0 or -errno. */
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
 * keeper, records it from CONTAINER (NULL: the container is gone). *STATE is replaced by what is
 * recorded then.
 */
int session_engine_await_end(struct session_state **state, const struct engine_container *container,
                             unsigned int timeout_ms, struct error *err);

/* The cause of an end that was not the agent's own, as a sentence; "" when it was. Borrowed,
 * static. */
const char *session_engine_cause(const struct engine_container *container);

/*
 * True when the session ended without its shutdown's commit and push, or these failed: its last
 * changes lie uncommitted in the volume. CONTAINER NULL: it is gone, nobody knows how it ended.
 */
bool session_engine_was_cut_off(const struct session_state *state,
                                const struct engine_container *container);

/*
 * True when SESSION ended before its boot was finished: nothing of the agent ran, so there is no
 * work. False also when the log does not tell, because its keeper was killed.
 */
bool session_engine_never_ran(const char *session);

#endif

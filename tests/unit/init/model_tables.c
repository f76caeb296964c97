/* The tables under test, with at most one transition changed. */
#include "tests/unit/init/model.h"

bool listed_session_step(enum init_session_state *state, enum session_event event,
                         enum session_action *action);
bool listed_service_step(enum init_service_state *state, enum service_event event,
                         enum service_action *action);
#define session_step listed_session_step
#define service_step listed_service_step
#include "init/machine/machine.c" /* NOLINT(bugprone-suspicious-include): renamed on purpose */
#undef session_step
#undef service_step

const struct mutation *model_mutation;

static bool is_mutated(bool is_service, uint32_t state, uint32_t event)
{
    const struct mutation *mutation = model_mutation;
    return mutation != NULL && mutation->is_service == is_service && mutation->state == state &&
           mutation->event == event;
}

static bool judge(bool is_service, uint32_t state, uint32_t event, bool is_listed)
{
    model.rejected += !is_listed;
    if (!is_listed)
        record_note_refusal(is_service, state, event);
    return is_listed;
}

/* The mutated transition, or a refusal: loud, or silent with everything left as it is. */
static bool take_mutation(uint32_t *next, uint32_t *action)
{
    if (model_mutation->next == 0) {
        *action = 0;
        return judge(model_mutation->is_service, model_mutation->state, model_mutation->event,
                     false) ||
               model_mutation->is_silent;
    }
    *next = model_mutation->next;
    *action = model_mutation->action;
    return true;
}

bool session_step(enum init_session_state *state, enum session_event event,
                  enum session_action *action)
{
    uint32_t before = *state;
    uint32_t next = before;
    uint32_t number = SESSION_DO_NOTHING;
    bool is_taken;
    promises_note_session_event(event);
    if (is_mutated(false, before, event)) {
        is_taken = take_mutation(&next, &number);
        *state = (enum init_session_state)next;
        *action = (enum session_action)number;
    } else {
        is_taken = judge(false, before, event, listed_session_step(state, event, action));
    }
    if (!is_taken)
        return false;
    model_note_move(false, before, *state);
    record_note_session((enum init_session_state)before, *state);
    promises_note_session((enum init_session_state)before, *state);
    return true;
}

bool service_step(enum init_service_state *state, enum service_event event,
                  enum service_action *action)
{
    uint32_t before = *state;
    uint32_t next = before;
    uint32_t number = SERVICE_DO_NOTHING;
    bool is_taken;
    promises_note_service_event(state, event);
    if (is_mutated(true, before, event)) {
        is_taken = take_mutation(&next, &number);
        *state = (enum init_service_state)next;
        *action = (enum service_action)number;
    } else {
        is_taken = judge(true, before, event, listed_service_step(state, event, action));
    }
    if (!is_taken)
        return false;
    model_note_move(true, before, *state);
    record_note_service((enum init_service_state)before, *state);
    promises_note_service(state, (enum init_service_state)before);
    return true;
}

struct mutation model_listed_transition(bool is_service, uint8_t state, uint8_t event)
{
    struct transition transition =
        is_service ? service_table[state][event] : session_table[state][event];
    return (struct mutation){.is_service = is_service,
                             .state = state,
                             .event = event,
                             .next = transition.next,
                             .action = transition.action};
}

/* Reads from a session's log what its branch does not have, and says it in a sentence. */
#include "host-shim/commands/losses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/leftovers.h"
#include "lib/host/session_log.h"

/* Names of each kind in the sentence; the rest is counted. */
#define NAMES_SHOWN 5

int losses_read(const struct session_state *state, bool has_volume, struct losses *losses,
                struct error *err)
{
    *losses = (struct losses){
        .has_volume = has_volume, .withheld = json_array(), .unreached = json_array()};
    if (losses->withheld == NULL || losses->unreached == NULL) {
        losses_free(losses);
        return error_set(err, ENOMEM, "see what session %s has", state->session);
    }
    if (has_volume)
        session_log_left(state->session, losses->withheld, losses->unreached);
    if (leftovers_clone_has_work(state->session) &&
        leftovers_clone_path(state->session, losses->clone, NULL) < 0)
        snprintf(losses->clone, sizeof(losses->clone), "%s", state->repository);
    return 0;
}

void losses_free(struct losses *losses)
{
    json_decref(losses->withheld);
    json_decref(losses->unreached);
    *losses = (struct losses){.withheld = NULL};
}

bool losses_are_none(const struct losses *losses)
{
    return !losses->has_unfetched && json_array_size(losses->withheld) == 0 &&
           json_array_size(losses->unreached) == 0 && losses->clone[0] == '\0';
}

static void print_names(FILE *file, const char *what, const json_t *names)
{
    size_t count = json_array_size(names);
    if (count == 0)
        return;
    fprintf(file, "; %s: ", what);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
        fprintf(file, "%s%s", i == 0 ? "" : ", ", json_string_value(json_array_get(names, i)));
    if (count > NAMES_SHOWN)
        fprintf(file, " and %zu more", count - NAMES_SHOWN);
}

void losses_tell(const struct session_state *state, const struct losses *losses, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        error_set(err, ENOMEM, "say what session %s has", state->session);
        return;
    }
    if (losses->has_unfetched && !losses->has_volume)
        fprintf(file, "; work that was never fetched, in the volume %s, which its engine lacks",
                state->volume);
    else if (losses->has_unfetched)
        fprintf(file,
                "; work that is nowhere but in its volume: fetch it with coding-agents sync %s",
                state->session);
    print_names(file, "files that were left out, kept in its volume", losses->withheld);
    print_names(file, "commits that are not on its branch", losses->unreached);
    if (losses->clone[0] != '\0')
        fprintf(file, "; commits or changes in its clone %s that the origin lacks", losses->clone);
    fclose(file);
    error_set(err, EINVAL, "session %s has what would be lost with it%s", state->session,
              text == NULL ? "" : text);
}

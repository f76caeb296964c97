/* Fuzzes what an agent says it renewed: whatever it is, the host's login keeps its form, and all in
 * it that is not a token or a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/login.h"
#include "lib/host/login_renewal.h"
#include "tests/fuzz/fuzz.h"

/* clang-format off */
static const struct {
    const char *agent;
    const char *host;
    const char *kept; /* the same without what may be renewed */
    const char *object;
    const char *members[4];
} logins[] = {
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\",\"expiresAt\":1,\"scopes\":[\"s\"]},\"x\":1}",
     "{\"claudeAiOauth\":{\"scopes\":[\"s\"]},\"x\":1}", "claudeAiOauth", {"accessToken", "expiresAt"}},
    {"codex", "{\"tokens\":{\"access_token\":\"a\",\"account_id\":\"1\"},\"last_refresh\":\"t\"}",
     "{\"tokens\":{\"account_id\":\"1\"}}", "tokens", {"access_token"}},
    {"copilot", "// c\n{\"copilot_tokens\":{\"h\":\"a\"},\"trusted\":[]}",
     "{\"copilot_tokens\":{},\"trusted\":[]}", "copilot_tokens", {"h"}},
};
/* clang-format on */

static void try(size_t i, const char *data, size_t size)
{
    json_t *renewal = NULL;
    char *text = NULL;
    size_t head = 0;
    struct error err = ERROR_INITIALIZER;
    struct login login;
    if (login_renewal_read(logins[i].agent, data, size, &renewal, &err) < 0) {
        fuzz_require(err.message[0] != '\0' && renewal == NULL);
        return;
    }
    const char *host = logins[i].host;
    if (login_renewal_apply(logins[i].agent, renewal, host, strlen(host), &text, &err) == 0) {
        fuzz_require(login_check(logins[i].agent, text, strlen(text), &login, &err) == 0);
        json_t *kept = json_loads(logins[i].kept, 0, NULL);
        json_t *now = login_document(text, strlen(text), &head);
        json_t *object = json_object_get(now, logins[i].object);
        for (size_t k = 0; k < ARRAY_LENGTH(logins[i].members) && logins[i].members[k]; k++)
            fuzz_require(json_object_del(object, logins[i].members[k]) == 0);
        (void)json_object_del(now, "last_refresh");
        fuzz_require(json_equal(kept, now));
        json_decref(kept);
        json_decref(now);
    }
    free(text);
    json_decref(renewal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    try(data[0] % ARRAY_LENGTH(logins), (const char *)data + 1, size - 1);
    return 0;
}

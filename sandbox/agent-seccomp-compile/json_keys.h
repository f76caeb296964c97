/* Objects with exactly the keys we know. */
#ifndef AGENT_SECCOMP_COMPILE_JSON_KEYS_H
#define AGENT_SECCOMP_COMPILE_JSON_KEYS_H

#include <jansson.h>

#include "lib/base/error.h"

/* 0 when JSON is an object and each of its keys is in KEYS (NULL-terminated); -EINVAL names the
 * first that is not. */
int json_keys_check(const json_t *json, const char *const *keys, struct error *err);

/* The non-empty string at KEY (borrowed); NULL with ERR set when it is missing or something else.
 */
const char *json_keys_text(const json_t *json, const char *key, struct error *err);

#endif

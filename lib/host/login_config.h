/*
 * What the user said about secrets: $XDG_CONFIG_HOME/coding-agents/secrets.json, 0600.
 *
 *     {"version": 1, "when_lost": "stop" | "continue", "second_redeem": "refuse" | "freeze",
 *      "when_renewed": "keep" | "discard", "sign": "configured" | "off",
 *      "logins": {AGENT: {"file": PATH} | {"command": [ARGUMENT, ...]} | {"none": true}}}
 */
#ifndef HOST_LOGIN_CONFIG_H
#define HOST_LOGIN_CONFIG_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"

struct login_config {
    json_t *document; /* owned */
};

/* $XDG_CONFIG_HOME/coding-agents, or ~/.config/coding-agents, into PATH, not made. 0 or -errno. */
int login_config_directory(char path[PATH_MAX], struct error *err);

/* Reads and checks the file; without one, CONFIG says nothing of anything. 0 or -errno with what is
 * wrong in it. */
int login_config_load(struct login_config *config, struct error *err);
/* Replaces the file; its directory is made, 0700. 0 or -errno. */
int login_config_save(const struct login_config *config, struct error *err);
void login_config_free(struct login_config *config);

/* What it says of AGENT (borrowed), or NULL. */
const json_t *login_config_entry(const struct login_config *config, const char *agent);
/* Replaces that; takes ENTRY, NULL: what was said is taken back. 0 or -ENOMEM. */
int login_config_set(struct login_config *config, const char *agent, json_t *entry);
/* True when a session is to go on without the login that it lost. */
bool login_config_continues(const struct login_config *config);
/* True when a login that was renewed in a session is not to be carried back. */
bool login_config_discards(const struct login_config *config);
/* True when a session in which somebody redeems a second time is to be frozen. */
bool login_config_freezes(const struct login_config *config);
/* True when what is committed in a session is never to be signed. */
bool login_config_signs_nothing(const struct login_config *config);

#endif

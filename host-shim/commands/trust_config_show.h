/* What trust-config shows of a repository's configuration, for people and for programs. */
#ifndef COMMANDS_TRUST_CONFIG_SHOW_H
#define COMMANDS_TRUST_CONFIG_SHOW_H

#include "lib/base/error.h"
#include "lib/host/repository_config.h"

/* Prints the files of CONFIG with size and digest, and then what is not as it was accepted, as a
 * diff: all of it is new when nothing was. Nothing in it reaches a terminal as a control character.
 * 0 or -errno. */
int trust_config_show(const struct repository_config *config, struct error *err);

/* The same without the diff, as one JSON document about AGENT in the repository at TOP. 0 or
 * -errno.
 */
int trust_config_show_json(const struct repository_config *config, const char *agent,
                           const char *top, struct error *err);

#endif

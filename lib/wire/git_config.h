/*
 * The keys of git configuration that may travel from the user's repository into the session: an
 * allow-list. Nothing on it can name a program, a file or a credential; everything else is refused.
 */
#ifndef WIRE_GIT_CONFIG_H
#define WIRE_GIT_CONFIG_H

/*
 * Why KEY with VALUE may not travel, as a static text that follows the key ("is not on the list of
 * keys that may be brought along"), or NULL when it may. KEY as git prints it: "remote.origin.url".
 * URLs must name a plain transport (a remote helper such as "ext::" runs programs) and carry no
 * password.
 */
const char *git_config_refusal(const char *key, const char *value);

#endif

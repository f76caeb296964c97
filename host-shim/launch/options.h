/* What the command line asks for, each value already checked against its grammar. */
#ifndef LAUNCH_OPTIONS_H
#define LAUNCH_OPTIONS_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"

/* Strings are borrowed from argv. NULL, false or 0: not given. */
struct launch_options {
    bool is_persistent; /* `launch` instead of `run`; set before parsing */
    const char *agent;
    const char *source;
    char **command; /* what follows "--"; NULL-terminated, never NULL */
    const char *prompt;
    bool is_interactive; /* with a command too */
    const char *branch;
    const char *name;
    bool use_current_branch;
    bool no_push;
    bool no_data;
    bool commit_secrets;
    const char *commit_message;
    bool include_ignored;
    bool is_restricted;
    bool has_sidecar; /* the host's processes are reached through a second container */
    unsigned int milli_cpus;
    unsigned long long memory_bytes;
    unsigned int pids;
    struct string_list device_read_bps;  /* owned */
    struct string_list device_write_bps; /* owned */
    const char *gpu;
    char *variables; /* owned; NULL without */
    const char *image;
    bool from_source;
    const char *dotnet_preview;
    struct string_list engine_arguments; /* owned; not yet checked against the allow-list */
    bool yes;
    bool is_dry_run;
    bool is_json;
};

/*
 * Parses argv of `run` or `launch`. --help prints and exits; an option that does not exist and a
 * bad value are -EINVAL with one sentence in ERR. OPTIONS is released by options_free.
 */
int options_parse(int argc, char **argv, struct launch_options *options, struct error *err);
void options_free(struct launch_options *options);

#endif

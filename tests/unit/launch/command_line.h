/* The launcher's command line from words. */
#ifndef TESTS_LAUNCH_COMMAND_LINE_H
#define TESTS_LAUNCH_COMMAND_LINE_H

#include "host-shim/launch/options.h"

/* Parses ARGUMENTS (blank-separated words after `coding-agents run`), with COMMAND behind "--". */
int command_line_parse(const char *arguments, struct launch_options *options, struct error *err);

#endif

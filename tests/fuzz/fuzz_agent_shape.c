/* Fuzzes what looks through the shells of vendors' programs: any argv, held against a table with
 * all kinds of places. What is found is never longer than what was given. */
#include <stdlib.h>
#include <string.h>

#include "lib/host/agent_shape.h"
#include "tests/fuzz/fuzz.h"

#define ARGUMENTS_MAX 8

static char own[] = "own";
static char bash[] = "/bin/bash,-c";
static char git[] = "git";
static char quoted[] = "{name}; eval {command} && {hex}-cwd";
static char plain[] = "{command}";
static char pattern[] = "-c core.*=[a-z] *";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct agent_shapes shapes = {
        .rows = {{AGENT_SHAPE_QUOTED, own, bash, quoted},
                 {AGENT_SHAPE_OWN, own, git, pattern},
                 {AGENT_SHAPE_TEXT, own, bash, plain}},
        .count = 3,
    };
    const char *arguments[ARGUMENTS_MAX];
    char text[4096];
    char *command = NULL;
    size_t used = size < sizeof(text) ? size : sizeof(text) - 1;
    size_t count = 0;

    memcpy(text, data, used);
    text[used] = '\0';
    for (size_t at = 0; at <= used && count < ARGUMENTS_MAX; at += strlen(text + at) + 1)
        arguments[count++] = text + at;
    enum agent_shape_kind kind = agent_shape_find(&shapes, "own", arguments, count, &command);
    fuzz_require((command != NULL) == (kind == AGENT_SHAPE_QUOTED || kind == AGENT_SHAPE_TEXT));
    if (command != NULL)
        fuzz_require(strlen(command) <= strlen(arguments[count - 1]));
    free(command);
    return 0;
}

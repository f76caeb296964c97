/* Makes argv of a line of words, as a shell would. */
#include "tests/unit/launch/command_line.h"

#include <stdio.h>
#include <string.h>

int command_line_parse(const char *arguments, struct launch_options *options, struct error *err)
{
    static char words[4096];
    static char *argv[64];
    int count = 0;
    argv[count++] = words + snprintf(words, sizeof(words), "%s", arguments) + 1;
    snprintf(argv[0], 32, "coding-agents run");
    for (char *word = words; *word != '\0' && count < 63;) {
        word += strspn(word, " ");
        if (*word == '\0')
            break;
        argv[count++] = word;
        word += strcspn(word, " ");
        if (*word != '\0')
            *word++ = '\0';
    }
    argv[count] = NULL;
    *options = (struct launch_options){.is_persistent = false};
    return options_parse(count, argv, options, err);
}

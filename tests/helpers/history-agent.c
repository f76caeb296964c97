/*
 * The agent of tests of what agents leave behind: `history-agent [OPTION...] TAG LINES FILE` says
 * what the history in its home has, each line behind "had ", adds LINES lines of its own to it, the
 * first of them "TAG 0", writes a conversation of its own of some MiB, says "wrote TAG", and stays
 * until FILE is there.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_US 20000
/* A conversation: 2 MiB, some 44 chunks on their way. */
#define TALK_LINES 8192
#define TALK_WIDTH 240
#define HISTORY ".claude/history.jsonl"
#define TALK ".claude/projects/-workspace"

static void say_history(void)
{
    char line[4096];
    FILE *file = fopen(HISTORY, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        printf("had %s", line);
    if (file != NULL)
        fclose(file);
}

static int add_lines(const char *path, const char *tag, int count, int width)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        return -1;
    for (int i = 0; i < count; i++)
        fprintf(file, "%s %d%*s\n", tag, i, width, "");
    return fclose(file);
}

int main(int argc, char **argv)
{
    char talk[PATH_MAX];
    const char *home = getenv("HOME");
    if (argc < 4 || home == NULL || chdir(home) < 0)
        return 2;
    const char *tag = argv[argc - 3];
    snprintf(talk, sizeof(talk), TALK "/11111111-1111-4111-8111-%.12s.jsonl", tag);
    say_history();
    (void)mkdir(".claude", 0700);
    (void)mkdir(".claude/projects", 0700);
    (void)mkdir(TALK, 0700);
    if (add_lines(HISTORY, tag, (int)strtol(argv[argc - 2], NULL, 10), 0) != 0 ||
        add_lines(talk, tag, TALK_LINES, TALK_WIDTH) != 0)
        return 1;
    printf("wrote %s\n", tag);
    fflush(stdout);
    while (access(argv[argc - 1], F_OK) != 0)
        usleep(POLL_US);
    return 0;
}

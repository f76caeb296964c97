/*
 * Says where a word lies: `find-canary FIRST SECOND PIDS DIRECTORY...` looks for the word that
 * FIRST and SECOND are together, which so stands in no argument, in the arguments and the
 * environment of every process, in the memory of those that the file PIDS lists (`all`: of every
 * one), and in each regular file below the directories, whatever is mounted there and through no
 * link. One line for each place, and how much was looked at at last. What it may not look into it
 * passes over.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1 << 20)
#define PAGE 4096
/* Of a page's entry, Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_IS_THERE (3ull << 62)
#define ENTRIES 32768

static char word[256];
static size_t word_size;
static unsigned long processes, files;

/* Whether FD has the word. */
static bool has_word(int fd)
{
    static char bytes[sizeof(word) + CHUNK];
    size_t kept = 0;
    ssize_t count;
    while ((count = read(fd, bytes + kept, CHUNK)) > 0) {
        size_t size = kept + (size_t)count;
        if (memmem(bytes, size, word, word_size) != NULL)
            return true;
        kept = size < word_size - 1 ? size : word_size - 1;
        memmove(bytes, bytes + size - kept, kept);
    }
    return false;
}

static int open_of(int pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void say(const char *kind, int pid)
{
    char name[32] = "?";
    int fd = open_of(pid, "comm");
    ssize_t count = read(fd, name, sizeof(name) - 1);
    close(fd);
    name[count > 0 ? count - 1 : 0] = '\0';
    printf("%s %s %d\n", kind, name, pid);
}

static void look_in(int pid, const char *name, const char *kind)
{
    int fd = open_of(pid, name);
    if (fd < 0)
        return;
    if (has_word(fd))
        say(kind, pid);
    close(fd);
}

/* COUNT pages from ADDRESS on of which the entries are given: those that are there, in runs. */
static bool has_word_in(int memory, uint64_t address, const uint64_t *entries, size_t count)
{
    static char bytes[(size_t)ENTRIES * PAGE];
    for (size_t i = 0; i < count; i++) {
        size_t run = 0;
        while (i + run < count && (entries[i + run] & PAGE_IS_THERE) != 0)
            run++;
        ssize_t size = run == 0 ? 0 : pread(memory, bytes, run * PAGE, (off_t)(address + i * PAGE));
        if (size > 0 && memmem(bytes, (size_t)size, word, word_size) != NULL)
            return true;
        i += run;
    }
    return false;
}

static bool range_has_word(int memory, int map, uint64_t from, uint64_t to)
{
    static uint64_t entries[ENTRIES];
    while (from < to) {
        size_t wanted = (to - from) / PAGE < ENTRIES ? (to - from) / PAGE : ENTRIES;
        ssize_t size =
            pread(map, entries, wanted * sizeof(*entries), (off_t)(from / PAGE * sizeof(*entries)));
        size_t count = size < 0 ? 0 : (size_t)size / sizeof(*entries);
        if (count == 0)
            return false;
        if (has_word_in(memory, from, entries, count))
            return true;
        from += count * PAGE;
    }
    return false;
}

/* What is written to, and in memory or swapped out: the rest is a file's. */
static void look_in_memory(int pid)
{
    char line[512];
    char path[64];
    int memory = open_of(pid, "mem");
    int map = open_of(pid, "pagemap");
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    FILE *ranges = memory < 0 || map < 0 ? NULL : fopen(path, "re");
    bool is_found = false;
    processes += ranges != NULL ? 1 : 0;
    while (ranges != NULL && !is_found && fgets(line, sizeof(line), ranges) != NULL) {
        unsigned long long from = 0, to = 0;
        char access[8];
        if (sscanf(line, "%llx-%llx %7s", &from, &to, access) == 3 && access[1] == 'w')
            is_found = range_has_word(memory, map, from, to);
    }
    if (is_found)
        say("memory", pid);
    if (ranges != NULL)
        fclose(ranges);
    close(memory);
    close(map);
}

static bool is_listed(const char *list, int pid)
{
    int listed = 0;
    if (strcmp(list, "all") == 0)
        return true;
    FILE *file = fopen(list, "re");
    while (file != NULL && fscanf(file, "%d", &listed) == 1 && listed != pid)
        ;
    if (file != NULL)
        fclose(file);
    return listed == pid;
}

static void look_at_processes(const char *list)
{
    const struct dirent *entry;
    DIR *directory = opendir("/proc");
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        int pid = (int)strtol(entry->d_name, NULL, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) || pid == getpid())
            continue;
        look_in(pid, "cmdline", "argv");
        look_in(pid, "environ", "environ");
        if (is_listed(list, pid))
            look_in_memory(pid);
    }
    if (directory != NULL)
        closedir(directory);
}

static int look_at_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)where;
    if (strstr(path, word) != NULL)
        printf("name %s\n", path);
    if (kind != FTW_F || !S_ISREG(status->st_mode))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return 0;
    files++;
    if (has_word(fd))
        printf("file %s\n", path);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    setpriority(PRIO_PROCESS, 0, -20);
    snprintf(word, sizeof(word), "%s%s", argv[1], argv[2]);
    word_size = strlen(word);
    look_at_processes(argv[3]);
    for (int i = 4; i < argc; i++)
        nftw(argv[i], look_at_file, 64, FTW_PHYS);
    printf("looked at %lu processes, %lu files\n", processes, files);
    return 0;
}

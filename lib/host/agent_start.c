/* Holds a command line and its variables against agent-start.tab. */
#include "lib/host/agent_start.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/string_list.h"
#include "lib/base/table_file.h"
#include "lib/host/install_paths.h"

#define BLANKS " \t"

struct search {
    const struct agent_start_request *request;
    struct agent_start *start;
    struct string_list logins; /* owned; names of variables */
    bool has_login;
    char refusal[512]; /* "": nothing is refused */
};

typedef int row_reader(struct search *search, const char *text, struct error *err);

/* Takes the next word off *TEXT into WORD; false at its end. */
static bool take_word(const char **text, char *word, size_t size)
{
    *text += strspn(*text, BLANKS);
    size_t length = strcspn(*text, BLANKS);
    snprintf(word, size, "%.*s", (int)length, *text);
    *text += length;
    return length > 0;
}

/* A variable without a value is as good as none. */
static bool is_given(const char *variables, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = variables; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == '=' &&
            strchr("\n", line[length + 1]) == NULL)
            return true;
    }
    return false;
}

static int read_provider(struct search *search, const char *text, struct error *err)
{
    char name[128];
    (void)err;
    while (take_word(&text, name, sizeof(name)))
        search->has_login = search->has_login || is_given(search->request->variables, name);
    return 0;
}

static int read_login(struct search *search, const char *text, struct error *err)
{
    char name[128];
    (void)read_provider(search, text, err);
    while (take_word(&text, name, sizeof(name))) {
        if (string_list_add(&search->logins, name) == NULL)
            return error_set(err, ENOMEM, "read agent-start.tab");
    }
    return 0;
}

static int read_without(struct search *search, const char *text, struct error *err)
{
    char pattern[128];
    (void)err;
    while (take_word(&text, pattern, sizeof(pattern))) {
        for (char *const *word = search->request->arguments; *word != NULL; word++)
            search->has_login = search->has_login || fnmatch(pattern, *word, FNM_NOESCAPE) == 0;
    }
    return 0;
}

static int read_refused(struct search *search, const char *text, struct error *err)
{
    char word[128];
    (void)err;
    const char *first = search->request->arguments[0];
    (void)take_word(&text, word, sizeof(word));
    text += strspn(text, BLANKS);
    if (first == NULL || strcmp(first, word) != 0)
        return 0;
    snprintf(search->refusal, sizeof(search->refusal), "'%.64s %s' is of no use in a session: %s",
             search->request->agent, word, text);
    return 0;
}

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    /* clang-format off */
    static const struct {
        const char *what;
        row_reader *read;
    } kinds[] = {
        {"login",   read_login},
        {"provider", read_provider},
        {"without", read_without},
        {"refused", read_refused},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(row->fields[1], kinds[i].what) != 0)
            continue;
        if (strcmp(row->fields[0], search->request->agent) != 0)
            return 0;
        search->start->is_vendors = true;
        return kinds[i].read(search, row->fields[2], err);
    }
    return error_set(err, EINVAL, "'%s' is none of login, provider, without and refused",
                     row->fields[1]);
}

static void list_missing(const struct string_list *logins, char text[AGENT_START_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; i < logins->count && used < AGENT_START_TEXT; i++) {
        const char *between = i == 0 ? "" : i + 1 == logins->count ? " or " : ", ";
        used += (size_t)snprintf(text + used, AGENT_START_TEXT - used, "%s%s", between,
                                 logins->items[i]);
    }
}

int agent_start_check(const char *path, const struct agent_start_request *request,
                      struct agent_start *start, struct error *err)
{
    struct search search = {.request = request, .start = start};
    *start = (struct agent_start){.missing = ""};
    int status = table_file_read(path, 3, 3, take_row, &search, err);
    if (status == 0 && !search.has_login)
        list_missing(&search.logins, start->missing);
    string_list_free(&search.logins);
    if (status < 0 || search.refusal[0] == '\0')
        return status;
    error_set(err, EINVAL, "%s", search.refusal);
    return -EPERM;
}

int agent_start_find(const struct agent_start_request *request, struct agent_start *start,
                     struct error *err)
{
    char path[PATH_MAX];
    int status = install_path_share("policies/agent-start.tab", path, err);
    return status < 0 ? status : agent_start_check(path, request, start, err);
}

void agent_start_warn(const struct agent_start *start, const char *agent, bool is_asking,
                      char text[2 * AGENT_START_TEXT])
{
    text[0] = '\0';
    if (start->missing[0] != '\0')
        snprintf(
            text, 2 * AGENT_START_TEXT,
            "%.64s is given no login and %s: --env-file FILE hands it %s, one NAME=VALUE a line",
            agent, is_asking ? "has to ask for one" : "can ask for none without a terminal",
            start->missing);
}

void agent_start_advise(const struct agent_start *start, const char *session, bool has_screen,
                        char text[2 * AGENT_START_TEXT])
{
    text[0] = '\0';
    if (start->missing[0] != '\0')
        snprintf(text, 2 * AGENT_START_TEXT, "it was given no login: --env-file FILE hands it %s",
                 start->missing);
    else if (start->is_vendors)
        snprintf(text, 2 * AGENT_START_TEXT, "coding-agents %s %s shows what it %s",
                 has_screen ? "record" : "logs", session, has_screen ? "ran" : "said");
}

/* Reads what sessions may do with https remotes. */
#include "lib/host/git_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/login_config.h"
#include "lib/wire/git_access.h"
#include "lib/wire/record.h"

#define BYTES_MAX (64 * 1024)
#define BRANCHES_MAX 64
#define BRANCH_BYTES_MAX 255
#define AGENT "{agent}"

static const char *const proxy_names[] = {"on", "off", NULL};
static const char *const update_names[] = {"own", "any", NULL};
static const char *const deletion_names[] = {"refuse", "own", NULL};
static const char default_branch[] = "refs/heads/" AGENT "/*";

/* As the file has it: enumerations are int. */
struct document {
    int proxy;
    char **branches;
    int updates;
    int deletions;
    char **credentials;
};

static const char *check_pattern(const char *value)
{
    const char *star = strchr(value, '*');
    if (strncmp(value, "refs/", 5) != 0)
        return "does not begin with refs/";
    return star != NULL && strchr(star + 1, '*') != NULL ? "has more than one *" : NULL;
}

#define AT(member) .offset = offsetof(struct document, member)

/* clang-format off */
static const struct record_field push_fields[] = {
    {.key = "branches",  .type = RECORD_TEXT_LIST, AT(branches), .limit = BRANCHES_MAX, .size = BRANCH_BYTES_MAX,
                         .check = check_pattern, .is_optional = true},
    {.key = "updates",   .type = RECORD_ENUM, AT(updates), .names = update_names, .is_optional = true},
    {.key = "deletions", .type = RECORD_ENUM, AT(deletions), .names = deletion_names, .is_optional = true},
    {.key = NULL},
};
static const struct record_field fields[] = {
    {.key = "proxy",       .type = RECORD_ENUM, AT(proxy), .names = proxy_names, .is_optional = true},
    {.key = "push",        .type = RECORD_OBJECT, .offset = 0, .fields = push_fields, .is_optional = true},
    {.key = "credentials", .type = RECORD_TEXT_LIST, AT(credentials), .limit = GIT_ACCESS_CREDENTIALS_MAX,
                           .size = GIT_ACCESS_URL_SIZE - 1, .check = git_access_url_refusal, .is_optional = true},
    {.key = NULL},
};
/* clang-format on */

static int read_document(const char *text, size_t size, struct document *document,
                         struct error *err)
{
    json_t *object = NULL;
    int result = record_parse(text, size, 1, &object, err);
    if (result < 0)
        return result;
    result = record_read(fields, object, document, err);
    json_decref(object);
    return result;
}

static char **one_text(const char *text)
{
    char **list = calloc(2, sizeof(*list));
    if (list != NULL)
        list[0] = strdup(text);
    return list;
}

/* What is left out has its default. */
static int take(struct document *document, struct git_rules *rules, struct error *err)
{
    if (document->branches == NULL)
        document->branches = one_text(default_branch);
    if (document->credentials == NULL)
        document->credentials = calloc(1, sizeof(*document->credentials));
    *rules = (struct git_rules){
        .is_off = document->proxy == 1,
        .branches = document->branches,
        .updates = (enum git_rules_updates)document->updates,
        .allows_deletion = document->deletions == 1,
        .credentials = document->credentials,
    };
    return rules->branches == NULL || rules->credentials == NULL
               ? error_set(err, ENOMEM, "read the rules for git")
               : 0;
}

int git_rules_parse(const char *text, size_t size, struct git_rules *rules, struct error *err)
{
    struct document document = {.proxy = 0};
    *rules = (struct git_rules){.branches = NULL};
    int result = size == 0 ? 0 : read_document(text, size, &document, err);
    if (result == 0)
        return take(&document, rules, err);
    record_release(fields, &document);
    return result;
}

int git_rules_load(struct git_rules *rules, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    *rules = (struct git_rules){.branches = NULL};
    int result = login_config_directory(directory, err);
    if (result == 0 && path_format(path, "%s/git.json", directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the configuration");
    if (result < 0)
        return result;
    result = fd_read_file(AT_FDCWD, path, BYTES_MAX, &text, &size, err);
    if (result < 0 && result != -ENOENT)
        return result;
    if (result == 0 && size == 0)
        return error_set(err, EINVAL, "'%s' is empty", path);
    result = git_rules_parse(text, result < 0 ? 0 : size, rules, err);
    return result < 0 ? error_prefix(err, "'%s'", path) : 0;
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

void git_rules_free(struct git_rules *rules)
{
    free_list(rules->branches);
    free_list(rules->credentials);
    *rules = (struct git_rules){.branches = NULL};
}

/* PATTERN with AGENT's name in it, and one '*' at most. */
static bool is_match(const char *pattern, const char *agent, const char *ref)
{
    char text[BRANCH_BYTES_MAX + 256];
    const char *place = strstr(pattern, AGENT);
    int length = place == NULL ? snprintf(text, sizeof(text), "%s", pattern)
                               : snprintf(text, sizeof(text), "%.*s%s%s", (int)(place - pattern),
                                          pattern, agent, place + strlen(AGENT));
    if (length < 0 || (size_t)length >= sizeof(text))
        return false;
    const char *star = strchr(text, '*');
    if (star == NULL)
        return strcmp(text, ref) == 0;
    size_t head = (size_t)(star - text);
    size_t tail = strlen(star + 1);
    size_t size = strlen(ref);
    return size > head + tail && strncmp(ref, text, head) == 0 &&
           strcmp(ref + size - tail, star + 1) == 0;
}

bool git_rules_match(const struct git_rules *rules, const char *agent, const char *ref)
{
    for (size_t i = 0; rules->branches != NULL && rules->branches[i] != NULL; i++) {
        if (is_match(rules->branches[i], agent, ref))
            return true;
    }
    return false;
}

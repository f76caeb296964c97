/* Loads a policy: which files, in which order, and what a document has at its top. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/string_list.h"
#include "lib/policy/rules.h"

#define POLICY_VERSION 1
#define DEFAULT_PROFILE "default"

struct policy_block {
    struct policy_block *next;
    _Alignas(16) unsigned char bytes[];
};

const char *const policy_directories[] = {POLICY_SESSION_DIRECTORY, POLICY_DROP_IN_DIRECTORY,
                                          POLICY_DIRECTORY, NULL};

void *policy_allocate(struct policy *policy, size_t size)
{
    struct policy_block *block = calloc(1, sizeof(*block) + size);

    if (block == NULL)
        return NULL;
    block->next = policy->blocks;
    policy->blocks = block;
    return block->bytes;
}

void policy_free(struct policy *policy)
{
    if (policy == NULL)
        return;
    while (policy->blocks != NULL) {
        struct policy_block *next = policy->blocks->next;

        free(policy->blocks);
        policy->blocks = next;
    }
    for (size_t i = 0; i < policy->document_count; i++)
        document_release(&policy->documents[i]);
    free(policy);
}

static bool is_policy_file(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > 5 && strcmp(name + length - 5, ".json") == 0;
}

static int compare_texts(const void *one, const void *other)
{
    const char *const *first = one;
    const char *const *second = other;

    return strcmp(*first, *second);
}

/* The names, in the order of their bytes: no locale decides what a session may do. */
static int list_directory(const char *path, struct string_list *files, struct error *err)
{
    size_t first = files->count;
    const struct dirent *entry;
    cleanup_directory DIR *directory = opendir(path);

    if (directory == NULL)
        return error_set(err, errno, "%s", path);
    while ((entry = readdir(directory)) != NULL)
        if (is_policy_file(entry->d_name))
            string_list_format(files, "%s/%s", path, entry->d_name);
    if (files->has_failed)
        return error_set(err, ENOMEM, "%s", path);
    if (files->count > first)
        qsort(files->items + first, files->count - first, sizeof(*files->items), compare_texts);
    return 0;
}

static int list_files(const char *const *places, struct string_list *files, struct error *err)
{
    for (size_t i = 0; places[i] != NULL; i++) {
        struct stat status;
        int result = 0;

        if (stat(places[i], &status) < 0) {
            if (errno != ENOENT)
                return error_set(err, errno, "%s", places[i]);
            continue;
        }
        if (S_ISDIR(status.st_mode))
            result = list_directory(places[i], files, err);
        else if (string_list_add(files, places[i]) == NULL)
            result = error_set(err, ENOMEM, "%s", places[i]);
        if (result < 0)
            return result;
    }
    if (files->count > POLICY_FILES_MAX)
        return error_set(err, EPROTO, "%s: more than %d policy files",
                         files->items[POLICY_FILES_MAX], POLICY_FILES_MAX);
    return 0;
}

int policy_read_nothing(const struct place *place, void *target, struct error *err)
{
    (void)place;
    (void)target;
    (void)err;
    return 0;
}

static int read_version(const struct place *place, void *target, struct error *err)
{
    (void)target;
    if (!json_is_integer(place->value))
        return place_refuse(place, err, "must be an integer");
    if (json_integer_value(place->value) != POLICY_VERSION)
        return place_refuse(place, err, "is %" JSON_INTEGER_FORMAT ", and only %d is known",
                            json_integer_value(place->value), POLICY_VERSION);
    return 0;
}

/* The first file that says something about it decides, as with rules. */
static int read_mode(const struct place *place, void *target, struct error *err)
{
    static const char *const names[] = {"enforce", "observe"};
    struct policy *policy = place->loading->policy;
    size_t index;
    int result = place_read_name(place, names, ARRAY_LENGTH(names), &index, err);

    (void)target;
    if (result < 0 || policy->has_mode)
        return result;
    policy->has_mode = true;
    policy->is_observing = index == 1;
    return 0;
}

int policy_read_seconds(const struct place *place, void *target, struct error *err)
{
    uint32_t *seconds = target;
    json_int_t number;
    int result = place_read_number(place, POLICY_ASK_MAX, &number, err);

    if (result < 0)
        return result;
    if (number == 0)
        return place_refuse(place, err, "must be at least 1: what is never to run is denied");
    if (*seconds == 0)
        *seconds = (uint32_t)number;
    return 0;
}

/* Rules name profiles, of whichever file: they are read when all files have been read once. */
/* clang-format off */
const struct place_field policy_fields[] = {
    {.key = "$schema",     .read = policy_read_nothing},
    {.key = "version",     .read = read_version, .is_required = true},
    {.key = "mode",        .read = read_mode},
    {.key = "ask_seconds", .read = policy_read_seconds, .offset = offsetof(struct policy, ask_seconds)},
    {.key = "profiles",    .read = policy_read_profiles},
    {.key = "environment", .read = policy_read_environment},
    {.key = "direct",      .read = policy_read_nothing},
    {.key = "rules",       .read = policy_read_nothing},
    {.key = NULL},
};
static const struct place_field second_pass[] = {
    {.key = "$schema",     .read = policy_read_nothing},
    {.key = "version",     .read = policy_read_nothing},
    {.key = "mode",        .read = policy_read_nothing},
    {.key = "ask_seconds", .read = policy_read_nothing},
    {.key = "profiles",    .read = policy_read_nothing},
    {.key = "environment", .read = policy_read_nothing},
    {.key = "direct",      .read = policy_read_direct},
    {.key = "rules",       .read = policy_read_rules},
    {.key = NULL},
};
/* clang-format on */

static int read_documents(struct loading *loading, const struct place_field *fields,
                          struct error *err)
{
    for (size_t i = 0; i < loading->policy->document_count; i++) {
        const struct document *document = &loading->policy->documents[i];
        const struct place root = {
            .loading = loading, .document = document, .value = document->root};
        int result = place_read_object(&root, fields, loading->policy, err);

        if (result < 0)
            return result;
    }
    return 0;
}

static int put_default_profile_first(struct policy *policy, const char *place, struct error *err)
{
    for (size_t i = 0; i < policy->profile_count; i++) {
        struct policy_profile first = policy->profiles[0];

        if (strcmp(policy->profiles[i].name, DEFAULT_PROFILE) != 0)
            continue;
        policy->profiles[0] = policy->profiles[i];
        policy->profiles[i] = first;
        return 0;
    }
    return error_set(err, EPROTO, "%s: no file has a profile \"" DEFAULT_PROFILE "\"", place);
}

/* Until here they were needed for what all files have in common. */
static void drop_rules_of_others(struct policy *policy, const char *agent)
{
    size_t kept = 0;

    for (size_t i = 0; i < policy->rule_count; i++) {
        struct policy_rule *rule = policy->rules[i];

        if (agent == NULL || rule->agents.count == 0 || policy_patterns_match(&rule->agents, agent))
            policy->rules[kept++] = rule;
    }
    policy->rule_count = kept;
}

static int load(struct loading *loading, const struct string_list *files, struct error *err)
{
    struct policy *policy = loading->policy;
    int result;

    for (size_t i = 0; i < files->count; i++) {
        policy->document_count = i + 1;
        result = document_read(files->items[i], &policy->documents[i], err);
        if (result < 0)
            return result;
    }
    result = read_documents(loading, policy_fields, err);
    if (result < 0)
        return result;
    if (policy->ask_seconds == 0)
        policy->ask_seconds = POLICY_ASK_SECONDS;
    result = put_default_profile_first(policy, files->items[0], err);
    if (result < 0)
        return result;
    result = read_documents(loading, second_pass, err);
    if (result == 0)
        drop_rules_of_others(policy, loading->agent);
    return result;
}

int policy_load(const char *const *directories, const char *agent, struct policy **policy,
                struct error *err)
{
    cleanup_string_list struct string_list files = {0};
    cleanup_free struct loading *loading = calloc(1, sizeof(*loading));
    int result = list_files(directories, &files, err);

    if (result < 0)
        return result;
    if (files.count == 0)
        return error_set(err, EPROTO, "%s: there is no policy file",
                         directories[0] != NULL ? directories[0] : "policy");
    if (loading != NULL)
        loading->policy = calloc(1, sizeof(*loading->policy));
    if (loading == NULL || loading->policy == NULL)
        return error_set(err, ENOMEM, "load the policy");
    loading->agent = agent;
    result = load(loading, &files, err);
    if (result < 0)
        policy_free(loading->policy);
    else
        *policy = loading->policy;
    return result;
}

/* Decides which keys of git configuration may travel from a repository into a session. */
#include "lib/wire/git_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"

typedef const char *value_check(const char *value);

struct allowed_key {
    const char *section;
    bool has_subsection;
    const char *variable;
    value_check *check; /* NULL: any value without control characters */
};

static const char not_listed[] = "is not on the list of keys that may be brought along";

/* A user name alone is how ssh is used; for http it is how tokens are written. */
static bool carries_credential(const char *url)
{
    const char *scheme = strstr(url, "://");
    if (scheme == NULL)
        return false;
    const char *authority = scheme + 3;
    size_t length = strcspn(authority, "/?#");
    const char *sign = memchr(authority, '@', length);
    if (sign == NULL)
        return false;
    bool is_ssh = strncasecmp(url, "ssh://", 6) == 0 || strncasecmp(url, "git+ssh://", 10) == 0;
    return !is_ssh || memchr(authority, ':', (size_t)(sign - authority)) != NULL;
}

static const char *check_url(const char *url)
{
    static const char scheme_characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.";
    static const char *const schemes[] = {"https://", "http://",    "ssh://",
                                          "git://",   "git+ssh://", "file://"};
    if (url[0] == '-')
        return "is a URL that starts with '-'";
    if (strncmp(url + strspn(url, scheme_characters), "::", 2) == 0)
        return "is a URL for a remote helper, which runs a program";
    if (carries_credential(url))
        return "is a URL with a credential in it";
    if (strstr(url, "://") == NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return NULL;
    return "is a URL with an unknown scheme";
}

/* submodule.NAME.update may be "!command". */
static const char *check_update(const char *value)
{
    static const char *const known[] = {"checkout", "rebase", "merge", "none"};
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (strcmp(value, known[i]) == 0)
            return NULL;
    return "is none of checkout, rebase, merge, none";
}

/* clang-format off */
static const struct allowed_key allowed_keys[] = {
    {"branch",     true,  "description",         NULL},
    {"branch",     true,  "merge",               NULL},
    {"branch",     true,  "rebase",              NULL},
    {"branch",     true,  "remote",              check_url},
    {"branch",     false, "autosetupmerge",      NULL},
    {"branch",     false, "autosetuprebase",     NULL},
    {"branch",     false, "sort",                NULL},
    {"commit",     false, "cleanup",             NULL},
    {"commit",     false, "verbose",             NULL},
    {"core",       false, "abbrev",              NULL},
    {"core",       false, "autocrlf",            NULL},
    {"core",       false, "bigfilethreshold",    NULL},
    {"core",       false, "checkstat",           NULL},
    {"core",       false, "commentchar",         NULL},
    {"core",       false, "compression",         NULL},
    {"core",       false, "eol",                 NULL},
    {"core",       false, "filemode",            NULL},
    {"core",       false, "ignorecase",          NULL},
    {"core",       false, "logallrefupdates",    NULL},
    {"core",       false, "longpaths",           NULL},
    {"core",       false, "precomposeunicode",   NULL},
    {"core",       false, "protecthfs",          NULL},
    {"core",       false, "protectntfs",         NULL},
    {"core",       false, "quotepath",           NULL},
    {"core",       false, "safecrlf",            NULL},
    {"core",       false, "sparsecheckout",      NULL},
    {"core",       false, "sparsecheckoutcone",  NULL},
    {"core",       false, "symlinks",            NULL},
    {"core",       false, "trustctime",          NULL},
    {"core",       false, "whitespace",          NULL},
    {"diff",       false, "algorithm",           NULL},
    {"diff",       false, "mnemonicprefix",      NULL},
    {"diff",       false, "noprefix",            NULL},
    {"diff",       false, "renamelimit",         NULL},
    {"diff",       false, "renames",             NULL},
    {"extensions", false, "partialclone",        NULL},
    {"fetch",      false, "prune",               NULL},
    {"fetch",      false, "prunetags",           NULL},
    {"i18n",       false, "commitencoding",      NULL},
    {"i18n",       false, "logoutputencoding",   NULL},
    {"init",       false, "defaultbranch",       NULL},
    {"lfs",        false, "fetchexclude",        NULL},
    {"lfs",        false, "fetchinclude",        NULL},
    {"lfs",        false, "repositoryformatversion", NULL},
    {"lfs",        false, "url",                 check_url},
    {"merge",      false, "conflictstyle",       NULL},
    {"merge",      false, "ff",                  NULL},
    {"merge",      false, "renamelimit",         NULL},
    {"merge",      false, "renames",             NULL},
    {"pull",       false, "ff",                  NULL},
    {"pull",       false, "rebase",              NULL},
    {"push",       false, "autosetupremote",     NULL},
    {"push",       false, "default",             NULL},
    {"push",       false, "followtags",          NULL},
    {"rebase",     false, "autosquash",          NULL},
    {"rebase",     false, "autostash",           NULL},
    {"remote",     true,  "fetch",               NULL},
    {"remote",     true,  "partialclonefilter",  NULL},
    {"remote",     true,  "promisor",            NULL},
    {"remote",     true,  "prune",               NULL},
    {"remote",     true,  "pushurl",             check_url},
    {"remote",     true,  "skipdefaultupdate",   NULL},
    {"remote",     true,  "tagopt",              NULL},
    {"remote",     true,  "url",                 check_url},
    {"rerere",     false, "autoupdate",          NULL},
    {"rerere",     false, "enabled",             NULL},
    {"status",     false, "showuntrackedfiles",  NULL},
    {"submodule",  true,  "active",              NULL},
    {"submodule",  true,  "branch",              NULL},
    {"submodule",  true,  "fetchrecursesubmodules", NULL},
    {"submodule",  true,  "shallow",             NULL},
    {"submodule",  true,  "update",              check_update},
    {"submodule",  true,  "url",                 check_url},
    {"submodule",  false, "active",              NULL},
    {"submodule",  false, "recurse",             NULL},
    {"tag",        false, "sort",                NULL},
    {"user",       false, "email",               NULL},
    {"user",       false, "name",                NULL},
};
/* clang-format on */

static bool has_control_character(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

static bool is_match(const struct allowed_key *allowed, const char *key, size_t section_length,
                     const char *variable)
{
    size_t expected = strlen(allowed->section);
    bool has_subsection = key + section_length + 1 != variable;
    return expected == section_length && strncasecmp(key, allowed->section, expected) == 0 &&
           has_subsection == allowed->has_subsection &&
           strcasecmp(variable, allowed->variable) == 0;
}

const char *git_config_refusal(const char *key, const char *value)
{
    const char *first = strchr(key, '.');
    const char *last = strrchr(key, '.');
    if (first == NULL)
        return not_listed;
    if (has_control_character(key) || has_control_character(value))
        return "holds a control character";
    for (size_t i = 0; i < ARRAY_LENGTH(allowed_keys); i++) {
        const struct allowed_key *allowed = &allowed_keys[i];
        if (is_match(allowed, key, (size_t)(first - key), last + 1))
            return allowed->check != NULL ? allowed->check(value) : NULL;
    }
    return not_listed;
}

/* The manifest's keys: their types, limits and checks, one a line. */
#include "lib/wire/manifest_fields.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/base/path.h"
#include "lib/wire/limits.h"

static bool has_control_character(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

static const char *check_session(const char *value)
{
    return manifest_is_session_id(value) ? NULL : "is not a session id";
}

static const char *check_name(const char *value)
{
    return manifest_is_name(value) ? NULL : "is not a name of lower case letters, digits and '-'";
}

static const char *check_branch(const char *value)
{
    return manifest_is_branch(value) ? NULL : "is not a branch name";
}

static const char *check_label(const char *value)
{
    return has_control_character(value) || strchr(value, '/') != NULL
               ? "holds a '/' or a control character"
               : NULL;
}

static const char *check_line(const char *value)
{
    return has_control_character(value) ? "holds a control character" : NULL;
}

/* git would strip these from an identity, silently. */
static const char *check_identity(const char *value)
{
    return has_control_character(value) || strpbrk(value, "<>") != NULL
               ? "holds '<', '>' or a control character"
               : NULL;
}

static bool is_hex(const char *value)
{
    return value[strspn(value, "0123456789abcdef")] == '\0';
}

static const char *check_digest(const char *value)
{
    bool is_digest = strlen(value) == MANIFEST_DIGEST_SIZE - 1 && is_hex(value);
    return value[0] == '\0' || is_digest ? NULL : "is not a SHA-256 in lower case hex";
}

static const char *check_object_id(const char *value)
{
    size_t length = strlen(value);
    bool fits = length == 0 || length == 40 || length == 64;
    return fits && is_hex(value) ? NULL : "is not an object id in lower case hex";
}

static const char *check_object_format(const char *value)
{
    return strcmp(value, "sha1") == 0 || strcmp(value, "sha256") == 0
               ? NULL
               : "is neither sha1 nor sha256";
}

static bool has_git_component(const char *path)
{
    for (const char *part = path; part != NULL;) {
        const char *slash = strchr(part, '/');
        size_t length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (length == 4 && strncasecmp(part, ".git", 4) == 0)
            return true;
        part = slash != NULL ? slash + 1 : NULL;
    }
    return false;
}

static const char *check_worktree(const char *value)
{
    if (value[0] == '\0')
        return NULL;
    if (!path_is_plain_relative(value))
        return "is not a plain relative path";
    return has_git_component(value) ? "leads into a .git directory" : NULL;
}

static const char *check_file(const char *value)
{
    return value[0] == '\0' ? "is empty" : check_worktree(value);
}

static const char *check_module_name(const char *value)
{
    return value[0] == '\0' || path_is_plain_relative(value) ? NULL
                                                             : "is not a plain relative path";
}

static const char *check_source_path(const char *value)
{
    static const char *const places[] = {MANIFEST_SOURCE_DIRECTORY, MANIFEST_SOURCE_GIT_DIRECTORY,
                                         MANIFEST_SOURCE_ALTERNATES_DIRECTORY};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t length = strlen(places[i]);
        if (strncmp(value, places[i], length) != 0)
            continue;
        if (value[length] == '\0' ||
            (value[length] == '/' && path_is_plain_relative(value + length + 1)))
            return NULL;
    }
    return "is not a plain path below one of the source's places in the container";
}

/* A program in one directory: no way out of it, nothing hidden. */
static const char *check_hook_name(const char *value)
{
    size_t length = strlen(value);
    bool is_plain = length > 0 && length <= 64 && value[0] != '.' && value[0] != '-' &&
                    value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
    return is_plain ? NULL : "is not the name of a setup hook";
}

static const char *const mode_names[] = {"headless", "interactive", NULL};
static const char *const source_kind_names[] = {"none", "repository", NULL};
static const char *const signing_names[] = {"none", "openpgp", "ssh", NULL};

#define AT(type, member) .offset = offsetof(struct type, member)
#define COUNT(type, member) .count_offset = offsetof(struct type, member)

/* clang-format off */
static const struct record_field config_fields[] = {
    {.key = "key",   .type = RECORD_TEXT, AT(manifest_git_config, key)},
    {.key = "value", .type = RECORD_TEXT, AT(manifest_git_config, value)},
    {.key = NULL},
};

static const struct record_field git_directory_fields[] = {
    {.key = "worktree",     .type = RECORD_TEXT, AT(manifest_git_directory, worktree), .check = check_worktree},
    {.key = "name",         .type = RECORD_TEXT, AT(manifest_git_directory, name), .check = check_module_name},
    {.key = "common_path",  .type = RECORD_TEXT, AT(manifest_git_directory, common_path), .check = check_source_path},
    {.key = "private_path", .type = RECORD_TEXT, AT(manifest_git_directory, private_path), .check = check_source_path},
    {.key = "alternates",   .type = RECORD_TEXT_LIST, AT(manifest_git_directory, alternates),
     .limit = LIMIT_GIT_DIRECTORIES, .check = check_source_path},
    {.key = "config",       .type = RECORD_OBJECT_LIST, AT(manifest_git_directory, config),
     .size = sizeof(struct manifest_git_config), COUNT(manifest_git_directory, config_count),
     .limit = LIMIT_GIT_CONFIG_ENTRIES, .fields = config_fields},
    {.key = NULL},
};

static const struct record_field setup_hook_fields[] = {
    {.key = "name",      .type = RECORD_TEXT, AT(manifest_setup_hook, name), .check = check_hook_name},
    {.key = "arguments", .type = RECORD_TEXT_LIST, AT(manifest_setup_hook, arguments),
     .size = LIMIT_ARGUMENT_BYTES, .limit = LIMIT_COMMAND_ARGUMENTS},
    {.key = NULL},
};

const struct record_field manifest_source_fields[] = {
    {.key = "kind",             .type = RECORD_ENUM, AT(manifest, source_kind), .names = source_kind_names},
    {.key = "read_uid",         .type = RECORD_UINT32, AT(manifest, read_uid)},
    {.key = "read_gid",         .type = RECORD_UINT32, AT(manifest, read_gid)},
    {.key = "read_groups",      .type = RECORD_UINT32_LIST, AT(manifest, read_groups),
     COUNT(manifest, read_group_count), .limit = LIMIT_SUPPLEMENTARY_GROUPS},
    {.key = "file_list_sha256", .type = RECORD_TEXT_INLINE, AT(manifest, file_list_sha256),
     .size = MANIFEST_DIGEST_SIZE, .check = check_digest},
    {.key = "trusted_files",    .type = RECORD_TEXT_LIST, AT(manifest, trusted_files),
     .limit = LIMIT_AGENT_CONFIG_FILES, .check = check_file},
    {.key = "trusted_sha256",   .type = RECORD_TEXT_INLINE, AT(manifest, trusted_sha256),
     .size = MANIFEST_DIGEST_SIZE, .check = check_digest},
    {.key = "git_directories",  .type = RECORD_OBJECT_LIST, AT(manifest, git_directories),
     .size = sizeof(struct manifest_git_directory), COUNT(manifest, git_directory_count),
     .limit = LIMIT_GIT_DIRECTORIES, .fields = git_directory_fields},
    {.key = NULL},
};

const struct record_field manifest_git_fields[] = {
    {.key = "branch",         .type = RECORD_TEXT, AT(manifest, branch), .check = check_branch},
    {.key = "base_commit",    .type = RECORD_TEXT, AT(manifest, base_commit), .check = check_object_id},
    {.key = "object_format",  .type = RECORD_TEXT, AT(manifest, object_format), .check = check_object_format},
    {.key = "user_name",      .type = RECORD_TEXT, AT(manifest, user_name), .size = LIMIT_LABEL_BYTES, .check = check_identity},
    {.key = "user_email",     .type = RECORD_TEXT, AT(manifest, user_email), .size = LIMIT_LABEL_BYTES, .check = check_identity},
    {.key = "commit_enabled", .type = RECORD_BOOL, AT(manifest, commit_enabled)},
    {.key = "push_enabled",   .type = RECORD_BOOL, AT(manifest, push_enabled)},
    {.key = "commit_secrets", .type = RECORD_BOOL, AT(manifest, commit_secrets)},
    {.key = "commit_message", .type = RECORD_TEXT, AT(manifest, commit_message)},
    {.key = "signing",        .type = RECORD_ENUM, AT(manifest, signing), .names = signing_names, .is_optional = true},
    {.key = "signing_key",    .type = RECORD_TEXT, AT(manifest, signing_key), .size = LIMIT_SIGNING_KEY_BYTES, .check = check_line,
     .is_optional = true},
    {.key = "sign_commits",   .type = RECORD_BOOL, AT(manifest, sign_commits), .is_optional = true},
    {.key = "sign_tags",      .type = RECORD_BOOL, AT(manifest, sign_tags), .is_optional = true},
    {.key = NULL},
};

const struct record_field manifest_fields[] = {
    {.key = "session",          .type = RECORD_TEXT_INLINE, AT(manifest, session), .size = MANIFEST_SESSION_SIZE, .check = check_session},
    {.key = "agent",            .type = RECORD_TEXT, AT(manifest, agent), .check = check_name},
    {.key = "name",             .type = RECORD_TEXT, AT(manifest, name), .check = check_name},
    {.key = "repository_label", .type = RECORD_TEXT, AT(manifest, repository_label), .size = LIMIT_LABEL_BYTES, .check = check_label},
    {.key = "mode",             .type = RECORD_ENUM, AT(manifest, mode), .names = mode_names},
    {.key = "is_persistent",    .type = RECORD_BOOL, AT(manifest, is_persistent)},
    {.key = "command",          .type = RECORD_TEXT_LIST, AT(manifest, command),
     .size = LIMIT_ARGUMENT_BYTES, .limit = LIMIT_COMMAND_ARGUMENTS},
    {.key = "image",            .type = RECORD_TEXT, AT(manifest, image), .size = LIMIT_LABEL_BYTES, .check = check_line},
    {.key = "launcher_version", .type = RECORD_TEXT, AT(manifest, launcher_version), .size = LIMIT_LABEL_BYTES, .check = check_line},
    {.key = "stop_grace_ms",    .type = RECORD_UINT32, AT(manifest, stop_grace_ms)},
    {.key = "source",           .type = RECORD_OBJECT, .fields = manifest_source_fields},
    {.key = "git",              .type = RECORD_OBJECT, .fields = manifest_git_fields},
    {.key = "setup_hooks",      .type = RECORD_OBJECT_LIST, AT(manifest, setup_hooks),
     .size = sizeof(struct manifest_setup_hook), COUNT(manifest, setup_hook_count),
     .limit = LIMIT_SETUP_HOOKS, .fields = setup_hook_fields},
    {.key = NULL},
};
/* clang-format on */

/* Checks a manifest as a whole: what its fields must be to each other. */
#include <errno.h>
#include <string.h>

#include "lib/wire/git_config.h"
#include "lib/wire/limits.h"
#include "lib/wire/manifest_fields.h"

/*
 * git refuses a submodule whose directory lies inside another's, except below its modules/: a
 * checkout of the outer one could otherwise plant hooks in the inner one.
 */
static bool is_planted_in(const char *inner, const char *outer)
{
    static const char modules[] = "modules/";
    size_t length = strlen(outer);
    return strncmp(inner, outer, length) == 0 && inner[length] == '/' &&
           strncmp(inner + length + 1, modules, sizeof(modules) - 1) != 0;
}

static int check_directory(const struct manifest *manifest, size_t index, struct error *err)
{
    const struct manifest_git_directory *directory = &manifest->git_directories[index];
    bool is_top = directory->worktree[0] == '\0' && directory->name[0] == '\0';
    bool is_module = directory->worktree[0] != '\0' && directory->name[0] != '\0';
    if (index == 0 ? !is_top : !is_module)
        return error_set(err, EPROTO, "source.git_directories[%zu] must %s", index,
                         index == 0 ? "be the top one, without worktree and name"
                                    : "have both worktree and name");
    for (size_t other = 1; index != 0 && other < manifest->git_directory_count; other++) {
        const struct manifest_git_directory *second = &manifest->git_directories[other];
        if (other == index)
            continue;
        if (strcmp(second->worktree, directory->worktree) == 0 ||
            strcmp(second->name, directory->name) == 0)
            return error_set(err, EPROTO, "source.git_directories[%zu] is given twice", index);
        if (is_planted_in(directory->name, second->name))
            return error_set(err, EPROTO,
                             "source.git_directories[%zu].name lies inside another one's directory",
                             index);
    }
    return 0;
}

static int check_config(const struct manifest *manifest, size_t index, struct error *err)
{
    const struct manifest_git_directory *directory = &manifest->git_directories[index];
    for (size_t i = 0; i < directory->config_count; i++) {
        const struct manifest_git_config *config = &directory->config[i];
        const char *reason = git_config_refusal(config->key, config->value);
        if (reason != NULL)
            return error_set(err, EPROTO, "source.git_directories[%zu].config[%zu]: '%.100s' %s",
                             index, i, config->key, reason);
    }
    return 0;
}

static int check_source(const struct manifest *manifest, struct error *err)
{
    bool has_source = manifest->source_kind == MANIFEST_SOURCE_REPOSITORY;
    if (has_source != (manifest->git_directory_count > 0))
        return error_set(err, EPROTO, "source.git_directories must %s",
                         has_source ? "name the repository's own directory"
                                    : "be empty without a source");
    if (has_source != (manifest->file_list_sha256[0] != '\0'))
        return error_set(err, EPROTO, "source.file_list_sha256 must be %s",
                         has_source ? "given with a source" : "empty without a source");
    if ((manifest->trusted_files[0] != NULL) != (manifest->trusted_sha256[0] != '\0'))
        return error_set(err, EPROTO,
                         "source.trusted_sha256 must be given with trusted_files, and only then");
    for (size_t i = 0; i < manifest->git_directory_count; i++) {
        int result = check_directory(manifest, i, err);
        if (result == 0)
            result = check_config(manifest, i, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static int check_signing(const struct manifest *manifest, struct error *err)
{
    bool signs = manifest->signing != MANIFEST_SIGNING_NONE;
    bool has_key = manifest->signing_key != NULL && manifest->signing_key[0] != '\0';
    if (signs != has_key)
        return error_set(err, EPROTO, "git.signing_key must be %s",
                         signs ? "given where something is signed" : "empty without git.signing");
    if (!signs && (manifest->sign_commits || manifest->sign_tags))
        return error_set(err, EPROTO, "git.sign_commits and git.sign_tags need git.signing");
    return 0;
}

int manifest_check_whole(const struct manifest *manifest, struct error *err)
{
    size_t expected = strcmp(manifest->object_format, "sha256") == 0 ? 64 : 40;
    size_t length = strlen(manifest->base_commit);
    if (length != 0 && length != expected)
        return error_set(err, EPROTO, "git.base_commit does not fit git.object_format");
    if (manifest->stop_grace_ms == 0 || manifest->stop_grace_ms > LIMIT_STOP_GRACE_MS)
        return error_set(err, EPROTO, "stop_grace_ms is out of range");
    int result = check_signing(manifest, err);
    return result < 0 ? result : check_source(manifest, err);
}

/* The manifest of an archive as JSON, and what it may say. */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/pack/pack_format.h"

static const char *const direction_names[] = {"import", "export"};

int pack_reject(struct error *err, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    error_set(err, EPROTO, "%s", text);
    if (err != NULL)
        err->number = EBADMSG;
    return -EBADMSG;
}

void pack_manifest_free(struct pack_manifest *manifest)
{
    if (manifest == NULL)
        return;
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->entries[i].path);
    free(manifest->entries);
    free(manifest);
}

bool pack_is_path(const char *path)
{
    size_t depth = 1;
    if (strlen(path) > PACK_PATH_BYTES_MAX || !path_is_plain_relative(path))
        return false;
    for (const char *at = path; *at != '\0'; at++) {
        depth += *at == '/';
        /* What a name beyond ASCII is in a tar depends on the locale of who reads it. */
        if (*at < ' ' || *at > '~' || *at == '\\')
            return false;
    }
    return depth <= PACK_DEPTH_MAX;
}

static json_t *entry_to_json(const struct pack_entry *entry)
{
    return json_pack("{s:s, s:I, s:I, s:s}", "path", entry->path, "size", (json_int_t)entry->size,
                     "modified", (json_int_t)entry->modified, "sha256", entry->sha256);
}

int pack_manifest_render(const struct pack_manifest *manifest, char **text, size_t *size,
                         struct error *err)
{
    const struct pack_label *label = &manifest->label;
    json_t *entries = json_array();
    int result = entries != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; i < manifest->count && result == 0; i++)
        result =
            json_array_append_new(entries, entry_to_json(&manifest->entries[i])) < 0 ? -ENOMEM : 0;
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:s, s:I, s:o}", "version", PACK_VERSION, "direction",
                  direction_names[label->direction], "agent", label->agent, "session",
                  label->session, "counter", (json_int_t)label->counter, "entries", entries);
    if (result == 0 && object != NULL)
        *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    if (result < 0 || object == NULL || *text == NULL)
        return error_set(err, ENOMEM, "render the manifest of an archive");
    *size = strlen(*text);
    return *size <= PACK_MANIFEST_BYTES_MAX ? 0 : error_set(err, E2BIG, "the manifest");
}

static bool is_name(const char *text, size_t most, const char *characters)
{
    size_t length = strlen(text);
    return length <= most && strspn(text, characters) == length;
}

static int parse_label(struct pack_label *label, const char *direction, const char *agent,
                       const char *session)
{
    if (!is_name(agent, PACK_AGENT_SIZE - 1, "abcdefghijklmnopqrstuvwxyz0123456789-") ||
        agent[0] == '\0' || agent[0] == '-')
        return -EINVAL;
    if (!is_name(session, PACK_SESSION_SIZE - 1, "abcdefghijklmnopqrstuvwxyz234567") ||
        (session[0] != '\0' && strlen(session) != PACK_SESSION_SIZE - 1))
        return -EINVAL;
    snprintf(label->agent, sizeof(label->agent), "%s", agent);
    snprintf(label->session, sizeof(label->session), "%s", session);
    for (size_t i = 0; i < ARRAY_LENGTH(direction_names); i++) {
        if (strcmp(direction, direction_names[i]) != 0)
            continue;
        label->direction = (enum pack_direction)i;
        return 0;
    }
    return -EINVAL;
}

static int compare_path(const void *path, const void *entry)
{
    return strcmp(path, ((const struct pack_entry *)entry)->path);
}

/* True when a file that was listed before would have to be a directory for PATH. */
static bool is_below_a_file(const struct pack_manifest *manifest, const char *path)
{
    char parent[PACK_PATH_BYTES_MAX + 1];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
        if (bsearch(parent, manifest->entries, manifest->count, sizeof(*manifest->entries),
                    compare_path) != NULL)
            return true;
    }
    return false;
}

/* One more entry, behind those that MANIFEST has. */
static int parse_entry(json_t *object, struct pack_manifest *manifest, struct error *err)
{
    struct pack_entry *entry = &manifest->entries[manifest->count];
    const char *path, *sha256;
    json_int_t size, modified;
    if (json_unpack(object, "{s:s, s:I, s:I, s:s !}", "path", &path, "size", &size, "modified",
                    &modified, "sha256", &sha256) < 0)
        return pack_reject(err, "an entry of the manifest is malformed");
    if (!pack_is_path(path))
        return pack_reject(err, "'%.100s' is no path that an archive may have", path);
    if (manifest->count > 0 && strcmp(entry[-1].path, path) >= 0)
        return pack_reject(err, "'%.100s' is listed twice or out of order", path);
    if (is_below_a_file(manifest, path))
        return pack_reject(err, "'%.100s' is below another file", path);
    if (size < 0 || (uint64_t)size > PACK_FILE_BYTES_MAX)
        return pack_reject(err, "'%.100s' is larger than a file may be", path);
    if (!is_name(sha256, PACK_DIGEST_SIZE - 1, "0123456789abcdef") ||
        strlen(sha256) != PACK_DIGEST_SIZE - 1)
        return pack_reject(err, "'%.100s' has no digest", path);
    entry->size = (uint64_t)size;
    entry->modified = modified;
    memcpy(entry->sha256, sha256, PACK_DIGEST_SIZE);
    entry->path = strdup(path);
    if (entry->path == NULL)
        return error_set(err, ENOMEM, "read an archive");
    manifest->count++;
    manifest->total += entry->size;
    return 0;
}

static int parse_entries(const json_t *entries, struct pack_manifest *manifest, struct error *err)
{
    size_t count = json_array_size(entries);
    if (!json_is_array(entries) || count > PACK_ENTRIES_MAX)
        return pack_reject(err, "the manifest lists no files, or more than %d", PACK_ENTRIES_MAX);
    manifest->entries = calloc(count + 1, sizeof(*manifest->entries));
    if (manifest->entries == NULL)
        return error_set(err, ENOMEM, "read an archive");
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = parse_entry(json_array_get(entries, i), manifest, err);
    if (result < 0)
        return result;
    return manifest->total <= PACK_TOTAL_BYTES_MAX
               ? 0
               : pack_reject(err, "the files are larger in all than an archive may be");
}

static int parse_object(json_t *object, struct pack_manifest *manifest, struct error *err)
{
    const char *direction, *agent, *session;
    json_int_t version, counter;
    json_t *entries;
    if (object == NULL || json_unpack(object, "{s:I, s:s, s:s, s:s, s:I, s:o !}", "version",
                                      &version, "direction", &direction, "agent", &agent, "session",
                                      &session, "counter", &counter, "entries", &entries) < 0)
        return pack_reject(err, "the manifest is malformed");
    if (version != PACK_VERSION)
        return pack_reject(err, "the manifest has version %lld, which is not known",
                           (long long)version);
    if (counter < 0 || parse_label(&manifest->label, direction, agent, session) < 0)
        return pack_reject(err, "the manifest does not say what the archive is");
    manifest->label.counter = (uint64_t)counter;
    return parse_entries(entries, manifest, err);
}

int pack_manifest_parse(const char *text, size_t size, struct pack_manifest **manifest,
                        struct error *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    struct pack_manifest *parsed = calloc(1, sizeof(*parsed));
    if (parsed == NULL)
        return error_set(err, ENOMEM, "read an archive");
    crypto_hash_sha256(digest, (const unsigned char *)text, size);
    sodium_bin2hex(parsed->sha256, sizeof(parsed->sha256), digest, sizeof(digest));
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    int result = parse_object(object, parsed, err);
    json_decref(object);
    if (result < 0)
        pack_manifest_free(parsed);
    else
        *manifest = parsed;
    return result;
}

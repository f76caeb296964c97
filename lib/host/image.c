/* Finds, pulls or builds the image, and checks that it speaks our version. */
#include "lib/host/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/table_file.h"
#include "lib/host/engine.h"
#include "lib/host/grammar.h"
#include "lib/host/install_paths.h"
#include "lib/wire/manifest.h"

#define IMAGE_TAG "coding-agents/%s:" CODING_AGENTS_VERSION
#define LABEL_VERSION "coding-agents.version"
#define LABEL_WIRE "coding-agents.wire"
#define LABEL_AGENT "coding-agents.agent"
#define AGENT_SEPARATOR ","
/* With the programs of every agent: serves each that has no image of its own here. */
#define IMAGE_OF_ALL "all"

/* Runs ARGV with its words shown on our stderr. */
static int run_shown(const char *const *argv, struct error *err)
{
    struct process_spec spec = {
        .argv = argv, .standard_input = -1, .standard_output = 2, .standard_error = 2};
    struct process_result result = {.output = NULL};
    int status = process_run(&spec, &result, err);
    int code = process_exit_code(result.wait_status);
    process_result_free(&result);
    if (status < 0)
        return status;
    return code == 0 ? 0 : error_set(err, EINVAL, "'%s' failed with code %d", argv[0], code);
}

static const char *label_of(const json_t *object, const char *name)
{
    const json_t *labels = json_object_get(json_object_get(object, "Config"), "Labels");
    const char *value = json_string_value(json_object_get(labels, name));
    return value == NULL ? "" : value;
}

static bool has_repo_digest(const json_t *object, const char *digest)
{
    const json_t *digests = json_object_get(object, "RepoDigests");
    for (size_t i = 0; i < json_array_size(digests); i++) {
        const char *found = json_string_value(json_array_get(digests, i));
        const char *at = found == NULL ? NULL : strchr(found, '@');
        if (at != NULL && strcmp(at + 1, digest) == 0)
            return true;
    }
    return false;
}

/* True when the image, whose label names AGENTS with commas between them, is for AGENT; an image of
 * nobody's is for all. */
static bool is_for(const char *agents, const char *agent)
{
    size_t length = strlen(agent);
    bool is_named = agents[0] == '\0';
    while (!is_named && *agents != '\0') {
        size_t span = strcspn(agents, AGENT_SEPARATOR);
        is_named = span == length && memcmp(agents, agent, length) == 0;
        agents += span + strspn(agents + span, AGENT_SEPARATOR);
    }
    return is_named;
}

/* Takes the id of the inspected OBJECT, once its labels are right. */
static int accept_image(const json_t *object, struct image *image, struct error *err)
{
    char expected[16];
    snprintf(expected, sizeof(expected), "%d", MANIFEST_VERSION);
    const char *wire = label_of(object, LABEL_WIRE);
    if (wire[0] == '\0')
        return error_set(err, EINVAL,
                         "the image '%s' is none of coding-agents (it has no label " LABEL_WIRE
                         "): build it FROM coding-agents/base",
                         image->reference);
    if (strcmp(wire, expected) != 0)
        return error_set(
            err, EINVAL,
            "the image '%s' speaks version %s of the session manifest, this program %s: "
            "rebuild it, or leave out --image",
            image->reference, wire, expected);
    const char *agents = label_of(object, LABEL_AGENT);
    if (!is_for(agents, image->agent))
        return error_set(
            err, EINVAL,
            "the image '%s' is for the agent '%s', not for '%s': name another, or leave "
            "out --image",
            image->reference, agents, image->agent);
    if (image->digest[0] != '\0' && !has_repo_digest(object, image->digest))
        return error_set(err, EINVAL, "the engine gave another image than %s", image->reference);
    const char *id = json_string_value(json_object_get(object, "Id"));
    snprintf(image->id, sizeof(image->id), "%s", id == NULL ? "" : id);
    return 0;
}

/* -ENOENT when there is no local image REFERENCE. */
static int take_local(const char *reference, struct image *image, struct error *err)
{
    snprintf(image->reference, sizeof(image->reference), "%s", reference);
    json_t *object = NULL;
    int status = engine_inspect("image", reference, &object, err);
    if (status == 0)
        status = accept_image(object, image, err);
    json_decref(object);
    return status;
}

/* A dry run fetches and builds nothing: the reference stands for the id. */
static int pretend(struct image *image)
{
    snprintf(image->id, sizeof(image->id), "%s", image->reference);
    return 0;
}

/* With the client's progress shown; what it says of a failure becomes ours. */
static int pull(const char *reference, struct error *err)
{
    struct process_spec spec = {
        .argv = (const char *const[]){"docker", "pull", reference, NULL},
        .standard_input = -1,
        .standard_output = STDERR_FILENO,
        .standard_error = -1,
    };
    struct process_result result = {.output = NULL};
    char reason[256];
    fprintf(stderr, "coding-agents: pulling %s\n", reference);
    int status = process_run(&spec, &result, err);
    if (status == 0 && !process_is_success(result.wait_status)) {
        engine_reason(result.error_output, reason, sizeof(reason));
        status = error_set(err, EINVAL,
                           "the image %s cannot be pulled, check its name, its digest and the "
                           "network: %s",
                           reference, reason);
    }
    process_result_free(&result);
    return status;
}

static int take_by_digest(const struct image_request *request, const char *reference,
                          struct image *image, struct error *err)
{
    snprintf(image->digest, sizeof(image->digest), "%s", strchr(reference, '@') + 1);
    int status = take_local(reference, image, err);
    if (status != -ENOENT)
        return status;
    if (request->is_dry_run)
        return pretend(image);
    status = pull(reference, err);
    return status < 0 ? status : take_local(reference, image, err);
}

static bool is_agreed(const struct image_request *request, const char *tag)
{
    fprintf(stderr, "coding-agents: building the image %s from source, which takes some minutes\n",
            tag);
    if (request->is_agreed || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return true;
    fprintf(stderr, "coding-agents: go on? [Y/n] ");
    char answer[16] = "";
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    return answer[0] == '\n' || answer[0] == 'y' || answer[0] == 'Y';
}

static int build(const struct image_request *request, const char *tag, struct image *image,
                 struct error *err)
{
    char program[PATH_MAX];
    snprintf(image->reference, sizeof(image->reference), "%s", tag);
    if (request->is_dry_run)
        return pretend(image);
    int status = install_path_share("source/images/build", program, err);
    if (status < 0)
        return status;
    if (!is_agreed(request, tag))
        return error_set(err, EINVAL, "there is no image for %s: name one with --image",
                         request->agent);
    status = run_shown((const char *const[]){program, request->agent, NULL}, err);
    if (status < 0) {
        error_prefix(err, "the image of %s cannot be built", request->agent);
        return status;
    }
    return take_local(tag, image, err);
}

/* Takes the local image NAME when it is of this version. -ENOENT when there is none. */
static int take_ours(const char *name, struct image *image, struct error *err)
{
    char tag[256];
    snprintf(tag, sizeof(tag), IMAGE_TAG, name);
    json_t *object = NULL;
    int status = engine_inspect("image", tag, &object, err);
    bool is_ours =
        status == 0 && strcmp(label_of(object, LABEL_VERSION), CODING_AGENTS_VERSION) == 0;
    json_decref(object);
    if (status < 0)
        return status;
    return is_ours ? take_local(tag, image, err) : -ENOENT;
}

/* The agent's own image, else the one of all agents, else a build. */
static int take_or_build(const struct image_request *request, struct image *image,
                         struct error *err)
{
    char tag[256];
    snprintf(tag, sizeof(tag), IMAGE_TAG, request->agent);
    int status = request->from_source ? -ENOENT : take_ours(request->agent, image, err);
    if (status == -ENOENT && !request->from_source)
        status = take_ours(IMAGE_OF_ALL, image, err);
    return status == -ENOENT ? build(request, tag, image, err) : status;
}

struct lock_search {
    const char *agent;
    char reference[512];
};

static int match_lock(const struct table_file_row *row, void *context, struct error *err)
{
    struct lock_search *search = context;
    if (!grammar_has_digest(row->fields[1]))
        return error_set(err, EINVAL, "line %u of images.lock has no NAME@sha256:DIGEST",
                         row->line);
    if (strcmp(row->fields[0], search->agent) == 0)
        snprintf(search->reference, sizeof(search->reference), "%s", row->fields[1]);
    return 0;
}

int image_resolve(const struct image_request *request, struct image *image, struct error *err)
{
    *image = (struct image){.id = "", .agent = request->agent};
    if (request->image != NULL && strchr(request->image, '@') != NULL)
        return take_by_digest(request, request->image, image, err);
    if (request->image != NULL) {
        int status = take_local(request->image, image, err);
        if (status == -ENOENT)
            return error_set(err, EINVAL,
                             "there is no local image '%s': build it, or name one of a registry as "
                             "NAME@sha256:DIGEST",
                             request->image);
        return status;
    }
    char path[PATH_MAX];
    struct lock_search search = {.agent = request->agent};
    int status = install_path_share("images.lock", path, err);
    if (status == 0)
        status = table_file_read(path, 2, 2, match_lock, &search, err);
    if (status < 0)
        return status;
    if (!request->from_source && search.reference[0] != '\0')
        return take_by_digest(request, search.reference, image, err);
    return take_or_build(request, image, err);
}

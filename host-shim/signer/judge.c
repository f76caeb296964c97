/* Decides whether a commit or a tag is one of this session: by its user, on what belongs to it. */
#include <string.h>

#include "host-shim/signer/signer.h"
#include "lib/base/cleanup.h"

static const char *const kind_names[] = {[GIT_OBJECT_COMMIT] = "commit", [GIT_OBJECT_TAG] = "tag"};

/* Signed in this session, as what TYPE says. */
static bool is_done(const struct signer *signer, const struct git_object_text *id,
                    const struct git_object_text *type)
{
    for (size_t i = signer->done_count; i-- > 0;) {
        const struct signed_object *done = &signer->done[i];
        const char *kind = kind_names[done->kind];
        if (memcmp(done->id, id->text, id->size) == 0)
            return strlen(kind) == type->size && memcmp(kind, type->text, type->size) == 0;
    }
    return false;
}

/* Whether it is of TYPE in the user's repository, now. */
static enum signing_reason judge_users(struct signer *signer, const struct git_object_text *id,
                                       const struct git_object_text *type, struct error *detail)
{
    struct hands_question question = {.task = HANDS_TYPE_OF};
    struct hands_answer answer;
    size_t length = 0;
    memcpy(question.id, id->text, id->size);
    int result = hands_ask(signer, &question, NULL, &answer, &length);
    if (result < 0 || answer.is_done == 0) {
        error_set(detail, 0, "%s", result < 0 ? "what signs has ended" : answer.detail);
        return SIGNING_REASON_FAILED;
    }
    if (strlen(answer.type) == type->size && memcmp(answer.type, type->text, type->size) == 0)
        return SIGNING_OK;
    error_set(detail, 0, "%.*s %.*s", (int)type->size, type->text, (int)id->size, id->text);
    return SIGNING_REASON_PARENT;
}

static enum signing_reason judge_origin(struct signer *signer, const struct git_object_text *id,
                                        const struct git_object_text *type, struct error *detail)
{
    return is_done(signer, id, type) ? SIGNING_OK : judge_users(signer, id, type, detail);
}

static enum signing_reason judge_person(const struct signer *signer,
                                        const struct git_object_person *person,
                                        struct error *detail)
{
    const struct manifest *manifest = signer->manifest;
    if (git_object_is_by(person, manifest->user_name, manifest->user_email))
        return SIGNING_OK;
    error_set(detail, 0, "%.*s<%.*s>", (int)person->name.size, person->name.text,
              (int)person->email.size, person->email.text);
    return SIGNING_REASON_IDENTITY;
}

static enum signing_reason judge_commit(struct signer *signer, const struct git_object *object,
                                        struct error *detail)
{
    static const struct git_object_text type = {.text = "commit", .size = 6};
    enum signing_reason reason = judge_person(signer, &object->author, detail);
    /* In a repository with commits it would be nobody's, and could be anybody's. */
    if (reason == SIGNING_OK && object->parent_count == 0 &&
        signer->manifest->base_commit[0] != '\0')
        reason = SIGNING_REASON_ROOT;
    for (size_t i = 0; i < object->parent_count && reason == SIGNING_OK; i++)
        reason = judge_origin(signer, &object->parents[i], &type, detail);
    return reason;
}

enum signing_reason judge_object(struct signer *signer, const struct git_object *object,
                                 struct error *detail)
{
    enum signing_reason reason = judge_person(signer, &object->committer, detail);
    if (reason != SIGNING_OK)
        return reason;
    return object->kind == GIT_OBJECT_TAG
               ? judge_origin(signer, &object->target, &object->target_type, detail)
               : judge_commit(signer, object, detail);
}

/* Reads commits and tags, which somebody hostile wrote. */
#include "host-shim/signer/git_object.h"

#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"

static const char digits_of_hex[] = "0123456789abcdef";

/* What is left to read, by whole lines. */
struct reader {
    const char *start;
    const char *at;
    const char *end;
    size_t digits;
};

/* The line at READER without its newline; false at the empty line, and where there is none. */
static bool peek(const struct reader *reader, struct git_object_text *line)
{
    const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (newline == NULL || newline == reader->at)
        return false;
    *line = (struct git_object_text){.text = reader->at, .size = (size_t)(newline - reader->at)};
    return true;
}

static void skip(struct reader *reader, const struct git_object_text *line)
{
    reader->at = line->text + line->size + 1;
}

/* Takes a line "KEY VALUE" when the next one is that. */
static bool take(struct reader *reader, const char *key, struct git_object_text *value)
{
    struct git_object_text line;
    size_t length = strlen(key);
    if (!peek(reader, &line) || line.size <= length || memcmp(line.text, key, length) != 0 ||
        line.text[length] != ' ')
        return false;
    *value =
        (struct git_object_text){.text = line.text + length + 1, .size = line.size - length - 1};
    skip(reader, &line);
    return true;
}

static bool is_all(const struct git_object_text *text, const char *characters)
{
    for (size_t i = 0; i < text->size; i++) {
        if (strchr(characters, text->text[i]) == NULL)
            return false;
    }
    return text->size > 0;
}

static bool take_id(struct reader *reader, const char *key, struct git_object_text *id)
{
    return take(reader, key, id) && id->size == reader->digits && is_all(id, digits_of_hex);
}

/* " TIME ZONE": digits, and a sign with four of them. */
static bool is_time(const struct git_object_text *text)
{
    static const char digits[] = "0123456789";
    const char *zone = text->size == 0 ? NULL : memrchr(text->text, ' ', text->size);
    if (zone == NULL || zone <= text->text || text->text[0] != ' ')
        return false;
    const struct git_object_text time = {.text = text->text + 1,
                                         .size = (size_t)(zone - text->text) - 1};
    const struct git_object_text offset = {.text = zone + 2,
                                           .size = text->size - (size_t)(zone - text->text) - 2};
    return is_all(&time, digits) && time.size <= 20 &&
           text->size - (size_t)(zone - text->text) == 6 && (zone[1] == '+' || zone[1] == '-') &&
           is_all(&offset, digits);
}

static bool take_person(struct reader *reader, const char *key, struct git_object_person *person)
{
    struct git_object_text line;
    if (!take(reader, key, &line))
        return false;
    const char *open = memchr(line.text, '<', line.size);
    const char *end = line.text + line.size;
    const char *close = open == NULL ? NULL : memchr(open, '>', (size_t)(end - open));
    if (close == NULL || memchr(open + 1, '<', (size_t)(end - open - 1)) != NULL ||
        memchr(close + 1, '>', (size_t)(end - close - 1)) != NULL)
        return false;
    person->name = (struct git_object_text){.text = line.text, .size = (size_t)(open - line.text)};
    person->email = (struct git_object_text){.text = open + 1, .size = (size_t)(close - open) - 1};
    const struct git_object_text time = {.text = close + 1, .size = (size_t)(end - close) - 1};
    return is_time(&time);
}

/* A tag that a merge brought along is kept in the commit: lines behind it, each with a blank. */
static void skip_continuation(struct reader *reader)
{
    struct git_object_text line;
    while (peek(reader, &line) && line.text[0] == ' ')
        skip(reader, &line);
}

static int read_commit(struct reader *reader, struct git_object *object, struct error *err)
{
    struct git_object_text value;
    struct git_object_text line;
    if (!take_id(reader, "tree", &value))
        return error_set(err, EPROTO, "a commit without its tree");
    while (peek(reader, &line) && line.size > 7 && memcmp(line.text, "parent ", 7) == 0) {
        if (object->parent_count == GIT_OBJECT_PARENTS_MAX)
            return error_set(err, EPROTO, "a commit with more than %d parents",
                             GIT_OBJECT_PARENTS_MAX);
        if (!take_id(reader, "parent", &object->parents[object->parent_count++]))
            return error_set(err, EPROTO, "a parent that is no id");
    }
    if (!take_person(reader, "author", &object->author) ||
        !take_person(reader, "committer", &object->committer))
        return error_set(err, EPROTO, "a commit without author and committer");
    (void)take(reader, "encoding", &value);
    while (take(reader, "mergetag", &value))
        skip_continuation(reader);
    return 0;
}

static bool is_type(const struct git_object_text *text)
{
    static const char *const types[] = {"commit", "tree", "blob", "tag"};
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (text->size == strlen(types[i]) && memcmp(text->text, types[i], text->size) == 0)
            return true;
    }
    return false;
}

/* The signature of a tag stands behind its message: nobody may find another one in front of it. */
static bool has_signature(const struct reader *reader)
{
    static const char mark[] = "-----BEGIN ";
    size_t length = sizeof(mark) - 1;
    for (const char *at = reader->at; at != NULL && at < reader->end;) {
        if ((size_t)(reader->end - at) >= length && memcmp(at, mark, length) == 0)
            return true;
        at = memchr(at, '\n', (size_t)(reader->end - at));
        at = at == NULL ? NULL : at + 1;
    }
    return false;
}

static int read_tag(struct reader *reader, struct git_object *object, struct error *err)
{
    struct git_object_text value;
    if (!take_id(reader, "object", &object->target))
        return error_set(err, EPROTO, "a tag without what it is for");
    if (!take(reader, "type", &object->target_type) || !is_type(&object->target_type))
        return error_set(err, EPROTO, "a tag for what no object is");
    if (!take(reader, "tag", &value) || !take_person(reader, "tagger", &object->committer))
        return error_set(err, EPROTO, "a tag without name and tagger");
    return has_signature(reader) ? error_set(err, EPROTO, "a tag with a signature in its message")
                                 : 0;
}

int git_object_parse(const char *text, size_t size, size_t digits, struct git_object *object,
                     struct error *err)
{
    struct reader reader = {.start = text, .at = text, .end = text + size, .digits = digits};
    struct git_object_text line;
    *object = (struct git_object){.kind = GIT_OBJECT_COMMIT};
    if (size == 0 || memchr(text, '\0', size) != NULL)
        return error_set(err, EPROTO, "no text");
    if (peek(&reader, &line) && line.size > 7 && memcmp(line.text, "object ", 7) == 0)
        object->kind = GIT_OBJECT_TAG;
    int result = object->kind == GIT_OBJECT_TAG ? read_tag(&reader, object, err)
                                                : read_commit(&reader, object, err);
    if (result < 0)
        return result;
    /* What signs, what nobody knows, and what stands out of its order. */
    if (reader.at == reader.end || *reader.at != '\n')
        return error_set(err, EPROTO, "a header that git does not write there");
    object->headers = (size_t)(reader.at - reader.start);
    return 0;
}

/* git's own list of what it strips from the ends of names and addresses; a dot is on it in some
 * versions. */
static bool is_crud(char character)
{
    return (unsigned char)character <= 32 || strchr(".,:;<>\"\\'", character) != NULL;
}

static struct git_object_text without_crud(const char *text, size_t size)
{
    while (size > 0 && is_crud(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && is_crud(text[size - 1]))
        size--;
    return (struct git_object_text){.text = text, .size = size};
}

static bool is_same(const struct git_object_text *text, const char *expected)
{
    struct git_object_text ours = without_crud(text->text, text->size);
    struct git_object_text theirs = without_crud(expected, strlen(expected));
    return ours.size == theirs.size && memcmp(ours.text, theirs.text, ours.size) == 0;
}

bool git_object_is_by(const struct git_object_person *person, const char *name, const char *email)
{
    return is_same(&person->name, name) && is_same(&person->email, email);
}

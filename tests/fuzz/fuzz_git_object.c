/* Fuzzes a commit or a tag that a container wants signed: what is taken for one lies in what was
 * read, begins as it must, and has its empty line where it says. */
#include <string.h>

#include "host-shim/signer/git_object.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const struct git_object_text *text, const char *data, size_t headers)
{
    fuzz_require(text->text >= data && text->text + text->size <= data + headers);
    fuzz_require(memchr(text->text, '\n', text->size) == NULL);
}

static void check_person(const struct git_object_person *person, const char *data, size_t headers)
{
    check_text(&person->name, data, headers);
    check_text(&person->email, data, headers);
    fuzz_require(memchr(person->email.text, '>', person->email.size) == NULL);
    (void)git_object_is_by(person, "Jane Doe", "jane@example.org");
}

static void check(const char *data, size_t size, size_t digits)
{
    struct git_object object;
    struct error err = ERROR_INITIALIZER;
    if (git_object_parse(data, size, digits, &object, &err) < 0) {
        fuzz_require(err.message[0] != '\0');
        return;
    }
    fuzz_require(object.headers < size && data[object.headers] == '\n');
    fuzz_require(data[object.headers - 1] == '\n');
    fuzz_require(memmem(data, object.headers, "\ngpgsig", 7) == NULL);
    check_person(&object.committer, data, object.headers);
    if (object.kind == GIT_OBJECT_TAG) {
        check_text(&object.target, data, object.headers);
        fuzz_require(object.target.size == digits);
        return;
    }
    check_person(&object.author, data, object.headers);
    fuzz_require(object.parent_count <= GIT_OBJECT_PARENTS_MAX);
    for (size_t i = 0; i < object.parent_count; i++) {
        check_text(&object.parents[i], data, object.headers);
        fuzz_require(object.parents[i].size == digits);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((const char *)data, size, GIT_OBJECT_SHA1_DIGITS);
    check((const char *)data, size, GIT_OBJECT_SHA256_DIGITS);
    return 0;
}

/* Texts under a key, and under its twin when they are no UTF-8. */
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/wire/record.h"
#include "lib/wire/record_text.h"
#include "tests/unit/wire/support.h"

static char *find(const json_t *object, const char *key)
{
    char *text = NULL;
    const char *reason = NULL;
    bool is_encoded;
    const json_t *value = record_find_text(object, key, &is_encoded);
    (void)record_decode(value, is_encoded, 64, &text, &reason);
    return text;
}

static void finds_what_was_set(void **state)
{
    static const char *const texts[] = {"plain", "", "\xff\xfe no text", "\xc3\xbc"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        json_t *object = json_object();
        assert_int_equal(record_set_text(object, "key", texts[i]), 0);
        cleanup_free char *found = find(object, "key");
        assert_string_equal(found, texts[i]);
        assert_null(find(object, "other"));
        json_decref(object);
    }
}

static void tells_which_of_the_two_it_is(void **state)
{
    bool is_encoded = true;
    json_t *object =
        json_pack("{s:[s], s:s, s:s}", "list", "a", "list_base64", "b", "only_base64", "YQ==");
    (void)state;
    assert_true(record_find_text(object, "list", &is_encoded) == json_object_get(object, "list"));
    assert_false(is_encoded);
    assert_true(record_find_text(object, "only", &is_encoded) ==
                json_object_get(object, "only_base64"));
    assert_true(is_encoded);
    assert_null(record_find_text(object, "none", &is_encoded));
    assert_null(record_find_text(NULL, "list", &is_encoded));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_set),
        cmocka_unit_test(tells_which_of_the_two_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

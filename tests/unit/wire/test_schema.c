/* The published schemas say what the code does: the same keys, the same events, the same fields. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/wire/audit.h"
#include "lib/wire/manifest_fields.h"
#include "lib/wire/session_state.h"
#include "tests/unit/wire/support.h"

/* Tests run from the top of the tree. */
static json_t *load(const char *path)
{
    json_error_t reason;
    json_t *schema = json_load_file(path, JSON_REJECT_DUPLICATES, &reason);
    if (schema == NULL)
        fail_msg("%s: %s", path, reason.text);
    return schema;
}

/* Follows "$ref": "#/$defs/NAME". Borrowed. */
static const json_t *resolve(const json_t *root, const json_t *schema)
{
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    if (reference == NULL)
        return schema;
    return json_object_get(json_object_get(root, "$defs"), strrchr(reference, '/') + 1);
}

static bool has_twin(const struct record_field *field)
{
    return field->type == RECORD_TEXT || field->type == RECORD_TEXT_INLINE ||
           field->type == RECORD_TEXT_LIST;
}

/* Every key of the table is a property, and no property is left over. */
static void compare(const json_t *root, const json_t *schema, const struct record_field *fields,
                    size_t extra)
{
    const json_t *properties = json_object_get(resolve(root, schema), "properties");
    assert_true(json_is_false(json_object_get(resolve(root, schema), "additionalProperties")));
    for (const struct record_field *field = fields; field->key != NULL; field++) {
        char twin[128];
        const json_t *property = json_object_get(properties, field->key);
        if (property == NULL)
            fail_msg("'%s' is not in the schema", field->key);
        extra += has_twin(field) ? 2 : 1;
        snprintf(twin, sizeof(twin), "%s_base64", field->key);
        assert_int_equal(json_object_get(properties, twin) != NULL, has_twin(field));
        property = resolve(root, property);
        if (field->type == RECORD_OBJECT)
            compare(root, property, field->fields, 0);
        if (field->type == RECORD_OBJECT_LIST)
            compare(root, json_object_get(property, "items"), field->fields, 0);
        if (field->limit != 0)
            assert_int_equal(json_integer_value(json_object_get(property, "maxItems")),
                             field->limit);
        for (size_t i = 0; field->type == RECORD_ENUM && field->names[i] != NULL; i++)
            assert_string_equal(
                json_string_value(json_array_get(json_object_get(property, "enum"), i)),
                field->names[i]);
    }
    assert_int_equal(json_object_size(properties), extra);
}

static void describes_the_manifest(void **state)
{
    (void)state;
    json_t *schema = load("policies/schema/manifest.json");
    compare(schema, schema, manifest_fields, 1);
    json_decref(schema);
}

static void describes_the_session_state(void **state)
{
    (void)state;
    json_t *schema = load("policies/schema/session-state.json");
    compare(schema, schema, session_state_fields, 1);
    json_decref(schema);
}

/* A value that the property's schema allows. */
static json_t *sample(const json_t *property)
{
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const char *reference = json_string_value(json_object_get(property, "$ref"));
    const char *type = json_string_value(json_object_get(property, "type"));
    const char *kind = reference != NULL ? strrchr(reference, '/') + 1 : type;
    if (strcmp(kind, "text") == 0 || strcmp(kind, "base64") == 0)
        return json_string("YQ==");
    if (strcmp(kind, "digest") == 0)
        return json_string(digest);
    if (strcmp(kind, "key") == 0)
        return json_string(digest);
    if (strcmp(kind, "signature") == 0)
        return json_pack("s+", digest, digest);
    if (strcmp(kind, "outcome") == 0)
        return json_string("down");
    if (strcmp(kind, "verdict") == 0)
        return json_string("deny");
    if (strcmp(kind, "tier") == 0)
        return json_string("workspace-write");
    if (strcmp(kind, "time") == 0)
        return json_string("2026-01-02T03:04:05.678901Z");
    if (strcmp(kind, "number") == 0 || strcmp(kind, "integer") == 0)
        return json_integer(7);
    if (strcmp(kind, "boolean") == 0)
        return json_true();
    return strcmp(kind, "array") == 0 ? json_pack("[s]", "YQ==") : json_pack("{s:s}", "k", "v");
}

static bool is_twin(const char *key)
{
    size_t length = strlen(key);
    return length > 7 && strcmp(key + length - 7, "_base64") == 0;
}

static bool requires(const json_t *schema, const char *key)
{
    const json_t *keys = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(keys); i++)
        if (strcmp(json_string_value(json_array_get(keys, i)), key) == 0)
            return true;
    return false;
}

/* Required as it is, or as itself or its twin. */
static bool is_required(const json_t *schema, const char *key)
{
    const json_t *rules = json_object_get(schema, "allOf");
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (requires(json_array_get(json_object_get(json_array_get(rules, i), "oneOf"), 0), key))
            return true;
    return requires(schema, key);
}

/* The fields as the schema has them are right, without any one of them they are not, nor with one
 * more. */
static void try_event(enum audit_event event, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    json_t *fields = json_object();
    const char *key;
    json_t *property;
    json_object_foreach((json_t *)(uintptr_t)properties, key, property)
    {
        if (!is_twin(key))
            json_object_set_new(fields, key, sample(property));
    }
    assert_int_equal(audit_event_check(event, fields, NULL), 0);
    json_object_foreach((json_t *)(uintptr_t)properties, key, property)
    {
        json_t *changed = json_copy(fields);
        if (is_twin(key)) {
            char plain[64];
            snprintf(plain, sizeof(plain), "%.*s", (int)strlen(key) - 7, key);
            json_object_del(changed, plain);
            json_object_set_new(changed, key, sample(property));
            assert_int_equal(audit_event_check(event, changed, NULL), 0);
        } else {
            json_object_del(changed, key);
            assert_int_equal(audit_event_check(event, changed, NULL) == 0,
                             !is_required(schema, key));
        }
        json_decref(changed);
    }
    json_object_set_new(fields, "surprise", json_integer(1));
    assert_int_not_equal(audit_event_check(event, fields, NULL), 0);
    json_decref(fields);
}

static void describes_the_events(void **state)
{
    (void)state;
    json_t *schema = load("policies/schema/audit.json");
    const json_t *names =
        json_object_get(json_object_get(json_object_get(schema, "properties"), "event"), "enum");
    assert_int_equal(json_array_size(names), AUDIT_EVENT_COUNT);
    assert_int_equal(json_array_size(json_object_get(schema, "allOf")), AUDIT_EVENT_COUNT);
    for (size_t i = 0; i < AUDIT_EVENT_COUNT; i++) {
        const char *name = audit_event_name((enum audit_event)i);
        assert_string_equal(json_string_value(json_array_get(names, i)), name);
        const json_t *fields = json_object_get(json_object_get(schema, "$defs"), name);
        assert_true(json_is_false(json_object_get(fields, "additionalProperties")));
        try_event((enum audit_event)i, fields);
    }
    json_decref(schema);
}

/* A line of the log has the keys of the schema and no others. */
static void describes_the_lines(void **state)
{
    (void)state;
    char directory[PATH_MAX], path[PATH_MAX];
    size_t size = 0;
    const struct audit_source source = {.program = "keeper"};
    support_directory_make(directory);
    snprintf(path, sizeof(path), "%.4000s/log", directory);
    json_t *fields = json_pack("{s:s}", "what", "x");
    assert_int_equal(audit_forward(path, AUDIT_OVERRIDE_USED, &source, fields, NULL), 0);
    json_decref(fields);
    cleanup_free char *text = support_read(path, &size);
    json_t *line = json_loads(text, 0, NULL);
    json_t *schema = load("policies/schema/audit.json");
    const json_t *properties = json_object_get(schema, "properties");
    assert_int_equal(json_object_size(line), json_object_size(properties));
    assert_int_equal(json_object_size(line), json_array_size(json_object_get(schema, "required")));
    const char *key;
    json_t *value;
    json_object_foreach(line, key, value)
    {
        assert_non_null(json_object_get(properties, key));
    }
    json_decref(line);
    json_decref(schema);
    support_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_the_manifest),
        cmocka_unit_test(describes_the_session_state),
        cmocka_unit_test(describes_the_events),
        cmocka_unit_test(describes_the_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reads argument comparisons and expands those that libseccomp does not know. */
#include "sandbox/agent-seccomp-compile/comparison.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-seccomp-compile/constants.h"
#include "sandbox/agent-seccomp-compile/json_keys.h"

#define VALUES_MAX 32
#define ARGUMENTS_MAX 6
#define WORD_BITS 32

struct operands {
    unsigned int index;
    uint32_t mask;
    uint32_t values[VALUES_MAX];
    size_t count;
};

struct operation {
    const char *name;
    bool has_mask;
    bool has_many;
    int (*expand)(const struct operands *operands, struct comparison *comparison);
};

static int add(struct comparison *comparison, struct scmp_arg_cmp alternative)
{
    if (comparison->count == COMPARISON_ALTERNATIVES_MAX)
        return -E2BIG;
    comparison->alternatives[comparison->count++] = alternative;
    return 0;
}

static int add_masked(struct comparison *comparison, unsigned int index, uint32_t mask,
                      uint32_t value)
{
    return add(comparison,
               (struct scmp_arg_cmp){
                   .arg = index, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value});
}

static int expand_equal(const struct operands *operands, struct comparison *comparison)
{
    int result = 0;

    for (size_t i = 0; i < operands->count && result == 0; i++)
        result = add(comparison, (struct scmp_arg_cmp){.arg = operands->index,
                                                       .op = SCMP_CMP_EQ,
                                                       .datum_a = operands->values[i]});
    return result;
}

static int expand_masked_equal(const struct operands *operands, struct comparison *comparison)
{
    int result = 0;

    for (size_t i = 0; i < operands->count && result == 0; i++)
        result = (operands->values[i] & ~operands->mask) != 0
                     ? -ERANGE
                     : add_masked(comparison, operands->index, operands->mask, operands->values[i]);
    return result;
}

static int expand_bits_set(const struct operands *operands, struct comparison *comparison)
{
    int result = 0;

    for (size_t i = 0; i < operands->count && result == 0; i++)
        result = operands->values[i] == 0 ? -ERANGE
                                          : add_masked(comparison, operands->index,
                                                       operands->values[i], operands->values[i]);
    return result;
}

static int expand_at_least(const struct operands *operands, struct comparison *comparison)
{
    return add(comparison, (struct scmp_arg_cmp){.arg = operands->index,
                                                 .op = SCMP_CMP_GE,
                                                 .datum_a = operands->values[0]});
}

static bool has_value_below(const struct operands *operands, uint32_t mask, uint32_t prefix)
{
    for (size_t i = 0; i < operands->count; i++) {
        if ((operands->values[i] & mask) == prefix)
            return true;
    }
    return false;
}

/*
 * libseccomp refuses two comparisons of one argument in a rule, so "not a and not b" cannot be
 * said. The complement of a set of words is a set of prefixes, as in a routing table, and each
 * prefix is one mask.
 */
static int cover_complement(const struct operands *operands, struct comparison *comparison,
                            unsigned int fixed_bits, uint32_t prefix)
{
    uint32_t mask = fixed_bits == 0 ? 0 : UINT32_MAX << (WORD_BITS - fixed_bits);
    uint32_t next_bit;
    int result;

    if (!has_value_below(operands, mask, prefix))
        return add_masked(comparison, operands->index, mask, prefix);
    if (fixed_bits == WORD_BITS)
        return 0;
    next_bit = UINT32_C(1) << (WORD_BITS - fixed_bits - 1);
    result = cover_complement(operands, comparison, fixed_bits + 1, prefix);
    return result < 0 ? result
                      : cover_complement(operands, comparison, fixed_bits + 1, prefix | next_bit);
}

static int expand_none_of(const struct operands *operands, struct comparison *comparison)
{
    return cover_complement(operands, comparison, 0, 0);
}

/* clang-format off */
static const struct operation operations[] = {
    {.name = "equal",        .has_many = true,  .expand = expand_equal},
    {.name = "masked-equal", .has_many = true,  .expand = expand_masked_equal, .has_mask = true},
    {.name = "bits-set",     .has_many = true,  .expand = expand_bits_set},
    {.name = "none-of",      .has_many = true,  .expand = expand_none_of},
    {.name = "at-least",     .has_many = false, .expand = expand_at_least},
};
/* clang-format on */

static const struct operation *find_operation(const char *name)
{
    for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(operations); i++) {
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    }
    return NULL;
}

static int read_text_value(const char *text, uint32_t *value, struct error *err)
{
    char *end = NULL;
    unsigned long number;

    if (constant_find(text, value) == 0)
        return 0;
    errno = 0;
    number = strtoul(text, &end, 0);
    if (text[0] != '0' || errno != 0 || *end != '\0' || number > UINT32_MAX)
        return error_set(err, EINVAL, "'%s' is neither a known constant nor a 32-bit number", text);
    *value = (uint32_t)number;
    return 0;
}

static int read_value(const json_t *json, const char *key, uint32_t *value, struct error *err)
{
    if (json_is_string(json))
        return read_text_value(json_string_value(json), value, err);
    if (!json_is_integer(json) || json_integer_value(json) < 0 ||
        json_integer_value(json) > UINT32_MAX)
        return error_set(err, EINVAL, "'%s' needs numbers of 32 bits or names of constants", key);
    *value = (uint32_t)json_integer_value(json);
    return 0;
}

static int read_values(const json_t *json, struct operands *operands, struct error *err)
{
    size_t count = json_array_size(json);

    if (count == 0 || count > VALUES_MAX)
        return error_set(err, EINVAL, "'values' must be a list of 1 to %d values", VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        int result = read_value(json_array_get(json, i), "values", &operands->values[i], err);

        if (result < 0)
            return result;
    }
    operands->count = count;
    return 0;
}

static int read_operands(const json_t *json, const struct operation *operation,
                         struct operands *operands, struct error *err)
{
    const json_t *index = json_object_get(json, "index");
    const json_t *mask = json_object_get(json, "mask");
    int result;

    if (!json_is_integer(index) || json_integer_value(index) < 0 ||
        json_integer_value(index) >= ARGUMENTS_MAX)
        return error_set(err, EINVAL, "'index' must be 0 to %d", ARGUMENTS_MAX - 1);
    operands->index = (unsigned int)json_integer_value(index);
    if ((mask != NULL) != operation->has_mask)
        return error_set(err, EINVAL, "operator '%s' %s", operation->name,
                         operation->has_mask ? "needs a 'mask'" : "takes no 'mask'");
    result = mask != NULL ? read_value(mask, "mask", &operands->mask, err) : 0;
    if (result == 0)
        result = read_values(json_object_get(json, "values"), operands, err);
    if (result == 0 && operands->count > 1 && !operation->has_many)
        return error_set(err, EINVAL, "operator '%s' takes one value", operation->name);
    return result;
}

int comparison_read(const json_t *json, struct comparison *comparison, struct error *err)
{
    static const char *const keys[] = {"index", "operator", "values", "mask", NULL};
    const char *name = json_string_value(json_object_get(json, "operator"));
    const struct operation *operation = find_operation(name);
    struct operands operands = {.index = 0};
    int result = json_keys_check(json, keys, err);

    if (result < 0)
        return result;
    if (operation == NULL)
        return error_set(err, EINVAL, "'operator' is '%s', which is not known",
                         name != NULL ? name : "");
    result = read_operands(json, operation, &operands, err);
    if (result < 0)
        return result;
    comparison->count = 0;
    result = operation->expand(&operands, comparison);
    if (result == -ERANGE)
        return error_set(err, EINVAL, "a value of '%s' can never match", operation->name);
    if (result < 0)
        return error_set(err, EINVAL, "'%s' expands to too many comparisons", operation->name);
    return 0;
}

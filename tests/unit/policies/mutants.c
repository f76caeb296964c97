/* The count of one policy at a time. */
#include "tests/unit/policies/mutants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *policy;
static size_t tried;
static size_t unnoticed;

void mutants_begin(const char *name)
{
    policy = name;
    tried = 0;
    unnoticed = 0;
}

void mutants_note(bool is_noticed, const char *format, ...)
{
    char what[512];
    va_list arguments;

    tried++;
    if (is_noticed)
        return;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    print_error("%s: nobody misses %s\n", policy, what);
    unnoticed++;
}

void mutants_end(void)
{
    print_message("%s: %zu mutants, %zu unnoticed\n", policy, tried, unnoticed);
    assert_true(tried > 0);
    assert_int_equal(unnoticed, 0);
}

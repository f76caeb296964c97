/* Prints a policy: how sandboxes are made, what they see of the environment, and its rules in
 * order. */
#include "host-shim/commands/policy_show.h"

#include <stdio.h>
#include <string.h>

#include "lib/host/printable.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_limit(const json_t *profile, const char *key, const char *name)
{
    if (number_of(profile, key) != 0)
        printf(", %s at most %lld", name, number_of(profile, key));
}

static void print_profiles(const json_t *profiles)
{
    const json_t *profile;
    size_t index;

    puts("\nprofiles of sandboxes:");
    json_array_foreach(profiles, index, profile)
    {
        printf("  %-16s network %s, linger %lld s, warm %lld", text_of(profile, "name"),
               text_of(profile, "network"), number_of(profile, "linger_seconds"),
               number_of(profile, "warm"));
        print_limit(profile, "processes", "processes");
        print_limit(profile, "file_size_bytes", "bytes of a file");
        print_limit(profile, "open_files", "open files");
        putchar('\n');
    }
}

static void print_variables(const json_t *described)
{
    const json_t *variable;
    size_t index;

    puts("\nvariables that commands get:");
    json_array_foreach(json_object_get(described, "set"), index, variable)
    {
        fputs("  set    ", stdout);
        printable_print(stdout, json_string_value(variable));
        putchar('\n');
    }
    json_array_foreach(json_object_get(described, "variables"), index, variable)
    {
        printf("  %s ", json_is_true(json_object_get(variable, "passes")) ? "keep  " : "scrub ");
        printable_print(stdout, text_of(variable, "name"));
        putchar('\n');
    }
}

static void print_direct(const json_t *shapes)
{
    const json_t *shape;
    size_t index;

    puts("\nwhat may run outside of a sandbox:");
    json_array_foreach(shapes, index, shape)
    {
        const json_t *argument;
        size_t i;

        printf("  %-28s ", text_of(shape, "id"));
        printable_print(stdout, text_of(shape, "program"));
        fputs(" as", stdout);
        json_array_foreach(json_object_get(shape, "arguments"), i, argument)
        {
            putchar(' ');
            printable_print(stdout, json_string_value(argument));
        }
        fputs(" from ", stdout);
        printable_print(stdout, text_of(shape, "from"));
        putchar('\n');
    }
}

static void print_rules(const json_t *rules)
{
    const json_t *rule;
    size_t index;

    puts("\nrules, of which the first that matches decides:");
    json_array_foreach(rules, index, rule)
    {
        printf("  %-8s %-16s %-28s ", text_of(rule, "action"), text_of(rule, "tier"),
               text_of(rule, "id"));
        printable_print(stdout, text_of(rule, "file"));
        printf(":%lld\n", number_of(rule, "line"));
    }
}

void policy_show_print(const json_t *described)
{
    printf("mode: %s\nwho is asked has: %lld s, unless a rule says otherwise\n",
           text_of(described, "mode"), number_of(described, "ask_seconds"));
    print_profiles(json_object_get(described, "profiles"));
    print_variables(described);
    print_direct(json_object_get(described, "direct"));
    print_rules(json_object_get(described, "rules"));
}

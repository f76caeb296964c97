/* coding-agents doctor: whether this machine can run sessions, found out by trying. */
#include "host-shim/commands/doctor.h"

#include <stdio.h>

#include "host-shim/commands/command.h"
#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/wire/record.h"

#define DEFAULT_IMAGE "coding-agents/shell:" CODING_AGENTS_VERSION

static const char *const verdict_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

static void print_report(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        cleanup_free char *name = printable_text(finding->name, strlen(finding->name));
        printf("%-4s  %-20s ", verdict_names[finding->verdict], name == NULL ? "" : name);
        printable_print(stdout, finding->detail);
        putchar('\n');
        if (finding->verdict == DOCTOR_OK || finding->remedy[0] == '\0')
            continue;
        printf("%28s", "-> ");
        printable_print(stdout, finding->remedy);
        putchar('\n');
    }
}

static int print_json(const struct doctor_report *report, bool is_able)
{
    json_t *list = json_array();
    int result = 0;
    for (size_t i = 0; i < report->count && result == 0; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        json_t *item = json_pack("{s:s}", "verdict", verdict_names[finding->verdict]);
        result = record_set_text(item, "name", finding->name);
        if (result == 0)
            result = record_set_text(item, "detail", finding->detail);
        if (result == 0)
            result = record_set_text(item, "remedy", finding->remedy);
        if (json_array_append_new(list, item) < 0)
            result = -1;
    }
    json_t *document = json_pack("{s:i,s:b,s:o}", "version", 1, "ok", is_able, "checks", list);
    if (result == 0)
        result = document == NULL ? -1 : printable_json_dump(document, stdout);
    json_decref(document);
    return result;
}

int main(int argc, char **argv)
{
    static struct doctor_report report;
    struct command_line line;
    command_begin("doctor", argc, argv, &line);
    const char *image = command_value(&line, "image");
    doctor_check_host(&report);
    if (report.has_engine)
        doctor_check_container(&report, image == NULL ? DEFAULT_IMAGE : image);
    bool is_able = true;
    for (size_t i = 0; i < report.count; i++)
        is_able = is_able && report.findings[i].verdict != DOCTOR_FAIL;
    if (!command_has(&line, "json"))
        print_report(&report);
    else if (print_json(&report, is_able) < 0)
        return EXIT_HOST_INTERNAL;
    return is_able ? 0 : EXIT_ENGINE;
}

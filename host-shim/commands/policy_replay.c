/* Judges the commands of a session by a policy of today and shows which come out differently. */
#include "host-shim/commands/policy_replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "host-shim/commands/exec_command.h"
#include "host-shim/commands/exec_session.h"
#include "host-shim/commands/exec_view.h"
#include "host-shim/commands/policy_load.h"
#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/policy/describe.h"

#define EXIT_CHANGED 1
#define INDENT "    "

struct counts {
    uint64_t judged;
    uint64_t changed;
    uint64_t cut;
    uint64_t direct;
    uint64_t without_digest;
    uint64_t without_directory;
    uint64_t not_run;
    uint64_t refused;
    uint64_t incomplete;
    uint64_t lost;
};

struct replay {
    const struct command_line *line;
    struct policy *policy;
    struct exec_list list;
    bool asks_for_directory;
    json_t *differences; /* NULL: they are printed as they are found */
    struct counts counts;
};

/* clang-format off */
/* What the record cannot tell. The two first of the counts are a sentence of their own. */
static const struct {
    const char *key;
    size_t offset;
    const char *text;
} counted[] = {
    {"judged",            offsetof(struct counts, judged),            NULL},
    {"changed",           offsetof(struct counts, changed),           NULL},
    {"cut",               offsetof(struct counts, cut),
     "judged by the part of their arguments that is on record"},
    {"direct",            offsetof(struct counts, direct),
     "outside of a sandbox, compared by rule and program: their caller and environment are not on record"},
    {"without_digest",    offsetof(struct counts, without_digest),
     "judged without the program's digest, which a rule asks for and the record lacks"},
    {"without_directory", offsetof(struct counts, without_directory),
     "inside others, judged in the directory of these: a rule asks for it and the record lacks it"},
    {"not_run",           offsetof(struct counts, not_run),
     "not judged: they could not be run"},
    {"refused",           offsetof(struct counts, refused),
     "not judged: they were refused before any rule"},
    {"incomplete",        offsetof(struct counts, incomplete),
     "not judged: their start, or a part of it, is not on record"},
    {"lost",              offsetof(struct counts, lost),
     "inside others, never recorded"},
};

/* What is compared; a nested exec has no profile and no is_observed on record. */
static const char *const compared[] = {"verdict", "rule", "tier", "profile", "is_observed"};
/* clang-format on */

static uint64_t count_at(const struct counts *counts, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)counts + offset, sizeof(value));
    return value;
}

static bool has_word(const json_t *object, const char *key, const char *word)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strcmp(text, word) == 0;
}

/* What the record says of OBJECT, of what is compared. */
static json_t *describe_before(const json_t *object)
{
    json_t *before = json_object();
    for (size_t i = 0; i < ARRAY_LENGTH(compared); i++)
        if (json_object_get(object, compared[i]) != NULL)
            json_object_set(before, compared[i], json_object_get(object, compared[i]));
    /* What whoever was asked said is no verdict of the policy. */
    if (json_object_get(object, "seconds") != NULL)
        json_object_set_new(before, "verdict", json_string(policy_action_name(TASK_ACTION_ASK)));
    return before;
}

static json_t *describe_after(const struct policy_judgement *judgement)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s*, s:s*}", "verdict",
                     policy_action_name(judgement->action), "rule", judgement->rule, "tier",
                     policy_tier_name(judgement->tier), "profile", judgement->profile,
                     "is_observed", (int)judgement->is_observed, "message", judgement->message,
                     "instead", judgement->instead);
}

static bool differs(const json_t *before, const json_t *after, const char *key)
{
    const json_t *was = json_object_get(before, key);
    return was != NULL && !json_equal(was, json_object_get(after, key));
}

static bool is_changed(const json_t *before, const json_t *after)
{
    for (size_t i = 0; i < ARRAY_LENGTH(compared); i++)
        if (differs(before, after, compared[i]))
            return true;
    return false;
}

/* What COMMAND was judged without, although it may matter. */
static json_t *list_missing(const struct replay *replay, const struct exec_command *command)
{
    const struct {
        const char *name;
        bool is_missing;
    } parts[] = {
        {"arguments", command->is_cut},
        {"digest", command->missed_digest},
        {"directory", command->is_nested && replay->asks_for_directory},
    };
    json_t *missing = json_array();
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
        if (parts[i].is_missing)
            json_array_append_new(missing, json_string(parts[i].name));
    return missing;
}

/* A difference of OBJECT, without what was and what is. NULL without memory. */
static json_t *begin_difference(const struct replay *replay, const json_t *object,
                                const struct exec_command *command)
{
    static const char *const carried[] = {
        "id",   "started",     "program",        "cwd",         "program_base64", "cwd_base64",
        "argv", "argv_base64", "argument_count", "argv_is_cut", "program_sha256"};
    json_t *difference = json_pack("{s:b, s:o}", "is_nested", (int)command->is_nested,
                                   "not_on_record", list_missing(replay, command));
    for (size_t i = 0; difference != NULL && i < ARRAY_LENGTH(carried); i++)
        if (json_object_get(object, carried[i]) != NULL)
            json_object_set(difference, carried[i], json_object_get(object, carried[i]));
    return difference;
}

static void print_value(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        printable_print(stdout, json_string_value(value));
    else
        fputs(json_is_true(value) ? "yes" : "no", stdout);
}

static void print_changes(const json_t *before, const json_t *after)
{
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_LENGTH(compared); i++) {
        if (!differs(before, after, compared[i]))
            continue;
        printf("%s%s ", separator, compared[i]);
        print_value(before, compared[i]);
        fputs(" -> ", stdout);
        print_value(after, compared[i]);
        separator = ", ";
    }
    putchar('\n');
}

static void print_difference(const json_t *difference, const struct policy_judgement *judgement)
{
    char time[EXEC_VIEW_TIME_SIZE];
    char denial[TASK_TEXT_SIZE];
    const json_t *missing = json_object_get(difference, "not_on_record");
    const char *indent = json_is_true(json_object_get(difference, "is_nested")) ? "  " : "";
    exec_view_format_time(difference, time);
    printf("%s  %s", time, indent);
    exec_view_print_arguments(stdout, difference);
    printf(INDENT "%s", indent);
    print_changes(json_object_get(difference, "before"), json_object_get(difference, "after"));
    if (judgement->action != TASK_ACTION_SANDBOX) {
        if (judgement->action == TASK_ACTION_DENY)
            policy_describe_denial(judgement, denial, sizeof(denial));
        else
            policy_describe_reason(judgement, denial, sizeof(denial));
        printf(INDENT "%s", indent);
        printable_print(stdout, denial);
        putchar('\n');
    }
    for (size_t i = 0; i < json_array_size(missing); i++)
        printf(INDENT "%sjudged without what is not on record: %s\n", indent,
               json_string_value(json_array_get(missing, i)));
}

/* Takes DIFFERENCE. 0 or -errno. */
static int show_difference(struct replay *replay, json_t *difference,
                           const struct policy_judgement *judgement)
{
    replay->counts.changed++;
    if (replay->differences != NULL)
        return json_array_append_new(replay->differences, difference) < 0 ? -ENOMEM : 0;
    print_difference(difference, judgement);
    json_decref(difference);
    return ferror(stdout) ? -EIO : 0;
}

static void count_command(struct replay *replay, const struct exec_command *command)
{
    replay->counts.judged++;
    replay->counts.cut += command->is_cut;
    replay->counts.without_digest += command->missed_digest;
    replay->counts.without_directory += command->is_nested && replay->asks_for_directory;
}

static int judge(struct replay *replay, const json_t *object, struct exec_command *command)
{
    struct policy_judgement judgement;
    exec_command_judge(replay->policy, command, &judgement);
    count_command(replay, command);
    json_t *before = describe_before(object);
    json_t *after = describe_after(&judgement);
    if (before != NULL && after != NULL && !is_changed(before, after)) {
        json_decref(before);
        json_decref(after);
        return 0;
    }
    json_t *difference = begin_difference(replay, object, command);
    if (before == NULL || after == NULL || difference == NULL ||
        json_object_set(difference, "before", before) < 0 ||
        json_object_set(difference, "after", after) < 0) {
        json_decref(difference);
        difference = NULL;
    }
    json_decref(before);
    json_decref(after);
    return difference == NULL ? -ENOMEM : show_difference(replay, difference, &judgement);
}

/* The policy still has the direct rule that OBJECT ran by, for the same program. */
static bool is_direct_still(const struct policy *policy, const json_t *object)
{
    for (size_t i = 0; i < policy_direct_count(policy); i++) {
        const struct task_direct *direct = policy_direct_at(policy, i);
        if (has_word(object, "rule", direct->rule) && has_word(object, "program", direct->program))
            return true;
    }
    return false;
}

/* True when no rule decided what became of OBJECT, which is counted. */
static bool is_passed_over(struct replay *replay, const json_t *object)
{
    struct counts *counts = &replay->counts;
    if (has_word(object, "verdict", "direct")) {
        counts->direct++;
        return is_direct_still(replay->policy, object);
    }
    if (exec_command_was_judged(object))
        return false;
    if (has_word(object, "verdict", "fail"))
        counts->not_run++;
    else if (has_word(object, "state", "refused"))
        counts->refused++;
    else
        counts->incomplete++;
    return true;
}

static int replay_one(struct replay *replay, const json_t *object, const json_t *outer)
{
    struct exec_command command;
    if (is_passed_over(replay, object))
        return 0;
    int result = exec_command_read(object, outer, &command);
    if (result == -EPROTO)
        replay->counts.incomplete++;
    if (result < 0)
        return result == -EPROTO ? 0 : result;
    result = judge(replay, object, &command);
    exec_command_free(&command);
    return result;
}

static int replay_entry(struct replay *replay, const struct exec_entry *entry)
{
    json_t *view = exec_view_json(&replay->list, entry);
    const json_t *nested = json_object_get(view, "nested");
    int result = view == NULL ? -ENOMEM : replay_one(replay, view, NULL);
    for (size_t i = 0; i < json_array_size(nested) && result == 0; i++) {
        const json_t *item = json_array_get(nested, i);
        replay->counts.lost += (uint64_t)json_integer_value(json_object_get(item, "lost"));
        result = replay_one(replay, item, view);
    }
    json_decref(view);
    return result;
}

static int replay_all(struct replay *replay, struct error *err)
{
    bool is_live;
    int result = exec_session_read(&replay->list, &is_live, err);
    if (result < 0)
        return result;
    for (size_t i = 0; i < replay->list.count && result == 0; i++)
        result = replay_entry(replay, &replay->list.entries[i]);
    return result < 0 ? error_set(err, -result, "judge the commands") : 0;
}

static void print_summary(const struct counts *counts)
{
    printf("%" PRIu64 " judged by the policy as it is now, changed: %" PRIu64 "\n", counts->judged,
           counts->changed);
    for (size_t i = 0; i < ARRAY_LENGTH(counted); i++)
        if (counted[i].text != NULL && count_at(counts, counted[i].offset) > 0)
            printf(INDENT "%" PRIu64 " %s\n", count_at(counts, counted[i].offset), counted[i].text);
}

/* Takes the differences. 0 or -errno. */
static int print_document(struct replay *replay, const struct session_state *state)
{
    json_t *document = json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "session", state->session,
                                 "agent", state->agent, "differences", replay->differences);
    replay->differences = NULL;
    for (size_t i = 0; document != NULL && i < ARRAY_LENGTH(counted); i++)
        json_object_set_new(document, counted[i].key,
                            json_integer((json_int_t)count_at(&replay->counts, counted[i].offset)));
    int result = document == NULL ? -ENOMEM : printable_json_dump(document, stdout);
    json_decref(document);
    return result;
}

static int finish(struct replay *replay, const struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    int result = replay_all(replay, &err);
    if (result == 0 && replay->differences != NULL)
        result = print_document(replay, state);
    else if (result == 0)
        print_summary(&replay->counts);
    if (result == 0 && fflush(stdout) == EOF)
        result = -EIO;
    if (result < 0 && err.number == 0)
        error_set(&err, -result, "show what changes");
    if (result < 0)
        return command_fail(replay->line, &err, EXIT_HOST_INTERNAL);
    int code = exec_session_judge_log(replay->line, &replay->list);
    return code == 0 && replay->counts.changed > 0 ? EXIT_CHANGED : code;
}

static bool policy_asks(const struct policy *policy, const char *key)
{
    json_t *described = policy_describe(policy);
    bool asks = exec_command_rules_ask(json_object_get(described, "rules"), key);
    json_decref(described);
    return asks;
}

int policy_replay(const struct command_line *line)
{
    struct session_state *state = NULL;
    struct replay replay = {.line = line};
    int code = exec_session_open(line, line->arguments[1], &state, &replay.list);
    if (code != 0)
        return code;
    const char *agent = command_value(line, "agent");
    code = policy_load_named(line, NULL, 0, agent != NULL ? agent : state->agent, &replay.policy);
    if (code == 0) {
        replay.asks_for_directory = policy_asks(replay.policy, "directory");
        replay.differences = command_has(line, "json") ? json_array() : NULL;
        code = finish(&replay, state);
    }
    json_decref(replay.differences);
    policy_free(replay.policy);
    exec_list_close(&replay.list);
    session_state_free(state);
    return code;
}

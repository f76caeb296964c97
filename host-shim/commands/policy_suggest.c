/* Proposes rules that say of each command of a session what became of it. */
#include "host-shim/commands/policy_suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/exec_session.h"
#include "host-shim/commands/exec_view.h"
#include "host-shim/commands/policy_load.h"
#include "host-shim/commands/suggest_inner.h"
#include "host-shim/commands/suggest_match.h"
#include "host-shim/commands/suggest_print.h"
#include "host-shim/commands/suggest_rules.h"
#include "lib/base/cleanup.h"
#include "lib/policy/describe.h"
#include "lib/policy/limits.h"

/* Different commands that are remembered; a policy has room for far fewer rules. */
#define OBSERVED_MAX 16384
/* Indentation and the frame around the rules, generously. */
#define FRAME_BYTES 4096

enum reason {
    REASON_NONE, /* it is proposed; this and the two behind it say what became of a command */
    REASON_DENIED,
    REASON_ASKED,
    REASON_DIRECT,
    REASON_NOT_RUN,
    REASON_NO_TIER,
    REASON_CUT,
    REASON_UNWRITABLE,
    REASON_UNKNOWN,
    REASON_CONTRADICTORY,
    REASON_POLICY,
    REASON_ROOM,
    REASON_OWN,
    REASON_COUNT
};

/* clang-format off */
static const char *const reason_texts[REASON_COUNT] = {
    [REASON_DENIED]        = "denied, or run only because the policy observes",
    [REASON_ASKED]         = "asked about",
    [REASON_DIRECT]        = "run outside of a sandbox, by direct rules",
    [REASON_NOT_RUN]       = "not run, refused, or without a start on record",
    [REASON_NO_TIER]       = "of no tier, which a rule has to name",
    [REASON_CUT]           = "without all of their arguments on record",
    [REASON_UNWRITABLE]    = "with arguments that no pattern can name: empty, not UTF-8, with control characters, too long or too many",
    [REASON_UNKNOWN]       = "without the directory or digest on record, for which rules ask",
    [REASON_CONTRADICTORY] = "judged in different ways at different times",
    [REASON_POLICY]        = "denied, asked about, or put into another sandbox, by the policy as it is now",
    [REASON_ROOM]          = "more than a policy has room for",
    [REASON_OWN]           = "that the agent's program runs for itself",
};
/* clang-format on */

struct suggest {
    const struct command_line *line;
    struct policy *policy;
    struct exec_list list;
    struct suggest_scope scope;
    struct exec_agent agent;
    json_t *observed; /* owned; by the text of the match */
    uint64_t left_out[REASON_COUNT];
};

static bool has_word(const json_t *object, const char *key, const char *word)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strcmp(text, word) == 0;
}

/* Why OBJECT is no example of what a rule lets run, as far as the record alone says. */
static enum reason reason_of_record(const json_t *object)
{
    if (json_object_get(object, "seconds") != NULL)
        return REASON_ASKED;
    if (has_word(object, "verdict", "deny") || json_is_true(json_object_get(object, "is_observed")))
        return REASON_DENIED;
    if (has_word(object, "verdict", "direct"))
        return REASON_DIRECT;
    if (!has_word(object, "verdict", "sandbox"))
        return REASON_NOT_RUN;
    return json_is_true(json_object_get(object, "argv_is_cut")) || !exec_command_was_read(object)
               ? REASON_CUT
               : REASON_NONE;
}

/* One that a rule can name: a damaged log may say anything. */
static bool has_tier(const json_t *object)
{
    for (int tier = TASK_TIER_READ; tier <= TASK_TIER_PRIVILEGED; tier++)
        if (has_word(object, "tier", policy_tier_name((enum task_tier)tier)))
            return true;
    return false;
}

/* *PROFILE: of the sandbox; for an exec inside another, that of the policy. Borrowed. */
static enum reason reason_of_policy(const struct suggest *suggest, const json_t *object,
                                    struct exec_command *command, const char **profile)
{
    struct policy_judgement judgement;
    const char *recorded = json_string_value(json_object_get(object, "profile"));
    bool lacks_digest = suggest->scope.has_digest && !command->has_digest;
    if ((suggest->scope.has_directory && command->is_nested) || lacks_digest)
        return REASON_UNKNOWN;
    exec_command_judge(suggest->policy, command, &judgement);
    if (judgement.action != TASK_ACTION_SANDBOX || judgement.is_observed ||
        (!command->is_nested && (recorded == NULL || strcmp(recorded, judgement.profile) != 0)))
        return REASON_POLICY;
    *profile = judgement.profile;
    return has_tier(object) ? REASON_NONE : REASON_NO_TIER;
}

/* What is known of a command when it is seen for the first time. NULL when memory is short. */
static json_t *begin_item(const json_t *object, const struct exec_command *command,
                          const char *profile)
{
    cleanup_free char *example = suggest_match_example(command);
    json_t *examples = json_array();
    if (example != NULL)
        (void)json_array_append_new(examples, json_string(example));
    return json_pack("{s:O?, s:s, s:i, s:o}", "tier", json_object_get(object, "tier"), "profile",
                     profile, "times", 0, "examples", examples);
}

struct sight {
    const json_t *object;
    const struct exec_command *command;
    const char *profile;
    enum reason reason;
};

/* The item of MATCH, made when it is the first of its kind; NULL: no room, or no memory. */
static json_t *find_item(struct suggest *suggest, json_t *match, const struct sight *sight)
{
    cleanup_free char *key = json_dumps(match, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *item = key != NULL ? json_object_get(suggest->observed, key) : NULL;
    if (item != NULL || key == NULL || json_object_size(suggest->observed) >= OBSERVED_MAX)
        return item;
    item = begin_item(sight->object, sight->command, sight->profile);
    if (json_object_set(item, "match", match) < 0 ||
        json_object_set_new(item, "reason", json_integer(sight->reason)) < 0 ||
        json_object_set_new(suggest->observed, key, item) < 0)
        return NULL;
    return item;
}

/* Remembers what became of MATCH. One that came out in two ways is proposed in neither. */
static void remember(struct suggest *suggest, json_t *match, const struct sight *sight)
{
    json_t *item = find_item(suggest, match, sight);
    if (item == NULL) {
        suggest->left_out[REASON_ROOM]++;
        return;
    }
    bool is_same =
        json_integer_value(json_object_get(item, "reason")) == (json_int_t)sight->reason &&
        json_equal(json_object_get(item, "tier"), json_object_get(sight->object, "tier")) &&
        has_word(item, "profile", sight->profile);
    json_int_t times = json_integer_value(json_object_get(item, "times"));
    (void)json_object_set_new(item, "times", json_integer(times + 1));
    if (!is_same)
        (void)json_object_set_new(item, "reason", json_integer(REASON_CONTRADICTORY));
}

static int take(struct suggest *suggest, const json_t *object, const json_t *outer)
{
    struct exec_command command;
    struct sight sight = {.object = object, .command = &command, .profile = ""};
    int result = exec_command_read(object, outer, &command);
    sight.reason = reason_of_record(object);
    if (result < 0) {
        suggest->left_out[sight.reason == REASON_NONE ? REASON_NOT_RUN : sight.reason]++;
        return result == -EPROTO ? 0 : result;
    }
    if (sight.reason == REASON_NONE)
        sight.reason = reason_of_policy(suggest, object, &command, &sight.profile);
    bool is_evidence = sight.reason <= REASON_ASKED;
    json_t *match = is_evidence ? suggest_match_make(&command, &suggest->scope) : NULL;
    if (match != NULL)
        remember(suggest, match, &sight);
    else
        suggest->left_out[sight.reason == REASON_NONE ? REASON_UNWRITABLE : sight.reason]++;
    json_decref(match);
    exec_command_free(&command);
    return 0;
}

/* Of VIEW, which gave ITEM to a shell. */
static void take_inner(struct suggest *suggest, const json_t *view, struct exec_command *item)
{
    struct policy_judgement judgement;
    struct sight sight = {.command = item, .profile = "", .reason = REASON_NONE};
    bool is_judged = suggest_inner_judge(suggest->policy, item, &judgement);
    if (suggest->scope.has_digest)
        sight.reason = REASON_UNKNOWN;
    else if (!is_judged || !has_word(view, "profile", judgement.profile))
        sight.reason = REASON_POLICY;
    else if (judgement.tier == TASK_TIER_NONE)
        sight.reason = REASON_NO_TIER;
    json_t *match = sight.reason == REASON_NONE ? suggest_match_make(item, &suggest->scope) : NULL;
    json_t *object =
        match != NULL ? json_pack("{s:s}", "tier", policy_tier_name(judgement.tier)) : NULL;
    sight.object = object;
    sight.profile = match != NULL ? judgement.profile : "";
    if (object != NULL)
        remember(suggest, match, &sight);
    else
        suggest->left_out[sight.reason == REASON_NONE ? REASON_UNWRITABLE : sight.reason]++;
    json_decref(object);
    json_decref(match);
}

/* What VIEW gave to a shell, command by command: the string as a whole is never seen again. */
static void take_string(struct suggest *suggest, const json_t *view, struct suggest_inner *inner)
{
    enum reason reason = reason_of_record(view);
    if (reason != REASON_NONE)
        suggest->left_out[reason]++;
    for (size_t i = 0; i < inner->count && reason == REASON_NONE; i++)
        take_inner(suggest, view, &inner->items[i]);
}

static int take_view(struct suggest *suggest, const json_t *view)
{
    const json_t *nested = json_object_get(view, "nested");
    struct suggest_inner inner = {.count = 0};
    cleanup_free char *text = exec_view_command(view);
    cleanup_free char *directory = exec_view_text(view, "cwd");
    if (exec_view_is_own(view, &suggest->agent)) {
        suggest->left_out[REASON_OWN]++;
        return 0;
    }
    int result = text == NULL
                     ? take(suggest, view, NULL)
                     : suggest_inner_read(text, directory != NULL ? directory : "", &inner);
    if (text != NULL && result == 0)
        take_string(suggest, view, &inner);
    for (size_t i = 0; i < json_array_size(nested) && result == 0; i++)
        if (!suggest_inner_has(&inner, json_array_get(nested, i)))
            result = take(suggest, json_array_get(nested, i), view);
    suggest_inner_free(&inner);
    return result;
}

static int take_entry(struct suggest *suggest, const struct exec_entry *entry)
{
    json_t *view = exec_view_json(&suggest->list, entry);
    int result = view == NULL ? -ENOMEM : take_view(suggest, view);
    json_decref(view);
    return result;
}

/* What is proposed, merged. Owned by the caller. */
static json_t *choose(struct suggest *suggest)
{
    const char *key;
    json_t *item;
    json_t *chosen = json_array();
    json_object_foreach(suggest->observed, key, item)
    {
        json_int_t reason = json_integer_value(json_object_get(item, "reason"));
        if (reason == REASON_NONE)
            (void)json_array_append(chosen, item);
        else
            suggest->left_out[reason] +=
                (uint64_t)json_integer_value(json_object_get(item, "times"));
    }
    json_t *merged = suggest_rules_merge(chosen);
    json_decref(chosen);
    return merged;
}

/* Takes away from MERGED what a policy and its file have no room for. */
static void keep_to_limits(struct suggest *suggest, json_t *merged, size_t present)
{
    size_t bytes = FRAME_BYTES;
    size_t room = present < POLICY_RULES_MAX ? POLICY_RULES_MAX - present : 0;
    size_t i = 0;
    while (i < json_array_size(merged)) {
        json_t *rule = suggest_rules_write(json_array_get(merged, i));
        /* Behind the indentation that the file has more of. */
        cleanup_free char *text = rule != NULL ? json_dumps(rule, SUGGEST_FILE_FLAGS) : NULL;
        size_t size = text != NULL ? 2 * strlen(text) : POLICY_FILE_BYTES_MAX;
        json_decref(rule);
        if (i < room && bytes + size <= POLICY_FILE_BYTES_MAX) {
            bytes += size;
            i++;
            continue;
        }
        suggest->left_out[REASON_ROOM] +=
            (uint64_t)json_integer_value(json_object_get(json_array_get(merged, i), "times"));
        (void)json_array_remove(merged, i);
    }
}

/* The file itself can hold no remark, hence FILE. */
static void tell_left_out(const struct suggest *suggest, FILE *file)
{
    for (size_t i = 0; i < REASON_COUNT; i++)
        if (suggest->left_out[i] > 0)
            fprintf(file, "left out: %" PRIu64 " %s\n", suggest->left_out[i], reason_texts[i]);
}

/* DESCRIBED: the rules for every agent. 0 or -errno. */
static int suggest_all(struct suggest *suggest, const json_t *described, struct error *err)
{
    bool is_live;
    bool is_json = command_has(suggest->line, "json");
    int result = exec_session_read(&suggest->list, &is_live, err);
    if (result < 0)
        return result;
    for (size_t i = 0; i < suggest->list.count && result == 0; i++)
        result = take_entry(suggest, &suggest->list.entries[i]);
    json_t *merged = result == 0 ? choose(suggest) : NULL;
    if (merged == NULL)
        return error_set(err, ENOMEM, "propose rules");
    result = suggest_rules_name(merged, described);
    keep_to_limits(suggest, merged, json_array_size(json_object_get(described, "rules")));
    if (result == 0 && is_json)
        result = suggest_print_file(merged);
    else if (result == 0)
        suggest_print_lines(merged);
    json_decref(merged);
    if (result == 0)
        tell_left_out(suggest, is_json ? stderr : stdout);
    if (result == 0 && fflush(stdout) == EOF)
        result = -EIO;
    return result < 0 ? error_set(err, -result, "print the rules") : 0;
}

/* *DESCRIBED: what the files say for every agent, as ids are unique among all. 0 or an exit code.
 */
static int describe_all(const struct command_line *line, json_t **described)
{
    struct policy *policy = NULL;
    int code = policy_load_named(line, NULL, 0, NULL, &policy);
    if (code != 0)
        return code;
    *described = policy_describe(policy);
    policy_free(policy);
    return *described != NULL ? 0 : EXIT_HOST_INTERNAL;
}

static int suggest_session(struct suggest *suggest, const json_t *described)
{
    struct error err = ERROR_INITIALIZER;
    const json_t *rules = json_object_get(described, "rules");
    suggest->scope.has_directory = exec_command_rules_ask(rules, "directory");
    suggest->scope.has_digest = exec_command_rules_ask(rules, "sha256");
    suggest->observed = json_object();
    int code = exec_view_find_agent(suggest->scope.agent, &suggest->agent, &err) < 0 ||
                       suggest_all(suggest, described, &err) < 0
                   ? command_fail(suggest->line, &err, EXIT_HOST_INTERNAL)
                   : exec_session_judge_log(suggest->line, &suggest->list);
    json_decref(suggest->observed);
    return code;
}

/* Rules are for one agent. 0 or an exit code. */
static int choose_agent(struct suggest *suggest, const struct session_state *state)
{
    struct error err = ERROR_INITIALIZER;
    const char *named = command_value(suggest->line, "agent");
    suggest->scope.agent = named != NULL ? named : state->agent;
    if (suggest->scope.agent[0] != '\0')
        return 0;
    error_set(&err, EINVAL, "the agent of session %s is not known: name it with --agent",
              state->session);
    return command_fail(suggest->line, &err, EXIT_SESSION);
}

int policy_suggest(const struct command_line *line)
{
    struct session_state *state = NULL;
    json_t *described = NULL;
    struct suggest suggest = {.line = line};
    int code = exec_session_open(line, line->arguments[1], &state, &suggest.list);
    if (code != 0)
        return code;
    code = choose_agent(&suggest, state);
    if (code == 0)
        code = policy_load_named(line, NULL, 0, suggest.scope.agent, &suggest.policy);
    if (code == 0)
        code = describe_all(line, &described);
    if (code == 0)
        code = suggest_session(&suggest, described);
    json_decref(described);
    policy_free(suggest.policy);
    exec_list_close(&suggest.list);
    session_state_free(state);
    return code;
}

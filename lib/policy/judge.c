/* Judges: the first rule that matches a command, and the strictest of all commands found in one. */
#include <stdio.h>
#include <string.h>

#include "lib/policy/approval.h"
#include "lib/policy/command.h"
#include "lib/policy/match.h"
#include "lib/policy/rules.h"
#include "lib/policy/wrappers.h"

struct judging {
    const struct policy *policy;
    const struct policy_command *outermost;
    struct policy_judgement *judgement;
    enum task_tier tier; /* the highest of all */
    bool has_no_network; /* of the judgement's profile */
    bool has_judged;
    bool has_digest; /* asked for already */
    bool is_digest_known;
    size_t asking; /* the number of the command that the judgement asks about; 0: none */
    uint8_t digest[TASK_DIGEST_SIZE];
};

static bool ask_digest(struct judging *judging)
{
    const struct policy_command *outermost = judging->outermost;

    if (!judging->has_digest) {
        judging->has_digest = true;
        judging->is_digest_known = outermost->digest != NULL &&
                                   outermost->digest(outermost->context, judging->digest) == 0;
    }
    return judging->is_digest_known;
}

/* Only the program of the outermost command is a file that is known. */
static bool match_digest(const struct policy_rule *rule, const struct command *command,
                         struct judging *judging)
{
    if (rule->digest_count == 0)
        return true;
    if (!command->is_resolved || !ask_digest(judging))
        return false;
    for (size_t i = 0; i < rule->digest_count; i++)
        if (memcmp(rule->digests[i], judging->digest, TASK_DIGEST_SIZE) == 0)
            return true;
    return false;
}

static enum match match_rule(const struct policy_rule *rule, const struct command *command,
                             struct judging *judging)
{
    enum match match = match_program(rule, command);
    /* Who looks like the one command that writes what others read, inside another, is another. */
    bool is_kept_out =
        rule->profile != NULL && rule->profile->writes_shared && !command->is_resolved;
    bool fits = match != MATCH_NO && !is_kept_out && match_arguments(rule, command) &&
                (rule->directories.count == 0 ||
                 policy_patterns_match(&rule->directories, judging->outermost->directory)) &&
                match_digest(rule, command, judging);

    return fits ? match : MATCH_NO;
}

/* Deny, then ask, then what runs. */
static int strictness(enum task_action action)
{
    return action == TASK_ACTION_DENY ? 2 : action == TASK_ACTION_ASK;
}

/* The first difference counts. */
static bool is_stricter(const struct judging *judging, enum task_action action,
                        const struct policy_profile *profile, enum task_tier tier)
{
    const struct policy_judgement *kept = judging->judgement;

    if (strictness(action) != strictness(kept->action))
        return strictness(action) > strictness(kept->action);
    if (profile->has_no_network != judging->has_no_network)
        return profile->has_no_network;
    return tier > kept->tier;
}

static void add_word(struct task_asked *asked, const char *word)
{
    size_t size = strlen(word) + 1;

    if (size > sizeof(asked->words) - asked->size) {
        asked->flags |= TASK_ASKED_MORE;
        return;
    }
    memcpy(asked->words + asked->size, word, size);
    asked->size += (uint32_t)size;
}

/* COMMAND's texts are gone once it was visited. */
static void keep_words(struct task_asked *asked, const struct command *command)
{
    asked->size = 0;
    if (command->is_resolved) {
        asked->flags &= ~(uint32_t)TASK_ASKED_INNER;
        return;
    }
    asked->flags |= TASK_ASKED_INNER;
    add_word(asked, command->program);
    for (size_t i = 0; i < command->argument_count; i++)
        add_word(asked, command->arguments[i]);
}

/* COMMAND asks; IS_KEPT: it is what the judgement is about. */
static void note_ask(struct judging *judging, const struct command *command, bool is_kept)
{
    struct task_asked *asked = judging->outermost->asked;

    if (asked != NULL && judging->asking != 0 && judging->asking != command->number)
        asked->flags |= TASK_ASKED_MORE;
    if (!is_kept)
        return;
    judging->asking = command->number;
    if (asked != NULL)
        keep_words(asked, command);
}

/* Keeps the stricter one: deny, then ask, then no network, then the higher tier; else the one found
 * first. True when RULE's is kept. */
static bool add_judgement(struct judging *judging, const struct policy_rule *rule,
                          enum task_action action)
{
    const struct policy *policy = judging->policy;
    enum task_tier tier = rule != NULL ? rule->tier : TASK_TIER_NONE;
    const struct policy_profile *profile =
        rule != NULL && rule->profile != NULL ? rule->profile : &policy->profiles[0];

    if (tier > judging->tier)
        judging->tier = tier;
    if (judging->has_judged && !is_stricter(judging, action, profile, tier))
        return false;
    judging->has_judged = true;
    judging->has_no_network = profile->has_no_network;
    *judging->judgement = (struct policy_judgement){
        .action = action,
        .tier = tier,
        .rule = rule != NULL ? rule->id : POLICY_NO_RULE,
        .profile = profile->name,
        .message = rule != NULL ? rule->message : NULL,
        .instead = rule != NULL ? rule->instead : NULL,
    };
    if (action == TASK_ACTION_ASK)
        judging->judgement->ask_seconds =
            rule->ask_seconds != 0 ? rule->ask_seconds : policy->ask_seconds;
    return true;
}

/* What RULE says to COMMAND, which it matches, when what was approved does not ask again. */
static enum task_action decide(const struct judging *judging, const struct policy_rule *rule,
                               const struct command *command)
{
    bool is_approved = rule->action == TASK_ACTION_ASK &&
                       approval_covers(judging->outermost->approval, rule, command);

    return is_approved ? TASK_ACTION_SANDBOX : rule->action;
}

static bool judge_one(const struct command *command, void *context)
{
    struct judging *judging = context;

    for (size_t i = 0; i < judging->policy->rule_count; i++) {
        const struct policy_rule *rule = judging->policy->rules[i];
        enum match match = match_rule(rule, command, judging);

        if (match == MATCH_NO)
            continue;
        enum task_action action = decide(judging, rule, command);
        bool is_kept = add_judgement(judging, rule, action);

        if (action == TASK_ACTION_ASK)
            note_ask(judging, command, is_kept);
        if (match == MATCH_YES)
            return true;
    }
    (void)add_judgement(judging, NULL, TASK_ACTION_SANDBOX);
    return true;
}

/* A denial is put on record only, when the policy observes. */
static void observe(const struct policy *policy, struct policy_judgement *judgement)
{
    if (judgement->action == TASK_ACTION_SANDBOX || !policy->is_observing)
        return;
    judgement->action = TASK_ACTION_SANDBOX;
    judgement->is_observed = true;
    judgement->ask_seconds = 0;
    judgement->message = NULL;
    judgement->instead = NULL;
}

void policy_judge(const struct policy *policy, const struct policy_command *command,
                  struct policy_judgement *judgement)
{
    struct judging judging = {.policy = policy, .outermost = command, .judgement = judgement};
    struct command outermost;

    *judgement = (struct policy_judgement){0};
    if (command->asked != NULL)
        *command->asked = (struct task_asked){.flags = 0};
    command_of_arguments(command, &outermost);
    if (!command_walk(&outermost, judge_one, &judging) && command->asked != NULL)
        command->asked->flags |= TASK_ASKED_MORE;
    judgement->tier = judging.tier;
    observe(policy, judgement);
    if (command->asked != NULL && judgement->action != TASK_ACTION_ASK)
        *command->asked = (struct task_asked){.flags = 0};
}

/* True when arguments can make NAME run anything. */
static bool runs_others(const char *name)
{
    const struct wrapper *row = wrapper_next(name, NULL);

    while (row != NULL && (row->kind == WRAPPER_SUBCOMMANDS || row->kind == WRAPPER_CALLED))
        row = wrapper_next(name, row);
    return row != NULL;
}

/* True when RULE is about PROGRAM whatever its arguments are. */
static bool is_certain(const struct policy_rule *rule, enum match match)
{
    return match == MATCH_YES && !rule->has_arguments && rule->directories.count == 0 &&
           rule->digest_count == 0;
}

/* The first rule that is certain ends it, unless another command may be inside. */
static void judge_any(struct judging *judging, const char *program)
{
    const struct policy *policy = judging->policy;
    const struct command command = {
        .program = program,
        .name = program != NULL ? command_name(program) : NULL,
        .is_resolved = true,
    };
    bool is_anything = program == NULL || runs_others(command.name);

    for (size_t i = 0; i < policy->rule_count; i++) {
        enum match match = is_anything ? MATCH_MAYBE : match_program(policy->rules[i], &command);

        if (match != MATCH_NO)
            (void)add_judgement(judging, policy->rules[i], policy->rules[i]->action);
        if (is_certain(policy->rules[i], match))
            return;
    }
    (void)add_judgement(judging, NULL, TASK_ACTION_SANDBOX);
}

void policy_judge_unread(const struct policy *policy, const char *program,
                         struct policy_judgement *judgement)
{
    struct judging judging = {.policy = policy, .judgement = judgement};

    *judgement = (struct policy_judgement){0};
    judge_any(&judging, program);
    judgement->tier = judging.tier;
    judgement->rule = POLICY_UNREADABLE;
    if (judgement->action != TASK_ACTION_SANDBOX) {
        judgement->action = TASK_ACTION_DENY;
        judgement->ask_seconds = 0;
        judgement->message =
            "what it runs cannot be read, and could be what a rule denies or asks about";
        judgement->instead = "run it from a process that does not hide its memory";
    }
    observe(policy, judgement);
}

void policy_describe_reason(const struct policy_judgement *judgement, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s", judgement->message,
             judgement->instead != NULL ? "; instead " : "",
             judgement->instead != NULL ? judgement->instead : "");
}

void policy_describe_denial(const struct policy_judgement *judgement, char *text, size_t size)
{
    int length = snprintf(text, size, "denied by rule %s: ", judgement->rule);

    if (length > 0 && (size_t)length < size)
        policy_describe_reason(judgement, text + length, size - (size_t)length);
}

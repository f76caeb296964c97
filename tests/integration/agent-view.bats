#!/usr/bin/env bats
# What people see of a vendor's CLI, and say to it: what its commands ask about, what they leave running, and what the
# record says of them. The real ones, with a model that plays scripts.
# shellcheck disable=SC2154 # bats sets what run leaves

bats_require_minimum_version 1.5.0
load common
load session
load vendor

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup view
    ID=
}

teardown() {
    "$CA" approvals --json 2>/dev/null || true
    "$CA" record "$NAME" 2>/dev/null | cut -c1-300 || true
    cat "$BATS_TEST_TMPDIR/session" 2>/dev/null || true
    vendor_teardown
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# be AGENT: what follows is about this CLI.
be() {
    # shellcheck disable=SC1090 # one of three files beside each other
    source "$ROOT/tests/vendor/$1.bash"
    NAME=$1-view-$BATS_TEST_NUMBER
}

# begin SCRIPT: the CLI plays it in a session in the background. Sets PLAYER and ID.
begin() {
    start_model "$1"
    play_trapped >"$BATS_TEST_TMPDIR/session" 2>&1 3>&- &
    PLAYER=$!
    wait_for 60 "$CA" status "$NAME"
    ID=$(id_of "$NAME")
}

waits() {
    "$CA" approvals "$NAME" --quiet | grep -qx "$ID-$1"
}

# The files that these CLIs name anew with each command, and the shell around it, are no part of what is asked.
ASKS='[
    {"run": "cargo publish --dry-run"},
    {"run": "cargo publish --dry-run"},
    {"run": "cd /tmp && cargo publish --dry-run --locked"},
    {"run": "cargo publish --dry-run; npm publish"},
    {"run": "cargo publish"}
]'

# approves_words: what stands on the terminal is what asks, and an approval of its words is good for them wherever they stand.
approves_words() {
    begin "$ASKS"
    wait_for 60 waits 1
    wait_for 60 grep -qF "asks, coding-agents approve $ID-1 or deny $ID-1: cargo publish --dry-run, inside another command (rule publish-cargo: " \
        "$BATS_TEST_TMPDIR/session"
    run -0 --separate-stderr "$CA" approvals "$NAME"
    [ "${lines[2]}" = '    asks about: cargo publish --dry-run' ]
    run -206 "$CA" approve "$ID-1" --always=prefix --words=4
    [[ $output == *'the command has 3 words, not 4' ]]
    run -0 "$CA" approve "$ID-1" --always=prefix
    # Two more by the same words, and one that asks about something else besides.
    wait_for 60 waits 4
    "$CA" approvals "$NAME" | grep -qx '    asks about: .*, and not that alone'
    run -206 "$CA" approve "$ID-4" --always=prefix
    [[ $output == *'more in it asks than one command'*'only this one command can be approved' ]]
    run -0 "$CA" deny "$ID-4" --message 'one at a time'
    wait_for 60 waits 5
    run -0 "$CA" approve "$ID-5" --always=program
    wait "$PLAYER"
    [ "$(events_of "$NAME" | jq -c 'select(.event == "exec-answer") | .fields | [.ask, .answer, .scope, .words, .approval]')" = \
        "$(printf '%s\n' '[1,"allow","prefix",3,null]' '[2,"allow","prefix",3,1]' '[3,"allow","prefix",3,1]' \
            '[4,"deny","once",null,null]' '[5,"allow","program",null,null]')" ]
    # They ran: a shell looked for a program that is not there. What was denied the model read.
    outputs | holds '[.[] | contains("cargo: command not found")] == [true, true, true, false, true]'
    outputs | holds '.[3] | contains("denied by rule publish-npm: one at a time") or contains("denied by rule publish-cargo: one at a time")'
}

@test "what Claude's command asks about is shown, and approved by its words" {
    be claude
    approves_words
}

# bats test_tags=soak
@test "what Codex's command asks about is shown, and approved by its words" {
    be codex
    approves_words
}

# bats test_tags=soak
@test "what Copilot's command asks about is shown, and approved by its words" {
    be copilot
    approves_words
}

# A server that a command leaves behind, found and ended by the next one as the model would. The last one may take WITH.
LEAVES='[
    {"run": "echo left; (exec sleep 4242 </dev/null >/dev/null 2>&1) &"},
    {"run": "agent-task-runnerctl ps | awk \"/lingering +[0-9]/ && /sleep 424[2]/\" | wc -l"},
    {"run": "agent-task-runnerctl ps | awk \"/lingering +[0-9]/ && /sleep 424[2]/ { print \\$1 }\" | xargs agent-task-runnerctl kill && echo killed"},
    {"run": "for i in $(seq 100); do agent-task-runnerctl ps | grep -q \"lingering .*sleep 424[2]\" || { echo gone; break; }; sleep 0.1; done"},
    {"run": "echo again; (exec sleep 4243 </dev/null >/dev/null 2>&1) &"},
    {"run": "until test -e /tmp/enough; do sleep 0.1; done; agent-task-runnerctl ps | grep -c \"lingering .*sleep 424[3]\"; true", "with": WITH}
]'

# left: the id of what lingers, as the host sees it.
left() {
    "$CA" tasks "$NAME" --json | jq -re '.tasks[] | select(.state == "lingering" and (.arguments | any(contains("sleep 4243")))).id'
}

has_left() { left >/dev/null; }
has_none_left() { ! has_left; }

# last_lines LIST: how each output that the model was told of ends.
last_lines() {
    outputs | holds --argjson list "$1" 'map(rtrimstr("\n") | split("\n") | last) == $list'
}

# ends_what_it_left [JSON]: what the CLI's tool is told of a command that has time.
ends_what_it_left() {
    local id with=${1:-}
    begin "${LEAVES/WITH/${with:-"{}"}}"
    wait_for 120 has_left
    id=$(left)
    "$CA" tasks "$NAME" | grep -qE "^$id +lingering +.*sleep 4243"
    run -201 "$CA" tasks "$NAME" --kill t9999999
    [[ $output == *'there is no such task'* ]]
    run -200 "$CA" tasks "$NAME" --kill --json
    "$CA" tasks "$NAME" --kill "$id"
    wait_for 20 has_none_left
    "$DOCKER" exec -u 10000 "$(container_of "$NAME")" touch /tmp/enough
    wait "$PLAYER"
    last_lines '["left", "1", "killed", "gone", "again", "0"]'
    run -206 "$CA" tasks "$NAME"
}

@test "what a command of Codex leaves running the next one lists and ends, and so does the host" {
    be codex
    ends_what_it_left '{"yield_time_ms": 30000}'
}

# bats test_tags=soak
@test "what a command of Claude leaves running the next one lists and ends, and so does the host" {
    be claude
    ends_what_it_left
}

# What stands in quotes, and more than one command, or lines.
WORKS='[
    {"run": "echo '"'it is'"' && git status --short"},
    {"run": "printf one\nprintf two"},
    {"run": "git log --oneline -n 7 | cat; git log --format=%an -n 3"},
    {"run": "git push --force origin HEAD"}
]'

# shows_what_was_asked: the record has a line for each command of the model, as it was given, and of what the CLI does for
# itself a count; rules are proposed about the former alone, and a replay with them finds the same again.
shows_what_was_asked() {
    local said policy=$BATS_TEST_TMPDIR/seen.json
    trapped "$WORKS"
    run -0 --separate-stderr "$CA" record "$NAME"
    grep -q "^[0-9].* read  *\\$ echo 'it is' && git status --short$" <<<"$output"
    grep -qF '  $ printf one\x0aprintf two' <<<"$output"
    grep -qE '^[0-9].* denied +destructive +\$ git push --force origin HEAD$' <<<"$output"
    grep -qE "^left out: [0-9]+ that the agent's program runs for itself; --all shows them$" <<<"$output"
    # Nothing else at the top: the CLI's own start, and what it was asked to do.
    [ "$(grep -cE '^[0-9-]+ [0-9:]+ .{38}[^ ]' <<<"$output")" -eq 5 ] || { grep -E '^[0-9-]+ [0-9:]+ .{38}[^ ]' <<<"$output"; false; }
    said=$(grep -v ' direct ' <<<"$output")
    run -1 grep -qE '.{160}' <<<"$said"
    # All of it, and as it was executed.
    run -0 --separate-stderr "$CA" record "$NAME" --all
    grep -q "/bin/bash .*git status --short" <<<"$output"
    [ "$(grep -cE '^[0-9-]+ [0-9:]+ .{38}[^ ]' <<<"$output")" -eq "$("$CA" record "$NAME" --json | wc -l)" ]

    run -0 --separate-stderr "$CA" policy suggest "$NAME"
    echo "$output"
    grep -qE '^seen-git-status +read +[0-9]+ +git status --short$' <<<"$output"
    grep -qE '^seen-git-log[-0-9]* +read +1 +git log --oneline -n 7$' <<<"$output"
    grep -qE '^left out: 1 denied' <<<"$output"
    grep -qE "^left out: [0-9]+ that the agent's program runs for itself$" <<<"$output"
    run -1 grep -qE 'bash|askPass|hooksPath|getconf' <<<"$output"
    "$CA" policy suggest "$NAME" --json >"$policy"
    "$CA" policy check "$policy"
    run -1 --separate-stderr "$CA" policy replay "--policy=$policy" "$NAME" --json
    holds '.judged > 4 and .changed > 0 and (.differences | all(.before.verdict == .after.verdict and
        .before.tier == .after.tier and (.after.rule | startswith("seen-"))))' <<<"$output"
    # As it is, without the proposal, nothing comes out differently.
    run -0 "$CA" policy replay "$NAME"
    [[ $output == *'changed: 0'* ]]
}

# bats test_tags=soak
@test "the record of Claude shows what it was asked to do, and rules are proposed about that" {
    be claude
    shows_what_was_asked
}

# bats test_tags=soak
@test "the record of Codex shows what it was asked to do, and rules are proposed about that" {
    be codex
    shows_what_was_asked
}

@test "the record of Copilot shows what it was asked to do, and rules are proposed about that" {
    be copilot
    shows_what_was_asked
}

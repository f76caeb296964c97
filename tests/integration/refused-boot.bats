#!/usr/bin/env bats
# runs as: user, root in soak
# A boot that goes no further than its first steps, and a session that commits nothing: both are on record.

load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=refused-$BATS_TEST_NUMBER-$$
    EVENTS=$XDG_STATE_HOME/coding-agents/security-events.log
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# edited FUNCTION: a docker first in PATH that changes the command of the session and asks the real one. FUNCTION sees
# the arguments in $argv.
edited() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    {
        echo '#!/bin/bash'
        echo 'argv=("$@")'
        declare -f "$1"
        echo "if [[ \"\$1 \$*\" == 'run '*--manifest-sha256* ]]; then $1; fi"
        printf 'exec %q "${argv[@]}"\n' "$DOCKER"
    } >"$BATS_TEST_TMPDIR/bin/docker"
    chmod 0755 "$BATS_TEST_TMPDIR/bin/docker"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

without_read_only() {
    local i
    for i in "${!argv[@]}"; do
        if [ "${argv[i]}" = --read-only ]; then unset "argv[i]"; fi
    done
}

# The shipped profile without the calls in $missing.
without_calls() {
    local i
    jq --arg missing "$missing" 'del(.syscalls[].names[] | select(IN($missing | split(" ")[])))' \
        "$profile" >"$profile_without"
    for i in "${!argv[@]}"; do
        if [[ "${argv[i]}" = *seccomp=* ]]; then argv[i]="${argv[i]%%=*}=$profile_without"; fi
    done
}

other_digest() {
    argv[-1]=${argv[-1]//?/0}
}

commits_off() {
    local item host
    for item in "${argv[@]}"; do
        case $item in
        type=bind,source=*,target=/run/coding-agents/host,*) host=${item#*source=} host=${host%%,*} ;;
        esac
    done
    sed -i 's/"commit_enabled": *true/"commit_enabled":false/' "$host/manifest.json"
    argv[-1]=$(sha256sum <"$host/manifest.json" | cut -d' ' -f1)
}

id_in_output() {
    # shellcheck disable=SC2154 # bats sets stderr
    sed -n 's/^coding-agents: session [^ ]* (\([a-z2-7]*\)) works on.*/\1/p' <<<"$stderr"
}

# left_nothing ID: no branch, record, container, volume or network.
left_nothing() {
    [ "$(git -C "$REPO" for-each-ref --format='%(refname)')" = refs/heads/main ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/sessions/$1" ]
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$1")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$1")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$1")" ]
}

@test "refused by the kernel step: the keeper hears of it, and nothing is left" {
    edited without_read_only
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- touch ran
    echo "$status: $stderr"
    [ "$status" -eq 211 ]
    [[ "$(tail -1 <<<"$stderr")" == "coding-agents: boot was refused at step 'kernel': "* ]]
    local id
    id=$(id_in_output)
    left_nothing "$id"
    holds --slurp "any(.session == \"$id\" and .event == \"boot-refused\" and .fields.step == \"kernel\")" "$EVENTS"
    holds --slurp "any(.session == \"$id\" and .event == \"boot-step\" and .fields.outcome == \"refused\")" "$EVENTS"
}

@test "what the exec trap needs and the engine's profile takes away is named with its remedy, and nothing runs" {
    export profile=$ROOT/policies/seccomp/agent.json profile_without=$BATS_TEST_TMPDIR/profile.json missing
    edited without_calls
    local row calls words
    for row in 'ptrace|ptrace of a child|kernel.yama.ptrace_scope' \
        'landlock_create_ruleset|andlock|lsm= list' 'seccomp|seccomp|remove other seccomp listeners'; do
        IFS='|' read -r calls words remedy <<<"$row"
        missing=$calls
        run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- touch ran
        echo "$calls: $status: $stderr"
        [ "$status" -eq 211 ]
        [[ "$(tail -1 <<<"$stderr")" == "coding-agents: boot was refused at step 'kernel': "* ]]
        [[ "$stderr" == *"$words"*"$remedy"* ]]
        left_nothing "$(id_in_output)"
    done
    # The positive control: the same edit that takes nothing away.
    missing=none
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- true
}

@test "refused by the manifest step, which no keeper hears: the launcher reads it, and nothing is left" {
    edited other_digest
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- touch ran
    echo "$status: $stderr"
    [ "$status" -eq 212 ]
    [[ "$stderr" == *'agent-boot: manifest: '*'of the command line; start a new session'* ]]
    [[ "$(tail -1 <<<"$stderr")" == "coding-agents: boot was refused; its words are above" ]]
    left_nothing "$(id_in_output)"
}

@test "a program that ends with the codes of a refusal, and prints one, is not taken for refused" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work.txt
        echo "agent-boot: manifest: no" >&2; exit 212'
    [ "$status" -eq 212 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = work ]
}

@test "a session that commits nothing says so at its shutdown, and there is nothing to recover" {
    edited commits_off
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work.txt'
    echo "$status: $stderr"
    [ "$status" -eq 0 ]
    grep -q '^  git  *skipped .*commits are off in the manifest' <<<"$stderr"
    events_of "$NAME" | holds --slurp 'any(.event == "shutdown-step" and .fields.step == "git" and
        .fields.outcome == "skipped" and .fields.detail == "commits are off in the manifest")'
    [[ "$stderr" != *recovered:* ]]
    [ ! -e "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/recovered" ]
    # What it shows otherwise: a shutdown that saves.
    "$CA" remove "$NAME" --yes --no-push
    rm "$BATS_TEST_TMPDIR/bin/docker"
    "$CA" run shell "$REPO" --name "$NAME-b" -- sh -c 'echo work >work.txt'
    events_of "$NAME-b" | holds --slurp 'any(.event == "shutdown-step" and
        .fields.step == "git" and .fields.outcome == "down")'
    "$CA" remove "$NAME-b"
}

#!/usr/bin/env bats
# The agents of several vendors at once.

load common
load session
load vendor

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup agents
}

teardown() {
    vendor_teardown
}

# play_beside AGENT: its CLI in a session named after it, with files of its own.
play_beside() {
    # shellcheck source=/dev/null # one of tests/vendor
    . "$ROOT/tests/vendor/$1.bash"
    BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$1
    # shellcheck disable=SC2034 # for play_trapped
    NAME=$1
    mkdir "$BATS_TEST_TMPDIR"
    play_trapped
}

@test "three agents work on one repository at once, each on a branch of its own, and see nothing of each other" {
    local agent pids=()
    # One model for all: it answers each in the vendor's own protocol. No command ends before all have begun.
    start_model '[{"run": "hostname >made; sleep 5"}]'
    for agent in codex claude copilot; do
        play_beside "$agent" &
        pids+=($!)
    done
    for agent in "${pids[@]}"; do
        wait "$agent"
    done
    for agent in codex claude copilot; do
        [ "$(git -C "$REPO" show "$agent/$agent:made")" = "$(container_of "$agent")" ]
        [ "$("$CA" record "$agent" --json |
            jq -r 'select(.verdict == "sandbox" and ((.argv // []) | any(contains(">made")))) | .exit_code')" = 0 ]
    done
    # They ran at the same time.
    [ "$(for agent in codex claude copilot; do
        events_of "$agent" | jq -r 'select(.event == "boot-report").time | "a " + .'
        events_of "$agent" | jq -r 'select(.event == "session-end").time | "b " + .'
    done | sort -k 2 | cut -c1 | xargs)" = 'a a a b b b' ]
    [ "$(git -C "$REPO" status --short)" = '' ]
}

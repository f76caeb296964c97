#!/usr/bin/env bats
# runs as: root
# takes long
# An engine that goes away under a session, and comes back: a second real engine, of this file's own.

load common
load session
load engine

setup_file() {
    session_setup_file
    engine_setup_file
}

teardown_file() {
    engine_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=engine-$BATS_TEST_NUMBER-$$
    OUT=$BATS_TEST_TMPDIR/out
    answers || start_engine
}

teardown() {
    cat "$OUT" 2>/dev/null || true
    tail -5 "$ENGINE/log" || true
}

working() {
    : >"$OUT" # before who waits for a word looks at it
    "$CA" run shell "$REPO" --name "$NAME" --network restricted "${@:2}" -- bash -c "$1" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
    wait_for 60 grep -qx up "$OUT"
}

# ends_with CODE: the launcher, within a minute.
ends_with() {
    local code=0
    wait_for 60 has_ended "$LAUNCHER"
    wait "$LAUNCHER" || code=$?
    cat "$OUT"
    echo "ended with $code"
    [ "$code" -eq "$1" ]
}

state_of() {
    jq -r ".$1" "$XDG_STATE_HOME/coding-agents/sessions/$ID/state.json"
}

phase_is() {
    [ "$(state_of phase)" = "$1" ]
}

# The engine is back: list tells, sync gets the work, the log is whole.
comes_back() {
    start_engine
    wait_for 60 phase_is ended
    run "$CA" list
    echo "$output"
    [[ $output == *"coding-agents sync $ID"* ]]
    run "$CA" sync "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    git -C "$REPO" show "shell/$NAME:work" | head -1 | grep -qx work
    phase_is collected
    chain_holds "$NAME"
    [ "$(events_of "$NAME" | jq -r .event | grep -c '^session-end$')" -eq 1 ]
    [ "$(events_of "$NAME" | jq -r .event | tail -1)" = work-collected ]
}

@test "an engine that is stopped during work: said so, and the work comes when it is back" {
    working 'echo work >work; echo up; exec sleep 600'
    ID=$(id_of "$NAME")
    stop_engine TERM
    ends_with 201
    grep -q 'the engine does not answer .*coding-agents sync' "$OUT"
    comes_back
}

@test "an engine that is killed during work: said so, and the work comes when it is back" {
    working 'echo work >work; echo up; exec sleep 600'
    ID=$(id_of "$NAME")
    stop_engine KILL
    ends_with 201
    grep -q 'the engine does not answer .*coding-agents sync' "$OUT"
    # What is recorded can be seen meanwhile.
    run --separate-stderr "$CA" list
    [ "$status" -eq 0 ]
    [[ $output == *"$NAME"* ]]
    # shellcheck disable=SC2154 # bats sets stderr
    [[ $stderr == *"did not answer"* ]]
    run --separate-stderr "$CA" sync "$NAME"
    [ "$status" -eq 201 ]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    comes_back
}

@test "an engine that is killed with everything it runs: the uncommitted work is recovered" {
    working 'echo work >work; echo up; while :; do date >>work; sleep 0.1; done'
    ID=$(id_of "$NAME")
    stop_engine KILL
    kill -KILL "$(cat "$SOCKETS/containerd.pid")"
    kill_what_runs
    ends_with 201
    comes_back
    [[ $(state_of cause) == *engine* ]]
}

@test "without an engine nothing starts, in one sentence" {
    stop_engine TERM
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --network restricted -- true
    [ "$status" -eq 201 ]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
    # The positive control: the same with the engine back.
    start_engine
    "$CA" run shell "$REPO" --name "$NAME" --network restricted -- true
}

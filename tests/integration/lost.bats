#!/usr/bin/env bats
# runs as: both
# What the launcher cannot know is no proof that there is no work: everything that may have run is kept.
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

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
    NAME=lost-$BATS_TEST_NUMBER-$$
    OUT=$BATS_TEST_TMPDIR/out
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

said() {
    grep -q -- "$1" "$OUT"
}

# working COMMANDS: a headless session that has said that it is up.
working() {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c "$1" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
    wait_for 60 said '^up$'
}

# ends: the launcher; its exit code is in $CODE.
ends() {
    CODE=0
    wait "$LAUNCHER" || CODE=$?
    cat "$OUT"
    echo "ended with $CODE"
}

status_of() {
    "$CA" status "$NAME" --json | jq -r ".$1"
}

recovered() {
    [ -e "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/recovered" ]
}

# keeper_ends: the session's keeper, killed as the system would.
keeper_ends() {
    kill -KILL "$(pgrep -o -f -- "coding-agents-keeper --session $(id_of "$NAME")")"
}

@test "docker rm -f during work: the session is kept and said to have ended, and sync brings its work" {
    working 'echo precious >work.txt; echo up; exec sleep 600'
    local id
    id=$(id_of "$NAME")
    # Asked too early, the engine still knows how it ended: the launcher looks when it is gone.
    kill -STOP "$LAUNCHER"
    "$DOCKER" rm -f "coding-agents-$id"
    kill -CONT "$LAUNCHER"
    ends
    [ "$CODE" -ne 0 ]
    said "coding-agents sync $id"
    [ "$(status_of phase)" = ended ]
    [ -n "$(status_of cause)" ]
    [ "$(status_of has_uncollected_work)" = true ]
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    [ "$(status_of phase)" = collected ]
}

@test "a command that cannot be made leaves nothing, as before" {
    run "$CA" run shell "$REPO" --name "$NAME" --engine-arg=--network=no-such-network -- true
    echo "$output"
    [ "$status" -ne 0 ]
    run ! "$CA" status "$NAME"
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
}

@test "a log that ends early proves nothing: the work is recovered" {
    working 'echo precious >work.txt; echo up; while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 3'
    keeper_ends
    "$DOCKER" exec "$(container_of "$NAME")" touch /tmp/go
    ends
    [ "$CODE" -eq 3 ]
    recovered
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    [ "$(status_of phase)" = collected ]
}

@test "a log that says nothing of the boot proves nothing either" {
    working 'echo precious >work.txt; echo up; exec sleep 600'
    keeper_ends
    local log
    log=$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/events.jsonl
    sed -i '/"session-start"/q' "$log"
    "$DOCKER" kill "$(container_of "$NAME")"
    ends
    [ "$CODE" -eq 137 ]
    recovered
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
}

@test "a shutdown that is on record is not made up for" {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo precious >work.txt'
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    run ! recovered
}

@test "remove asks before work goes that was not pushed" {
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- sh -c 'echo precious >work.txt'
    [ "$(status_of phase)" = ended ]
    run "$CA" remove "$NAME" --no-push
    echo "$output"
    [ "$status" -eq 206 ]
    "$CA" remove "$NAME" --no-push --yes
}

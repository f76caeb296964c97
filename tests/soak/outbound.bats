#!/usr/bin/env bats
# Whom a vendor's CLI turns to by itself, told by a name server of this file's own: its model, and neither a place for new
# versions nor one for what its users do. The real CLIs, with a model that plays a script.
# runs as: root
# shellcheck disable=SC2154 # bats sets what run leaves

load ../integration/common
load ../integration/session
load ../integration/vendor

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup outbound
}

teardown() {
    vendor_teardown
    stop_names
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# start_names: a name server that containers reach at NAMES_ADDRESS.
start_names() {
    stop_names
    NAMES_ADDRESS=$(ip -4 -o address show docker0 | sed 's/.* inet \([0-9.]*\).*/\1/')
    ASKED=$BATS_TEST_TMPDIR/asked
    "$ROOT/tests/vendor/name-server" --address "$NAMES_ADDRESS" --record "$ASKED" 3>&- &
    NAMES_PID=$!
    wait_for 30 test -e "$ASKED"
}

stop_names() {
    if [ -n "${NAMES_PID:-}" ]; then
        kill "$NAMES_PID"
        wait "$NAMES_PID" || true
        NAMES_PID=
    fi
}

# Long enough for what is done beside the work, some seconds after a start.
WORK='[{"run": "sleep 20; echo MARK-worked"}]'

# turns_to AGENT NAMES ENGINE-ARGUMENT...: so, and to nobody else, the CLI turns in a session; with what the engine is told it
# is the plain CLI, which turns to others.
# shellcheck disable=SC2034 # of start_plain and play_trapped
turns_to() {
    # shellcheck disable=SC1090 # one of three files beside each other
    source "$ROOT/tests/vendor/$1.bash"
    NAME=$1-${2:+online-}outbound
    PLAIN_OPTIONS=(--dns "$NAMES_ADDRESS" "${@:3}")
    untrapped "$WORK" || true
    echo "untrapped:"
    sort "$ASKED" | uniq -c
    heard MARK-worked
    grep -q . "$ASKED"

    start_names
    OPTIONS=(--engine-arg "--dns=$NAMES_ADDRESS")
    trapped "$WORK"
    echo "in a session:"
    sort "$ASKED" | uniq -c
    heard MARK-worked
    [ "$(sort -u "$ASKED" | xargs)" = "$2" ]
    # And it would have been told.
    "$DOCKER" run --rm --dns "$NAMES_ADDRESS" --entrypoint getent "$SHELL_IMAGE" hosts asked.test
    grep -qx asked.test "$ASKED"
}

@test "Claude turns to nobody but its model" {
    start_names
    turns_to claude '' --tmpfs /etc/claude-code
}

@test "Codex turns to nobody but its model" {
    start_names
    turns_to codex '' --tmpfs /etc/codex
}

@test "Copilot turns to nobody but its model where it is told to be offline, and else to the service that it belongs to" {
    start_names
    turns_to copilot '' --env COPILOT_OFFLINE=false
    export IS_OFFLINE=false
    start_names
    turns_to copilot api.github.com
}

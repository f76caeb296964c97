#!/usr/bin/env bats
# The program of an agent, in the pane of its session, asks the session's tmux to start programs for it: it may, the
# socket is its own. What tmux starts is trapped as what the program starts itself.
# shellcheck disable=SC2154 # bats sets output

load common
load session

WAYS=(window split run-shell pipe-pane format)

setup_file() {
    session_setup_file
    export ASK_IMAGE=coding-agents-tmux-ask-$$:test
    driver_image "$ASK_IMAGE" "$BATS_FILE_TMPDIR/image"
    cp "$BUILD/tests/helpers/ask-tmux" "$BATS_FILE_TMPDIR/image"
    printf 'FROM %s\nCOPY ask-tmux %s\nRUN /usr/libexec/coding-agents/record-programs\n' "$ASK_IMAGE" "$DRIVER" >"$BATS_FILE_TMPDIR/image/Dockerfile"
    "$DOCKER" build -q -t "$ASK_IMAGE" "$BATS_FILE_TMPDIR/image" >/dev/null
    export REPO=$BATS_FILE_TMPDIR/repo NAME=tmux-ask-$$
    new_repository "$REPO"
    "$CA" launch shell "$REPO" --name "$NAME" --image "$ASK_IMAGE"
    CONTAINER=$(container_of "$NAME")
    export CONTAINER
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$ASK_IMAGE" >/dev/null 2>&1 || true
}

inside() { "$DOCKER" exec --user "$1" "$CONTAINER" "${@:2}"; }

# answered PREFIX UID: every way was gone, by that user.
answered() {
    inside 0 grep . "${WAYS[@]/#//tmp/$1-}"
    [ "$(inside 0 cat "${WAYS[@]/#//tmp/$1-}" | sort | uniq -c | tr -s ' ')" = " ${#WAYS[@]} $2" ]
}

@test "whatever tmux starts for an agent's program runs in a sandbox, as agentuser, and is on record" {
    # It is the vendor's identity that asks.
    inside 0 pgrep --euid 10001 -f "^$DRIVER"
    wait_for 30 answered asked 10000
    local way
    for way in "${WAYS[@]}"; do
        events_of "$NAME" | jq --arg line "id -u >/tmp/asked-$way" 'select(.event == "exec-start" and
            .fields.argv[-1] == $line and .fields.uid == 10001 and .fields.verdict == "sandbox").fields.id' | grep -q .
    done
}

# panes VERDICT: how many starts of the pane's wrapper were judged so.
panes() {
    events_of "$NAME" | jq -r --arg verdict "$1" 'select(.event == "exec-start" and .fields.program ==
        "/usr/libexec/coding-agents/agentcli-exec" and .fields.verdict == $verdict).fields.argv | join(" ")' | grep -c -- '--pane'
}

# has_panes VERDICT PATTERN: of that number.
# shellcheck disable=SC2053 # a pattern
has_panes() { [[ $(panes "$1" || true) == $2 ]]; }

@test "a pane asked for by the session's own words, with a variable that loads code, is no start of the agent" {
    # The positive control: the session's own pane, by the same words without it.
    wait_for 30 has_panes direct 1
    # Started again as often as it ends, as a pane of such a session is.
    wait_for 30 has_panes sandbox '[1-9]*'
    # And what the pane is to run lies where the agent's program cannot write.
    [ "$(inside 0 stat -c '%U %G %a' /run/agent-attach/command)" = 'root agentcli 440' ]
    run ! inside 10001 sh -c 'echo evil >/run/agent-attach/command'
    run ! inside 10001 sh -c 'mv /run/agent-attach/command /tmp'
    run ! inside 10000 cat /run/agent-attach/command
    has_panes direct 1
}

@test "the same words to a tmux that is not below the trap start programs as who it is" {
    inside 10001 tmux -S /tmp/free.sock -f /dev/null new-session -d sleep 60
    inside 10001 /usr/local/bin/exec-driver /tmp/free.sock /tmp/free
    wait_for 10 answered free 10001
    inside 10001 tmux -S /tmp/free.sock kill-server
}

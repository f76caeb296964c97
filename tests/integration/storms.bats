#!/usr/bin/env bats
# A container whose root means harm: it sends the broker and the keeper of its session bytes of chance, half messages, messages
# out of their order and thousands of connections. Both live on, the log holds, the login and the host's history are what they
# were, and the session ends as ever.
# runs as: root

load common
load session

WORD=c4n4ry-of-the-storm
LOGIN="{\"claudeAiOauth\":{\"accessToken\":\"$WORD\",\"refreshToken\":\"$WORD\"}}"
SECONDS_OF_STORM=4
CONNECTIONS=500
if [ "${SOAK:-0}" = 1 ]; then
    SECONDS_OF_STORM=60 CONNECTIONS=10000
fi

setup_file() {
    session_setup_file
    export STORM_IMAGE=coding-agents-storm-$$:test
    claude_stand_in "$STORM_IMAGE"
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$STORM_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_STATE_HOME=$BATS_TEST_TMPDIR/state XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p -m 700 "$HOME/.claude" "$XDG_STATE_HOME/coding-agents/data/claude/.claude"
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
    echo fine >"$XDG_STATE_HOME/coding-agents/data/claude/.claude/history.jsonl"
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    cp "$BUILD/tests/helpers/socket-storm" "$REPO"
}

teardown() {
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
}

# start NAME: its agent runs.
start() {
    local said=$BATS_TEST_TMPDIR/$1
    : >"$said"
    "$CA" run claude "$REPO" --name "$1" --image "$STORM_IMAGE" --network restricted --include-ignored -- /workspace/enough \
        >"$said" 2>"$said.err" 3>&- &
    echo $! >"$said.pid"
    wait_for 120 grep -q '^key' "$said" || { cat "$said" "$said.err"; false; }
}

inside() {
    "$DOCKER" exec --user "$2" "$(container_of "$1")" "${@:3}"
}

# keeper_of ID: its helpers have its name as well.
keeper_of() {
    pgrep -o -f "^[^ ]*coding-agents-keeper --session $1 "
}

# storm NAME UID SECONDS CONNECTIONS: prints how much of it there was.
storm() {
    local sockets=/run/coding-agents/private/sockets
    inside "$1" "$2" /workspace/socket-storm "$sockets/broker.sock" "$sockets/root.sock" "$(id_of "$1")" "$3" "$4"
}

# count_of STORM WHAT
count_of() {
    sed -n "s/.*\b$2 \([0-9]*\).*/\1/p" <<<"$1" | tail -n 1
}

finish() {
    local code=0
    inside "$1" 10000 touch /workspace/enough
    wait "$(<"$BATS_TEST_TMPDIR/$1.pid")" || code=$?
    cat "$BATS_TEST_TMPDIR/$1.err"
    [ "$code" -eq 0 ]
}

event() {
    events_of "$1" | jq -c --arg event "$2" 'select(.event == $event) | .fields' | grep .
}

@test "broker and keeper outlive a storm from the root of their container, and the session ends with all that is its user's" {
    local id broker keeper said
    start stormy
    id=$(id_of stormy)
    broker=$(broker_of "$id")
    keeper=$(keeper_of "$id")
    # Nobody else in there reaches either.
    said=$(storm stormy 10001 1 10)
    [ "$(count_of "$said" connected)" -eq 0 ]
    said=$(storm stormy 10000 1 10)
    [ "$(count_of "$said" connected)" -eq 0 ]
    said=$(storm stormy 0 "$SECONDS_OF_STORM" "$CONNECTIONS")
    echo "$said"
    # The storm was one: there was somebody to hear it, who answered and hung up.
    for what in connected sent answered 'hung up' silent; do [ "$(count_of "$said" "$what")" -gt 0 ]; done
    # The same processes, of the size that they had; the holder has its lease.
    [ "$(broker_of "$id")" = "$broker" ]
    [ "$(keeper_of "$id")" = "$keeper" ]
    [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$broker/status")" -lt 16384 ]
    [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$keeper/status")" -lt 65536 ]
    [ "$(inside stormy 10001 cat /run/agent-secrets/claude/.credentials.json)" = "$LOGIN" ]
    # Another session is served meanwhile and after it.
    start beside
    inside beside 10001 sh -c 'mkdir -p ~/.claude; echo beside >>~/.claude/history.jsonl'
    storm stormy 0 2 "$CONNECTIONS" >/dev/null &
    finish beside
    wait "$!"
    [ "$(event beside data-merged | jq .extended)" -eq 1 ]
    run ! event beside limit-hit
    # Renewed in the session the login goes back over the lease, which no storm took.
    inside stormy 10000 sh -c 'printf "%s" "$1" >/workspace/enough.renew' - "${LOGIN//$WORD/$WORD-2}"
    finish stormy
    [ "$(event stormy secret-renewed | jq -r .outcome)" = written ]
    [ "$(<"$HOME/.claude/.credentials.json")" = "${LOGIN//$WORD/$WORD-2}" ]
    [ "$(tr '\n' ' ' <"$XDG_STATE_HOME/coding-agents/data/claude/.claude/history.jsonl")" = 'fine beside ' ]
    [ -z "$(find "$XDG_STATE_HOME/coding-agents/data" -name '*.tar' -o -name '*.part')" ]
    # What was refused is on record, and counted where it was too much; the log is whole, closed and not made of it.
    [ "$(event stormy capability-refused | wc -l)" -gt 0 ]
    [ "$(event stormy capability-refused | wc -l)" -le 1001 ]
    event stormy limit-hit
    run -1 grep -rq "$WORD" "$XDG_STATE_HOME/coding-agents"
    [ "$(stat -c %s "$XDG_STATE_HOME/coding-agents/sessions/$id/events.jsonl")" -lt $((256 * 1024 * 1024)) ]
    "$BUILD/tests/check-records" "$ROOT/policies/schema/audit.json" <"$XDG_STATE_HOME/coding-agents/sessions/$id/events.jsonl"
    run -0 "$CA" audit verify stormy --json
    [ "$(jq -r .standing <<<"$output")" = closed ]
}

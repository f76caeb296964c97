#!/usr/bin/env bats
# What others failed at with secrets, each by its name. Some of it is tested elsewhere, and only said here:
#
#   the expiry stood outside the signature        no_bit_can_change in tests/unit/wire/test_capability.c, after_its_time and
#                                                 with_a_changed_capability in tests/unit/broker/test_attacks.c
#   tokens stood in argv, config and manifest     canary.bats
#   a proxy fed what a socket said to a shell     it_is_confined_and_locked_before_it_listens in test_broker.c, storms.bats
#   what could not be handed over was a warning   'an agent whose image cannot redeem is told so' in secrets.bats
#   the audit log of the host was no JSON         every-event.bats
#   an exec daemon read the memory of another     reuse-pid and taken-number in exec-trap.bats

load common
load session

setup_file() {
    session_setup_file
    export UPSTREAM_IMAGE=coding-agents-upstream-$$:test
    claude_stand_in "$UPSTREAM_IMAGE"
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$UPSTREAM_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p -m 700 "$HOME/.claude"
    LOGIN='{"claudeAiOauth":{"accessToken":"of-upstream","refreshToken":"of-upstream-too"}}'
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
}

teardown() {
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
}

# start NAME: a session whose agent runs.
start() {
    local said=$BATS_TEST_TMPDIR/$1
    : >"$said"
    "$CA" run claude "$REPO" --name "$1" --image "$UPSTREAM_IMAGE" --network restricted -- /workspace/enough \
        >"$said" 2>"$said.err" 3>&- &
    echo $! >"$said.pid"
    wait_for 120 grep -q '^key' "$said" || { cat "$said" "$said.err"; false; }
}

finish() {
    "$DOCKER" exec --user 10000 "$(container_of "$1")" touch /workspace/enough
    wait "$(<"$BATS_TEST_TMPDIR/$1.pid")"
}

has_login() {
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
}

# sealed_of NAME: what was sealed for its session.
sealed_of() {
    find "$(runtime_of "$1")" -name '*.cap'
}

event() {
    events_of "$1" | jq -c --arg event "$2" 'select(.event == $event)' | grep .
}

@test "the sealed blob lay beside its key: here it is alone, and who has it cannot open it" {
    has_login
    start sealed
    # A sealed box of 456 bytes has 48 more. The rest of what is staged is no key, and is not the login.
    [ "$(sealed_of sealed | wc -l)" -eq 1 ]
    [ "$(stat -c %s "$(sealed_of sealed)")" -eq 504 ]
    [ -z "$(find "$(runtime_of sealed)" "$XDG_STATE_HOME/coding-agents/sessions/$(id_of sealed)" -type f -size 32c)" ]
    run -1 grep -rqa of-upstream "$(runtime_of sealed)"
    # Nor does it say whose secret it is; the log does.
    run -1 grep -qa agent_claude_cli "$(sealed_of sealed)"
    event sealed capabilities-issued | holds '.fields.stub == "agent_claude_cli"'
    finish sealed
}

# redeemed_in_order NAME: the broker and the boot write on lines of their own, so what one tells may come a moment after what
# the other does next.
redeemed_in_order() {
    local order
    order=$(events_of "$1" | jq -r 'if .event == "boot-step" then .fields.step else .event end' |
        grep -xE 'capabilities-issued|capabilities|broker|capability-redeemed|secrets|session-end' | xargs)
    [[ $order =~ ^'capabilities-issued capabilities '('broker capability-redeemed secrets'|'capability-redeemed broker secrets'|'broker secrets capability-redeemed')$ ]]
}

@test "what was to be used once was used on the host before the start: here by its holder, in the container, after the hello" {
    has_login
    start once
    wait_for 30 redeemed_in_order once
    [ "$(event once capability-redeemed | jq .fields.uid)" -eq 10001 ]
    # Who redeemed it is a process of the container's.
    "$DOCKER" top "$(container_of once)" -eo pid,comm | grep -q "^ *$(event once capability-redeemed | jq .fields.pid) *prepare-claude"
    finish once
    [ "$(event once capability-redeemed | wc -l)" -eq 1 ]
}

# bats test_tags=soak
@test "one keystream sealed several secrets: here two sessions with one login have no block in common" {
    has_login
    start one
    start two
    local blocks name
    blocks=$(for name in one two; do
        od -An -v -tx1 -w16 "$(sealed_of "$name")" | sort -u
    done | sort | uniq -d)
    [ -z "$blocks" ]
    # The control: there are such blocks to compare.
    for name in one two; do
        [ "$(od -An -v -tx1 -w16 "$(sealed_of "$name")" | sort -u | wc -l)" -ge 30 ]
    done
    finish one
    finish two
}

# bats test_tags=soak
@test "credential files were mounted as they are: here nothing of the home is mounted, and what is lies in the session's directories" {
    has_login
    start mounted
    local sources
    sources=$("$DOCKER" inspect --format '{{range .Mounts}}{{if eq .Type "bind"}}{{.Source}}{{"\n"}}{{end}}{{end}}' "$(container_of mounted)")
    echo "$sources"
    grep -q . <<<"$sources"
    [ -d "$(runtime_of mounted)" ]
    run -1 grep -F "$HOME" <<<"$sources"
    [ -z "$(grep -v '^$' <<<"$sources" | grep -vF -e "$(runtime_of mounted)" -e "$REPO" -e "$XDG_STATE_HOME/coding-agents/sessions/$(id_of mounted)")" ]
    finish mounted
}

@test "a reader cut strings at a number sign, and a shell read what was secret: here a token is what it is" {
    local token='k#ey;$(touch${IFS}'$BATS_TEST_TMPDIR'/ran)`id`"'\''\\%s'
    printf '%s\n' "$token" | "$CA" secrets set claude
    start odd
    grep -qx "key ${#token} login -1" "$BATS_TEST_TMPDIR/odd"
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    finish odd
    run -1 grep -rqF 'k#ey' "$XDG_STATE_HOME/coding-agents"
}

@test "a stop by the engine never reached the end: here the login is wiped, the history comes back and the work is saved" {
    has_login
    start stopped
    "$DOCKER" exec --user 10001 "$(container_of stopped)" sh -c 'mkdir -p ~/.claude; echo said >>~/.claude/history.jsonl'
    "$DOCKER" exec --user 10000 "$(container_of stopped)" sh -c 'echo work >/workspace/work'
    "$DOCKER" stop "$(container_of stopped)"
    wait "$(<"$BATS_TEST_TMPDIR/stopped.pid")" || true
    [ "$(event stopped shutdown-step | jq -r 'select(.fields.step == "data").fields.detail')" = wiped ]
    event stopped capability-released
    event stopped data-merged | holds '.fields.added == 1'
    [ "$(git -C "$REPO" show claude/stopped:work)" = work ]
}

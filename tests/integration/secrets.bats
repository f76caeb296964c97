#!/usr/bin/env bats
# Logins of the host in a session: redeemed once, used by the agent's program alone, taken away with the session, and found
# nowhere else. What stands in for Claude says how long they are.
# runs as: root

load common
load session

CANARY=c4n4ry-7f3a-not-a-real-token
LOGIN="{\"claudeAiOauth\":{\"accessToken\":\"$CANARY\",\"refreshToken\":\"$CANARY\"}}"

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
    export LOGIN_IMAGE=coding-agents-login-$$:test
    claude_stand_in "$LOGIN_IMAGE"
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$LOGIN_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p "$HOME"
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=login-$BATS_TEST_NUMBER
    SAID=$BATS_TEST_TMPDIR/said
    new_repository "$REPO"
}

teardown() {
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
}

has_login() {
    mkdir -p -m 700 "$HOME/.claude"
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
}

# start: the agent runs, and has said what it has.
start() {
    : >"$SAID" # before who waits for a word looks at it
    "$CA" run claude "$REPO" --name "$NAME" --image "$LOGIN_IMAGE" --network restricted "$@" -- /workspace/enough \
        >"$SAID" 2>"$SAID.err" 3>&- &
    RUN=$!
    wait_for 120 grep -q '^key' "$SAID" || { cat "$SAID" "$SAID.err"; false; }
}

# finish CODE: the agent may end, and the session does so.
finish() {
    local code=0
    "$DOCKER" exec --user 10000 "$(container_of "$NAME")" touch /workspace/enough
    wait "$RUN" || code=$?
    [ "$code" -eq "$1" ] || { cat "$SAID" "$SAID.err"; false; }
}

event() {
    events_of "$NAME" | jq -c --arg event "$1" 'select(.event == $event)' | grep .
}

broker_pid() {
    broker_of "$(id_of "$NAME")"
}

no_broker() { ! broker_pid; }

inside() {
    "$DOCKER" exec --user "$1" "$(container_of "$NAME")" "${@:2}"
}

# renewed TEXT [WORD]: what the agent is to make its login before it ends: written into it, or with WORD put in its place.
renewed() {
    inside 10000 sh -c 'printf "%s" "$1" >/workspace/enough.renew; [ -z "$2" ] || touch /workspace/enough.replace' - "$1" "${2:-}"
}

@test "the agent has the login of the host, nobody else has, and it goes with the session" {
    start
    grep -qx 'key 0 login -1' "$SAID"
    grep -q 'claude is given no login' "$SAID.err"
    run ! event capabilities-issued
    no_broker
    finish 0

    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-with
    has_login
    start
    grep -qx "key 0 login ${#LOGIN}" "$SAID"
    run -1 grep 'given no login' "$SAID.err"
    [ "$(inside 10001 cat /run/agent-secrets/claude/.credentials.json)" = "$LOGIN" ]
    [ "$(inside 10001 stat -c '%a %u' /run/agent-secrets/claude/.credentials.json)" = '600 10001' ]
    run ! inside 10000 cat /run/agent-secrets/claude/.credentials.json
    run ! inside 10001 ls /run/coding-agents/private/sockets
    # Spent, so it is gone; what was staged is detached.
    [ -z "$(inside 10001 ls /run/coding-agents/capabilities/agent_claude_cli)" ]
    run ! inside 0 ls /run/coding-agents/host/capabilities
    [ "$(event capabilities-issued | jq -r '.source.program, .fields.stub, .fields.secret_sha256')" = \
        "$(printf 'broker\nagent_claude_cli\n%s' "$(printf '%s' "$LOGIN" | sha256sum | cut -d' ' -f1)")" ]
    [ "$(event capability-redeemed | wc -l)" -eq 1 ]
    [ "$(event capability-redeemed | jq .fields.uid)" -eq 10001 ]
    # Renewed by the agent it is the host's afterwards; other settings in the same file are the host's alone.
    local renewed=${LOGIN//$CANARY/$CANARY-2}
    renewed "${renewed%\}},\"hooks\":\"evil\"}"
    finish 0
    no_broker
    [ "$(<"$HOME/.claude/.credentials.json")" = "$renewed" ]
    [ "$(stat -c %a "$HOME/.claude/.credentials.json")" = 600 ]
    [ "$(event secret-renewed | jq -r .fields.outcome)" = written ]
    grep -q 'the login that was renewed here is on the host now' "$SAID.err"
    [ "$(event capability-revoked | jq -r .fields.why)" = 'the session ended' ]
    [ "$(event shutdown-step | jq -r 'select(.fields.step == "data") | .fields.detail')" = wiped ]
    chain_holds "$NAME"
}

@test "a key in a variable of the host's becomes one of the agent's own process" {
    ANTHROPIC_API_KEY=$CANARY start
    grep -qx "key ${#CANARY} login -1" "$SAID"
    grep -qx 'variable in a file -1' "$SAID"
    [ "$(event capabilities-issued | jq -r .fields.origin)" = 'variable ANTHROPIC_API_KEY' ]
    finish 0
}

# Everywhere that outlives a moment, and where others could look. The positive control is where it must be.
@test "the login is found in no argument, environment, file, log, layer or manifest" {
    local container pid
    has_login
    start
    container=$(container_of "$NAME")
    inside 10001 grep -q "$CANARY" /run/agent-secrets/claude/.credentials.json
    run -1 grep -r "$CANARY" "$XDG_STATE_HOME/coding-agents"
    run -1 grep -r "$CANARY" "$(runtime_of "$NAME")"
    lacks "$CANARY" "$container" "$DOCKER" inspect "$container"
    lacks "$CANARY" 'boot finished' "$DOCKER" logs "$container"
    lacks "$CANARY" usr/local/bin/agent-init "$DOCKER" export "$container"
    for pid in $(pgrep -f "$(id_of "$NAME")") $("$DOCKER" top "$container" -eo pid | tail -n +2); do
        run grep -a "$CANARY" "/proc/$pid/cmdline" "/proc/$pid/environ"
        [ "$status" -eq 1 ] || [ ! -e "/proc/$pid" ]
    done
    finish 0
    run -1 grep -r "$CANARY" "$XDG_STATE_HOME/coding-agents"
    lacks "$CANARY" ./workspace/file "$DOCKER" run --rm --network none --mount "type=volume,source=$container,destination=/v,readonly" \
        --entrypoint tar "$LOGIN_IMAGE" --create --directory /v .
    run -1 grep -r "$CANARY" "$REPO/.git"
}

@test "a login that the agent renewed does not replace one that the host has renewed itself" {
    local own='{"claudeAiOauth":{"accessToken":"of-the-host"}}'
    has_login
    start
    renewed "${LOGIN//$CANARY/$CANARY-2}" replace
    echo "$own" >"$HOME/.claude/.credentials.json"
    finish 0
    [ "$(<"$HOME/.claude/.credentials.json")" = "$own" ]
    [ "$(event secret-renewed | jq -r .fields.outcome)" = changed-on-host ]
    grep -q "the host's is another one by now, which stays" "$SAID.err"
    run -1 grep -r "$CANARY" "$XDG_STATE_HOME/coding-agents"
    chain_holds "$NAME"
}

@test "a login that is revoked is taken out of the session, which ends in order" {
    has_login
    start
    run -0 "$CA" secrets revoke claude
    [[ $output == *"revoked in session $(id_of "$NAME"), which had it in use"* ]]
    wait "$RUN" || true
    [ "$(event capability-revoked | jq -r .fields.why)" = 'the user revoked it' ]
    event session-end
    grep -q 'the secret was taken away: it was revoked' "$SAID.err"
    run -1 "$CA" secrets revoke claude
}

# bats test_tags=soak
@test "a session that may go on without its login does, and has it no more" {
    has_login
    mkdir -p "$XDG_CONFIG_HOME/coding-agents"
    echo '{"version": 1, "when_lost": "continue"}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    start
    run -0 "$CA" secrets revoke claude
    wait_for 20 test -z "$(inside 10001 ls -A /run/agent-secrets/claude)"
    finish 0
    grep -qx 'at the end login -1' "$SAID"
}

@test "when the broker dies the login goes too, and the session is stopped with its work" {
    has_login
    start
    inside 10000 sh -c 'echo made >/workspace/made'
    kill -KILL "$(broker_pid)"
    wait "$RUN" || true
    [ "$(event broker-lost | jq -r .fields.consequence)" = stop ]
    grep -q 'the secret was taken away: the broker of the session is gone' "$SAID.err"
    [ "$(git -C "$REPO" show "claude/$NAME:made")" = made ]
}

# bats test_tags=soak
@test "a login that is lost twice stops the session once, and its work has its time" {
    has_login
    start
    inside 10000 sh -c 'echo made >/workspace/made'
    # What does not obey keeps the stop from being over.
    "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl run -- sh -c 'trap "" TERM; touch /workspace/deaf; sleep 600'
    wait_for 20 inside 10000 test -e /workspace/deaf
    local broker
    broker=$(broker_pid)
    run -0 "$CA" secrets revoke claude
    wait_for 20 event capability-revoked
    kill -KILL "$broker"
    wait "$RUN" || true
    event broker-lost
    # Each line is a TERM for PID 1, of which a second one ends the time that the agent has, and a third the saving.
    [ "$(grep -c 'so the session is stopped' "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/keeper.log")" -eq 1 ]
    [ "$(git -C "$REPO" show "claude/$NAME:made")" = made ]
}

are_refused() { [ "$(event capability-refused | wc -l)" -eq "$1" ]; }

is_frozen() { [ "$("$DOCKER" inspect -f '{{.State.Paused}}' "$(container_of "$NAME")")" = true ]; }

@test "a second redemption freezes a session where the user wants that, and he is told how it goes on" {
    local spent='{"event":"capability-refused","fields":{"reason":"spent","uid":0,"pid":1,"detail":""}}'
    # Each time there is a file, a second redemption as the broker tells it.
    with_broker "printf READY >&9
        while read -r -t 0.1 -u 9; [ \$? -gt 128 ]; do [ ! -e '$BATS_TEST_TMPDIR/again' ] || { rm '$BATS_TEST_TMPDIR/again'; printf '%s' '$spent' >&9; }; done"
    mkdir -p "$XDG_CONFIG_HOME/coding-agents"
    echo '{"version": 1, "second_redeem": "freeze"}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    start
    touch "$BATS_TEST_TMPDIR/again"
    wait_for 20 is_frozen
    [ "$(event session-frozen | jq -r .fields.container)" = "$(container_of "$NAME")" ]
    # Whoever looks at the session hears it there.
    wait_for 20 grep -q "^coding-agents: session $NAME is frozen: docker unpause $(container_of "$NAME") lets it go on, coding-agents kill $(id_of "$NAME") ends it; a login was to be redeemed a second time" "$SAID.err"
    "$CA" list | grep -q "docker unpause $(container_of "$NAME"), or coding-agents kill $(id_of "$NAME")"
    [ "$("$CA" status "$NAME" --json | jq -r '.phase, .thaw_command')" = \
        $'frozen\n'"docker unpause $(container_of "$NAME")" ]
    "$DOCKER" unpause "$(container_of "$NAME")"
    [ "$("$CA" status "$NAME" --json | jq -r .phase)" = running ]
    # Whoever let it go on has looked.
    touch "$BATS_TEST_TMPDIR/again"
    wait_for 20 are_refused 2
    sleep 1
    run ! is_frozen
    # Frozen by whomever, a session is stopped in order.
    inside 10000 sh -c 'echo made >/workspace/made'
    "$DOCKER" pause "$(container_of "$NAME")"
    "$CA" stop "$NAME"
    wait "$RUN" || true
    [ "$(git -C "$REPO" show "claude/$NAME:made")" = made ]

    # Without the word a second redemption is refused, on record, and nothing else.
    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-refused
    echo '{"version": 1}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    start
    touch "$BATS_TEST_TMPDIR/again"
    wait_for 20 are_refused 1
    sleep 1
    run ! is_frozen
    run ! event session-frozen
    finish 0
}

# bats test_tags=soak
@test "a session that cannot be frozen is stopped once, and none is said to be frozen" {
    local spent='{"event":"capability-refused","fields":{"reason":"spent","uid":0,"pid":1,"detail":""}}'
    local released='{"event":"capability-released","fields":{"stub":"agent_claude_cli","secret":"claude","token":"00"}}'
    local revoked='{"event":"capability-revoked","fields":{"stub":"agent_claude_cli","secret":"claude","leases":1,"why":"the user revoked it"}}'
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/docker" <<PROGRAM
#!/bin/sh
[ "\$1" != stop ] || echo >>'$BATS_TEST_TMPDIR/stops'
[ "\$1" != pause ] || { echo 'the engine does not pause' >&2; exit 1; }
exec '$DOCKER' "\$@"
PROGRAM
    chmod +x "$BATS_TEST_TMPDIR/bin/docker"
    # The login is lost as well, a moment later, in a way that stops a session by itself: that is no second TERM.
    with_broker "printf READY >&9
        while read -r -t 0.1 -u 9; [ \$? -gt 128 ]; do [ ! -e '$BATS_TEST_TMPDIR/again' ] || { rm '$BATS_TEST_TMPDIR/again'; printf '%s' '$spent' >&9; sleep 1; printf '%s' '$released' >&9; printf '%s' '$revoked' >&9; }; done"
    mkdir -p "$XDG_CONFIG_HOME/coding-agents"
    echo '{"version": 1, "second_redeem": "freeze", "when_lost": "continue"}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH start
    inside 10000 sh -c 'echo made >/workspace/made'
    # What does not obey keeps the stop from being over before the second cause.
    "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl run -- sh -c 'trap "" TERM; touch /workspace/deaf; sleep 600'
    wait_for 20 inside 10000 test -e /workspace/deaf
    touch "$BATS_TEST_TMPDIR/again"
    wait "$RUN" || true
    run ! event session-frozen
    event capability-revoked
    [ "$(wc -l <"$BATS_TEST_TMPDIR/stops")" -eq 1 ]
    local log
    log=$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/keeper.log
    [ "$(grep -c 'cannot be frozen (.*the engine does not pause.*), so the session is stopped' "$log")" -eq 1 ]
    [ "$(grep -c 'so the session is stopped' "$log")" -eq 1 ]
    [ "$(git -C "$REPO" show "claude/$NAME:made")" = made ]
}

# bats test_tags=soak
@test "kill takes the login with the session" {
    has_login
    start
    "$CA" kill "$NAME"
    wait "$RUN" || true
    wait_for 10 no_broker
    [ "$(event capability-revoked | jq -r .fields.why)" = 'the session ended' ]
}

@test "a malformed login is refused by name before anything starts" {
    mkdir -p "$HOME/.claude"
    printf '{"claudeAiOauth": %s' "$CANARY" >"$HOME/.claude/.credentials.json"
    run -209 "$CA" run claude "$REPO" --name "$NAME" --image "$LOGIN_IMAGE" --network restricted -- /workspace/enough
    [[ $output == *"the login of claude (file $HOME/.claude/.credentials.json): it is no JSON object"* ]]
    [[ $output != *"$CANARY"* ]]
    grep '"event":"secret-refused"' "$XDG_STATE_HOME/coding-agents/security-events.log" | grep -q "$HOME/.claude/.credentials.json"
    "$CA" secrets set claude --none
    start
    grep -qx 'key 0 login -1' "$SAID"
    finish 0
}

@test "a launcher that is interrupted while a login is fetched ends at once, and so does what fetches it" {
    local give=$BATS_TEST_TMPDIR/give code=0
    printf '#!/bin/sh\necho %s\n' "$CANARY" >"$give"
    chmod +x "$give"
    "$CA" secrets set claude -- "$give"
    printf '#!/bin/sh\ntouch "$0.asked"\nexec sleep 97\n' >"$give"
    "$CA" run claude "$REPO" --name "$NAME" --image "$LOGIN_IMAGE" --network restricted -- /workspace/enough \
        >"$SAID" 2>"$SAID.err" 3>&- &
    RUN=$!
    wait_for 60 test -e "$give.asked"
    kill -TERM "$RUN"
    wait "$RUN" || code=$?
    cat "$SAID.err"
    [ "$code" -eq 143 ]
    grep -qx 'coding-agents: interrupted; nothing was started' "$SAID.err"
    run -1 pgrep -f '^sleep 97'
    [ -z "$("$CA" list --json | jq -c 'select(.name? == "'"$NAME"'")')" ]
}

@test "a login that another way replaces does not stay behind" {
    local kept=$XDG_CONFIG_HOME/coding-agents/logins/claude
    "$CA" secrets set claude <<<"$CANARY"
    [ "$(<"$kept")" = "$CANARY" ]
    [ "$(stat -c %a "$kept")" = 600 ]
    "$CA" secrets set claude --none
    [ ! -e "$kept" ]
    # What a program leaves behind when it logs out keeps nothing else from being used.
    "$CA" secrets unset claude
    mkdir -p "$HOME/.claude"
    echo '{}' >"$HOME/.claude/.credentials.json"
    run -1 "$CA" secrets test claude
    ANTHROPIC_API_KEY=$CANARY "$CA" secrets test claude
}

@test "an agent whose image cannot redeem is told so" {
    has_login
    printf 'FROM %s\nRUN rm /usr/share/coding-agents/stubs.sha256\n' "$LOGIN_IMAGE" |
        "$DOCKER" build -q -t "${LOGIN_IMAGE%:*}:old" - >/dev/null
    run -209 "$CA" run claude "$REPO" --name "$NAME" --image "${LOGIN_IMAGE%:*}:old" --network restricted -- /workspace/enough
    "$DOCKER" rmi -f "${LOGIN_IMAGE%:*}:old" >/dev/null
    [[ $output == *'the image does not say what may redeem secrets in it; build it anew'* ]]
}

@test "secrets that have names are set, shown by name and line, and taken back, and a malformed line is refused by its number" {
    local file=$XDG_CONFIG_HOME/coding-agents/mcp-secrets.env
    "$CA" secrets set SERVER_TOKEN <<<"$CANARY"
    printf '# by hand\nOTHER=two words\n' >>"$file"
    "$CA" secrets set THIRD -- echo third
    [ "$(stat -c %a "$file")" = 600 ]
    run "$CA" secrets list --json
    [[ $output != *"$CANARY"* ]]
    [ "$(jq -r '.[] | select(.state == "secret") | "\(.secret) \(.source)"' <<<"$output")" = \
        "$(printf 'SERVER_TOKEN %s:1\nOTHER %s:3\nTHIRD command echo' "$file" "$file")" ]
    [ "$("$CA" secrets list --quiet | tail -n +4 | xargs)" = 'SERVER_TOKEN OTHER THIRD' ]
    run "$CA" secrets test SERVER_TOKEN
    [ "$output" = "SERVER_TOKEN: a secret of ${#CANARY} bytes from $file:1" ]
    # What secrets.json says goes first, until standard input says otherwise.
    "$CA" secrets set OTHER -- echo 1234567
    [[ $("$CA" secrets test OTHER) == *'7 bytes from command echo' ]]
    "$CA" secrets set OTHER <<<'other'
    [[ $("$CA" secrets test OTHER) == *"5 bytes from $file:3" ]]
    [ "$(<"$file")" = "$(printf 'SERVER_TOKEN=%s\n# by hand\nOTHER=other' "$CANARY")" ]
    "$CA" secrets unset OTHER
    run -1 "$CA" secrets test OTHER
    run -1 "$CA" secrets revoke SERVER_TOKEN
    # Nothing is written then, and what stands there is said nowhere.
    echo "broken $CANARY" >>"$file"
    cp "$file" "$BATS_TEST_TMPDIR/before"
    run -205 "$CA" secrets set SERVER_TOKEN <<<new
    [[ $output == *"'$file': line 3 is not NAME=VALUE" ]]
    cmp "$file" "$BATS_TEST_TMPDIR/before"
    grep '"event":"secret-refused"' "$XDG_STATE_HOME/coding-agents/security-events.log" | grep -q "$file': line 3"
    run -1 grep -q "$CANARY" "$XDG_STATE_HOME/coding-agents/security-events.log"
    run "$CA" secrets list
    [[ $output == *"mcp-secrets.env malformed"* && $output != *"$CANARY"* ]]
}

# bats test_tags=soak
@test "a server's secret that is revoked stops no session, a login does" {
    local secret log
    # Each time there is a file, a revocation of what it names, as the broker tells it.
    with_broker "printf READY >&9
        while read -r -t 0.1 -u 9; [ \$? -gt 128 ]; do [ ! -s '$BATS_TEST_TMPDIR/gone' ] || {
            printf '{\"event\":\"capability-revoked\",\"fields\":{\"stub\":\"s\",\"secret\":\"%s\",\"leases\":1,\"why\":\"a test\"}}' \"\$(<'$BATS_TEST_TMPDIR/gone')\" >&9
            rm '$BATS_TEST_TMPDIR/gone'; }; done"
    for secret in SERVER_TOKEN claude; do
        # shellcheck disable=SC2030,SC2031 # of this test alone
        NAME=login-$BATS_TEST_NUMBER-${secret,,}
        NAME=${NAME//_/-}
        start
        log=$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/keeper.log
        printf %s "$secret" >"$BATS_TEST_TMPDIR/going"
        mv "$BATS_TEST_TMPDIR/going" "$BATS_TEST_TMPDIR/gone"
        wait_for 30 event capability-revoked
        if [ "$secret" = claude ]; then
            wait "$RUN" || true
            grep -q 'the login was revoked, so the session is stopped' "$log"
        else
            finish 0
            run -1 grep 'so the session is stopped' "$log"
        fi
    done
}

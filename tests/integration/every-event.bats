#!/usr/bin/env bats
# Every event that the schema of the audit log names, in real sessions, and each line as the schema says. What is added to the
# table and provoked by nobody here fails.

load common
load session
load git-server

SCHEMA=$ROOT/policies/schema/audit.json

setup_file() {
    session_setup_file
    export EVENT_IMAGE=coding-agents-event-$$:test EVENT_LOGIN_IMAGE=coding-agents-event-login-$$:test
    driver_image "$EVENT_IMAGE" "$BATS_FILE_TMPDIR/driver" '[
        {"id": "test-ask", "match": {"program": "touch", "arguments": ["ask*"]}, "action": "ask", "tier": "destructive",
         "message": "people touch files"}]'
    claude_stand_in "$EVENT_LOGIN_IMAGE"
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$EVENT_IMAGE" "$EVENT_LOGIN_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p -m 700 "$HOME/.claude" "$XDG_CONFIG_HOME/coding-agents"
    LOGIN='{"claudeAiOauth":{"accessToken":"a-token","refreshToken":"b-token"}}'
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
}

teardown() {
    [ ! -e "$BATS_TEST_TMPDIR/server.pid" ] || stop_git_server "$BATS_TEST_TMPDIR/server"
}

# start NAME: a session with a login, whose agent runs.
start() {
    local said=$BATS_TEST_TMPDIR/$1
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
    : >"$said"
    "$CA" run claude "$REPO" --name "$1" --image "$EVENT_LOGIN_IMAGE" --network restricted --include-ignored -- /workspace/enough \
        >"$said" 2>"$said.err" 3>&- &
    RUN=$!
    wait_for 120 grep -q '^key' "$said" || { cat "$said" "$said.err"; false; }
}

inside() {
    "$DOCKER" exec --user "$2" "$(container_of "$1")" "${@:3}"
}

has() {
    events_of "$1" | grep -q "\"event\":\"$2\""
}

# A login that is redeemed, renewed and refused to others; a history that comes and goes; a storm that is counted.
with_a_login() {
    local sockets=/run/coding-agents/private/sockets
    cp "$BUILD/tests/helpers/socket-storm" "$REPO"
    start login
    inside login 0 /workspace/socket-storm "$sockets/broker.sock" "$sockets/root.sock" "$(id_of login)" 1 10
    inside login 10001 sh -c 'mkdir -p ~/.claude; echo said >>~/.claude/history.jsonl'
    inside login 10000 sh -c 'printf "%s" "$1" >/workspace/enough.renew' - "${LOGIN//token/other}"
    inside login 10000 touch /workspace/enough
    wait "$RUN"
}

# One that loses its broker, one that is killed before it gives anything back, and one whose login is redeemed twice.
with_a_loss() {
    start lost
    kill -KILL "$(broker_of "$(id_of lost)")"
    wait "$RUN" || true
    start killed
    "$CA" kill killed
    wait "$RUN" || true
    wait_for 30 has killed session-end
    echo '{"version": 1, "second_redeem": "freeze"}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    local whole=$CA
    with_broker "printf READY >&9
        while read -r -t 0.1 -u 9; [ \$? -gt 128 ]; do [ ! -e '$BATS_TEST_TMPDIR/again' ] || { rm '$BATS_TEST_TMPDIR/again'
            printf '%s' '{\"event\":\"capability-refused\",\"fields\":{\"reason\":\"spent\",\"uid\":0,\"pid\":1,\"detail\":\"\"}}' >&9; }; done"
    start frozen
    touch "$BATS_TEST_TMPDIR/again"
    wait_for 30 has frozen session-frozen
    "$CA" kill frozen
    wait "$RUN" || true
    CA=$whole
    printf '{"claudeAiOauth": ' >"$HOME/.claude/.credentials.json"
    run -209 "$CA" run claude "$REPO" --name malformed --image "$EVENT_LOGIN_IMAGE" --network restricted -- /workspace/enough
}

# Commands that run, with others inside, that ask, and that nobody can judge; work that is saved, and left.
with_commands() {
    printf '/bin/sh\t-c\tls / >/dev/null; echo key >.env; echo work >work\tmark\nmemfd:\tnameless\n/usr/bin/touch\task-me\n' >"$REPO/commands"
    "$CA" run shell "$REPO" --name commands --image "$EVENT_IMAGE" -- "$DRIVER" /workspace/commands 3 /dev/null \
        >"$BATS_TEST_TMPDIR/commands" 2>&1 3>&- &
    RUN=$!
    wait_for 120 has commands exec-ask
    "$CA" approve "$("$CA" approvals commands --quiet | head -n 1)"
    wait "$RUN" || true
}

# A commit that is signed, one that is not the session's to sign, and a signer that dies.
with_a_signer() {
    ssh-keygen -q -t ed25519 -N '' -C test -f "$BATS_TEST_TMPDIR/key"
    git -C "$REPO" config gpg.format ssh
    git -C "$REPO" config user.signingKey "$BATS_TEST_TMPDIR/key"
    "$CA" run shell "$REPO" --name signed -- sh -c 'git commit -q -S --allow-empty -m mine
        git -c user.name=Somebody commit -q -S --allow-empty -m theirs
        touch said; while ! test -e enough; do sleep 0.2; done' >"$BATS_TEST_TMPDIR/signed" 2>&1 3>&- &
    RUN=$!
    wait_for 120 inside signed 10000 test -e /workspace/said
    pkill -KILL -f "coding-agents-signer .*--session $(id_of signed) |coding-agents-signer --session $(id_of signed) "
    wait_for 30 has signed signer-lost
    inside signed 10000 touch /workspace/enough
    wait "$RUN"
}

# A remote that is fetched from and pushed to, pushes that are not let through, and a credential that is nobody's.
with_a_remote() {
    local server=$BATS_TEST_TMPDIR/server
    start_git_server "$server" pass
    git init -q --bare "$server/x.git"
    git -C "$server/x.git" config http.receivepack true
    git -C "$REPO" remote add origin "https://$SITE/x.git"
    git config --global "http.https://$SITE/.sslCAInfo" "$server.ca.pem"
    git config --global "credential.https://$SITE.helper" "store --file $HOME/passwords"
    echo "https://jane:pass@$SITE" >"$HOME/passwords"
    "$CA" run shell "$REPO" --name fetched -- sh -c 'git push -q origin HEAD:refs/heads/shell/x
        git push -q origin HEAD:refs/heads/x; echo | git-credential-coding-agents get; true' >"$BATS_TEST_TMPDIR/remote" 2>&1 3>&-
    git -C "$REPO" remote remove origin
}

# What is refused: a hook that the image does not have, an image that is another, an engine of somewhere else.
with_refusals() {
    run "$CA" run shell "$REPO" --name hook --image "$EVENT_IMAGE" --dotnet-preview 10.0 -- true
    [ "$status" -eq 218 ]
    run ! "$CA" run shell "$REPO" --name image --image "localhost:1/none@sha256:$(printf '%064d' 0)" -- true
    run -201 env DOCKER_HOST=tcp://192.0.2.1:2375 "$CA" run shell "$REPO" --name remote -- true
}

# checks_line FILTER: whether the line for the control is as the schema says once jq has changed it.
checks_line() {
    local line
    line=$(jq -c "$1" "$BATS_TEST_TMPDIR/line")
    "$BUILD/tests/check-records" "$SCHEMA" <<<"$line"
}

@test "each event of the table is seen, and each line is as the schema says" {
    local log missing
    with_a_login
    with_a_loss
    with_commands
    with_a_signer
    with_a_remote
    with_refusals
    for log in "$XDG_STATE_HOME"/coding-agents/security-events.log "$XDG_STATE_HOME"/coding-agents/sessions/*/events.jsonl; do
        "$BUILD/tests/check-records" "$SCHEMA" <"$log"
        cat "$log" >>"$BATS_TEST_TMPDIR/lines"
    done
    jq -r .event "$BATS_TEST_TMPDIR/lines" | sort -u >"$BATS_TEST_TMPDIR/seen"
    # The schema has the names of the table, which `make check` compares.
    jq -r '.. | .event? | objects | .enum? | arrays | .[]' "$SCHEMA" | sort -u >"$BATS_TEST_TMPDIR/named"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -gt 30 ]
    missing=$(comm -13 "$BATS_TEST_TMPDIR/seen" "$BATS_TEST_TMPDIR/named")
    echo "not seen: $missing"
    [ -z "$missing" ]
    # The control: a line that is right, the same of another event, and with a field less.
    jq -c 'select(.event == "audit-key")' "$BATS_TEST_TMPDIR/lines" |
        head -n 1 >"$BATS_TEST_TMPDIR/line"
    [ -s "$BATS_TEST_TMPDIR/line" ]
    checks_line .
    run ! checks_line '.event = "no-event"'
    run ! checks_line 'del(.fields.public_key)'
}

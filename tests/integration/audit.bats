#!/usr/bin/env bats
# runs as: user, root in soak
# The audit log of whole sessions: it is as the schema says, `coding-agents audit` proves it, and nobody inside can flood
# it, forge it, or keep anything out of it.
# shellcheck disable=SC2016,SC2154 # what stands in single quotes is for the shell inside; bats sets stderr

bats_require_minimum_version 1.5.0
load common
load session

SCHEMA=$ROOT/policies/schema/audit.json

setup_file() {
    session_setup_file
    export AUDIT_IMAGE=coding-agents-audit-$$:test
    driver_image "$AUDIT_IMAGE" "$BATS_FILE_TMPDIR/image" '[
       {"id": "test-denied", "match": {"program": "dash", "arguments": ["-c", "*", "denied", "..."]},
        "action": "deny", "tier": "destructive", "message": "the test says so"}]'
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$AUDIT_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=audit-$BATS_TEST_NUMBER-$$
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# log_of NAME: where its audit log lies.
log_of() {
    echo "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$1")/events.jsonl"
}

# is_valid FILE: every line of it is as the schema says.
is_valid() {
    "$BUILD/tests/check-records" "$SCHEMA" <"$1"
}

# keeper_of NAME: the pid of its keeper.
keeper_of() {
    pgrep -o -f "coding-agents-keeper --session $(id_of "$1") "
}

@test "the log of a session is as the schema says, closed, signed, and on record in three places" {
    printf '/bin/sh\t-c\texit 3\tmark\n/bin/sh\t-c\ttrue\tdenied\tmark\n/bin/sh\t-c\tls / | sort\tmark\n/nonexistent\tmark\n' >"$REPO/commands"
    "$CA" run shell "$REPO" --name "$NAME" --image "$AUDIT_IMAGE" --commit-secrets -- "$DRIVER" /workspace/commands 2 /dev/null
    local log key forward=$XDG_STATE_HOME/coding-agents/security-events.log
    log=$(log_of "$NAME")
    is_valid "$log"
    is_valid "$forward"
    # The control: one key more.
    head -n 1 "$log" | jq -c . >"$BATS_TEST_TMPDIR/line"
    is_valid "$BATS_TEST_TMPDIR/line"
    edit_json "$BATS_TEST_TMPDIR/line" '.fields.more = 1'
    run ! is_valid "$BATS_TEST_TMPDIR/line"
    run -0 "$CA" audit verify "$NAME" --json
    [ "$(jq -r .standing <<<"$output")" = closed ]
    key=$(jq -r .key <<<"$output")
    [ "$("$CA" status "$NAME" --json | jq -r .audit_key)" = "$key" ]
    [ "$(jq -r 'select(.event == "audit-key").fields.public_key' "$log")" = "$key" ]
    grep '"event":"audit-key"' "$forward" | grep -q "$key"
    [ "$(head -n 1 "$log" | jq -r .event)" = audit-key ]
    # Show says as much as there is.
    [ "$("$CA" audit show "$NAME" | wc -l)" -eq "$(wc -l <"$log")" ]
    [ "$("$CA" audit tail "$NAME" --lines 3 --json | wc -l)" -eq 3 ]
    local verdicts
    verdicts=$("$CA" audit show "$NAME" --source=runner --event=exec-start --json | jq -r .fields.verdict | sort | uniq -c)
    echo "$verdicts"
    grep -q ' 1 deny$' <<<"$verdicts"
    grep -q ' sandbox$' <<<"$verdicts"
}

@test "every event that the original design names is there" {
    echo '/bin/sh	-c	true	mark' >"$REPO/commands"
    "$CA" run shell "$REPO" --name "$NAME" --image "$AUDIT_IMAGE" --include-ignored -- "$DRIVER" /workspace/commands 1 /dev/null
    local log kind
    log=$(log_of "$NAME")
    # Session start and end, session-config, environment, what the user allowed.
    for event in session-start session-config env-detect override-used session-end; do
        [ "$(grep -c "\"event\":\"$event\"" "$log")" -eq 1 ]
    done
    [ "$(jq -r 'select(.event == "override-used").fields.what' "$log")" = --include-ignored ]
    [ "$(jq -r 'select(.event == "env-detect").fields.kernel' "$log")" = "$(uname -r)" ]
    # Helpers: launch, health, exit.
    for kind in service-started service-ready service-exited; do
        jq -r 'select(.event == "service").fields | .kind + " " + .service' "$log" | grep -qx "$kind runner"
    done
    # A command: verdict, rule, argv, directory, program digest, exit, duration; and the image it ran in.
    jq -c 'select(.event == "exec-start" and .fields.argv[-1] == "mark").fields |
        select(.verdict == "sandbox" and .rule != "" and .cwd == "/workspace" and (.program_sha256 | length) == 64)' "$log" | grep -q .
    jq -c 'select(.event == "exec-end" and .fields.exit_code == 0 and .fields.duration_us > 0)' "$log" | grep -q .
    [ "$(jq -r 'select(.event == "session-start").fields.image' "$log")" = "$("$CA" status "$NAME" --json | jq -r .image)" ]
    # An engine that is refused, without a session.
    run env DOCKER_HOST=tcp://192.0.2.1:2375 "$CA" run shell "$REPO" --name "$NAME-remote" -- true
    [ "$status" -eq 201 ]
    tail -n 1 "$XDG_STATE_HOME/coding-agents/security-events.log" | holds 'select(.event == "runtime-blocked" and .session == "")'
    is_valid "$XDG_STATE_HOME/coding-agents/security-events.log"
}

@test "the log of a keeper that was killed is whole as far as it goes, and not closed" {
    "$CA" launch shell "$REPO" --name "$NAME" -- sh -c 'echo one; sleep 600'
    local keeper log
    log=$(log_of "$NAME")
    wait_for 20 grep -q '"event":"boot-report"' "$log"
    run "$CA" audit verify "$NAME"
    [ "$status" -eq 1 ]
    grep -q 'not closed: the session still writes it' <<<"$output"
    keeper=$(keeper_of "$NAME")
    kill -KILL "$keeper"
    wait_for 10 test ! -e "/proc/$keeper"
    printf '{"digest":"0123' >>"$log"
    run "$CA" audit verify "$NAME"
    echo "$output"
    [ "$status" -eq 1 ]
    grep -q 'not closed: its keeper was killed' <<<"$output"
    grep -q '15 bytes of a last line that has no end' <<<"$output"
    # Cut further back, the copies know better.
    local count
    count=$(wc -l <"$log")
    head -n $((count - 2)) "$log" >"$BATS_TEST_TMPDIR/cut"
    cp "$log" "$BATS_TEST_TMPDIR/whole"
    cp "$BATS_TEST_TMPDIR/cut" "$log"
    run "$CA" audit verify "$NAME"
    [ "$status" -eq 209 ]
    grep -q "line $((count - 1)) is missing: security-events.log has a copy of it" <<<"$output"
    cp "$BATS_TEST_TMPDIR/whole" "$log"
    "$CA" kill "$NAME"
}

@test "commands reach no channel, and what floods the log is counted or delayed" {
    # Many execs inside one command; the socket of the keeper is not there for it.
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c '
        find / -name root.sock 2>/dev/null
        i=0; while [ $i -lt 1500 ]; do /bin/true; i=$((i + 1)); done; echo done'
    [ "$status" -eq 0 ]
    [ "$(grep -c root.sock <<<"$output")" -eq 0 ]
    local log kept lost
    log=$(log_of "$NAME")
    kept=$(grep -c '"event":"exec-nested".*/true' "$log")
    lost=$(jq -s 'map(select(.event == "exec-nested").fields.lost) | add' "$log")
    echo "kept $kept, counted $lost"
    [ "$((kept + lost))" -ge 1490 ]
    [ "$(stat -c %s "$log")" -lt $((16 * 1024 * 1024)) ]
    grep -q '"event":"session-end"' "$log"
    is_valid "$log"
    run -0 "$CA" audit verify "$NAME"
}

@test "the agent's own flood of commands is on record to the last one" {
    for i in $(seq 400); do printf '/bin/true\tmark-%s\n' "$i"; done >"$REPO/commands"
    "$CA" run shell "$REPO" --name "$NAME" --image "$AUDIT_IMAGE" --no-push -- "$DRIVER" /workspace/commands 32 /dev/null
    local log
    log=$(log_of "$NAME")
    [ "$(jq -r 'select(.event == "exec-start").fields.argv[-1]' "$log" | grep -c '^mark-')" -eq 400 ]
    [ "$(grep -c '"event":"exec-end"' "$log")" -ge 400 ]
    run -1 grep -q '"event":"limit-hit"' "$log"
    is_valid "$log"
    run -0 "$CA" audit verify "$NAME"
}

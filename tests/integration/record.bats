#!/usr/bin/env bats
# runs as: user, root in soak
# The record of a session: what is on it is what ran, in every form that `coding-agents record` has. The agent of these
# sessions is a program that runs lists of commands, each of which is trapped.
# shellcheck disable=SC2016,SC2154 # what stands in single quotes is for the shell inside; bats sets stderr

bats_require_minimum_version 1.5.0
load common
load session

MARK='echo "$0" >>/workspace/executed'

setup_file() {
    session_setup_file
    export RECORD_IMAGE=coding-agents-record-$$:test
    driver_image "$RECORD_IMAGE" "$BATS_FILE_TMPDIR/image" '[
       {"id": "test-denied", "match": {"program": "dash", "arguments": ["-c", "*", "denied", "..."]},
        "action": "deny", "tier": "destructive", "message": "the test says so"},
       {"id": "test-inner", "match": {"program": "rev", "arguments": ["..."]},
        "action": "deny", "tier": "network", "message": "not inside either"}]'
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$RECORD_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=record-$BATS_TEST_NUMBER-$$
    : >"$REPO/executed"
}

teardown() {
    [ -z "${STOPPED:-}" ] || kill -CONT "$STOPPED" 2>/dev/null || true
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# command WORD...: one more for the driver; the last word is its marker.
command_line() {
    local IFS=$'\t'
    echo "$*" >>"$REPO/commands"
}

# random_commands COUNT: so many, of every kind; the seed stands in the output.
random_commands() {
    local i marker
    RANDOM=${RECORD_SEED:=$((SRANDOM % 32768))}
    echo "RECORD_SEED=$RECORD_SEED"
    for ((i = 0; i < $1; i++)); do
        marker=mark-$i-$RANDOM
        case $((RANDOM % 8)) in
        0) command_line /bin/sh -c "$MARK; exit $((RANDOM % 125 + 1))" "$marker" ;;
        1) command_line /bin/sh -c "$MARK; kill -$((RANDOM % 2 ? 9 : 15)) \$\$" "$marker" ;;
        2) command_line /bin/sh -c 'echo "$1" >>/workspace/executed' denied "$marker" ;;
        3) command_line "/nonexistent/$RANDOM" "$marker" ;;
        4) command_line /usr/bin/env sh -c "$MARK; ls / | sort >/dev/null" "$marker" ;;
        5) command_line /bin/sh -c "$MARK"$' # odd \e[2J \xff\xfe caf\xc3\xa9' "$marker" ;;
        6) command_line /bin/bash -c "$MARK; sleep 0.0$((RANDOM % 10))" "$marker" ;;
        *) command_line /bin/sh -c "$MARK" "$marker" ;;
        esac
    done
}

# run_commands PARALLEL: a session of the list, its work brought back into WORK.
run_commands() {
    run "$CA" run shell "$REPO" --name "$NAME" --image "$RECORD_IMAGE" -- \
        "$DRIVER" /workspace/commands "$1" /workspace/statuses
    echo "$output"
    [ "$status" -eq 0 ]
    WORK=$BATS_TEST_TMPDIR/work
    mkdir "$WORK"
    git -C "$REPO" archive "shell/$NAME" | tar -x -C "$WORK"
    events_of "$NAME" >"$WORK/events"
}

compare() {
    "$ROOT/tests/integration/record-compare" "$@"
}

@test "what is on record is what ran: random commands, many at once" {
    random_commands "${RECORD_COMMANDS:-$([ "${SOAK:-0}" = 1 ] && echo 5000 || echo 300)}"
    run_commands 16
    compare "$WORK/events" "$WORK/executed" "$WORK/statuses"
    "$CA" record "$NAME" >/dev/null
    # The comparison sees one command more, one less, another code.
    run ! compare "$WORK/events" <(sed 1d "$WORK/executed")
    run ! compare "$WORK/events" <(cat "$WORK/executed"; echo mark-x)
    run ! compare "$WORK/events" "$WORK/executed" <(sed 's/ 0$/ 1/' "$WORK/statuses")
    run ! compare <(grep -v '"event":"exec-start"' "$WORK/events") "$WORK/executed"
    # What was denied is on record as that, was told so, and did not run.
    local denied missing
    denied=$(grep -c $'\tdenied\t' "$REPO/commands")
    missing=$(grep -c '^/nonexistent' "$REPO/commands")
    [ "$("$CA" record "$NAME" --json --denied | jq -r 'select(.rule == "test-denied") | .state' | grep -cx denied)" = "$denied" ]
    [ "$(grep -c ' 126$' "$WORK/statuses")" -ge "$denied" ]
    [ "$(grep -cE ' (-2|127)$' "$WORK/statuses")" -ge "$missing" ]
    # Every form shows as many.
    local started
    started=$(grep -c '"event":"exec-start"' "$WORK/events")
    [ "$("$CA" record "$NAME" --json | jq -c 'select(.verdict != null)' | wc -l)" = "$started" ]
    [ "$("$CA" record "$NAME" --json --follow | jq -c 'select(.verdict != null)' | wc -l)" = "$started" ]
    [ "$("$CA" record "$NAME" --json --failed | jq -s 'map(select(.state == "ended" and .exit_code == 0)) | length')" = 0 ]
    # No byte of a command reaches the terminal as it is.
    "$CA" record "$NAME" | LC_ALL=C awk '/[\001-\011\013-\037\177]/ { exit 1 }'
    "$CA" record "$NAME" | grep -qF '\x1b[2J \xff\xfe café'
    [ "$("$CA" record "$NAME" --failed | grep -c SIGKILL)" -gt 0 ]
}

@test "what ran inside a command stands below it, and what was denied there" {
    # The policy does not see what a variable will name.
    command_line /bin/sh -c "$MARK; r=rev; env true; echo x | \$r; ls / >/dev/null" mark-inner
    run_commands 1
    compare "$WORK/events" "$WORK/executed"
    "$CA" record "$NAME" --json | jq -s 'map(select(.argv[-1] == "mark-inner"))[0]' >"$WORK/inner"
    jq -c '.nested[]' "$WORK/inner"
    # A shell tries one that is refused in every directory of its PATH that has it.
    [ "$(jq -c '[.nested[].program | sub(".*/"; "")] | unique' "$WORK/inner")" = '["env","ls","rev","true"]' ]
    [ "$(jq -r '[.nested[] | select(.verdict == "deny").rule] | unique[]' "$WORK/inner")" = test-inner ]
    run -0 "$CA" record "$NAME"
    [[ $output == *"mark-inner"*$'\n'*"    env true"*"    rev"*"    ls /"* ]]
    [[ $output == *"network            rev"* ]]
    # Its own end was good; what was denied inside is found all the same.
    run -0 "$CA" record "$NAME" --denied
    [[ $output == *mark-inner* ]]
    run -0 "$CA" record "$NAME" --tier privileged
    [[ $output != *mark-inner* ]]
}

@test "what could not be read inside a command is on record as that, and denied where a rule could deny it" {
    cp "$BUILD/tests/helpers/hidden-exec" "$REPO"
    command_line /bin/sh -c "$MARK; for way in undumpable argument; do ./hidden-exec \$way /usr/bin/rev /dev/null; done" mark-hidden
    command_line /bin/sh -c "$MARK; ./hidden-exec argument /usr/bin/basename mark" mark-harmless
    run_commands 1
    "$CA" record "$NAME" --json | jq -c 'select(.argv[-1] == "mark-hidden") | .nested[] | select(.rule == "unreadable") | [.program, .verdict, .argument_count]' \
        >"$WORK/hidden"
    cat "$WORK/hidden"
    [ "$(cat "$WORK/hidden")" = '["","deny",0]'$'\n''["/usr/bin/rev","deny",0]' ]
    "$CA" record "$NAME" --json | jq -c 'select(.argv[-1] == "mark-harmless") | .nested[] | [.program, .verdict, .rule]' >"$WORK/harmless"
    grep -qF '["/usr/bin/basename","sandbox","unreadable"]' "$WORK/harmless"
    run -0 "$CA" record "$NAME" --denied
    [[ $output == *mark-hidden* ]]
    # The image's own rules are not here: what was denied by them comes out otherwise.
    run "$CA" policy replay "$NAME"
    [ "$status" -le 1 ]
    [[ $output == *"3 not judged: their start, or a part of it, is not on record"* ]]
}

# digest_of MARKER: of the program, as it is on record; and how its command ended.
digest_of() {
    "$CA" record "$NAME" --json | jq -r "select(.argv[-1] == \"$1\") | .program_sha256"
    "$CA" record "$NAME" --json | jq -r "select(.argv[-1] == \"$1\") | .exit_code"
}

@test "the digest on record is that of what ran: of a program that is rewritten in place, each time, and none while it is judged" {
    # One byte behind the program's end, with the file's size and time as they were.
    local own='f=/workspace/own; cp /usr/bin/true $f; truncate -s 90000001 $f; touch -d @1 $f; sha256sum <$f'
    local change='f=/workspace/own; printf %s "$1" | dd of=$f bs=1 seek=90000000 conv=notrunc; touch -d @1 $f'
    command_line /bin/sh -c "($own) >/workspace/first" mark-make
    command_line /workspace/own mark-first
    command_line /bin/sh -c "($change; sha256sum <\$f) >/workspace/second" sh y mark-change
    command_line /workspace/own mark-second
    # What is left behind of this one goes on changing it.
    command_line /bin/sh -c "{ until [ -e /workspace/stop ]; do ($change); sleep 0.02; done; \
        ($change; sha256sum <\$f) >/workspace/third; } >/dev/null 2>&1 &" sh z mark-behind
    command_line /workspace/own mark-judged
    command_line /bin/sh -c 'touch /workspace/stop; until [ -s /workspace/third ]; do sleep 0.1; done' mark-stop
    command_line /workspace/own mark-third
    command_line /bin/sh -c 'rm /workspace/own' mark-rest
    run_commands 1
    cat "$WORK/statuses"
    [ "$(grep -v ' 0$' "$WORK/statuses")" = 'mark-judged 126' ]
    [ "$(digest_of mark-judged | tail -n 1)" = 126 ]
    [ "$(cut -d ' ' -f 1 "$WORK/first" "$WORK/second" "$WORK/third" | sort -u | wc -l)" -eq 3 ]
    local which
    for which in first second third; do
        [ "$(digest_of "mark-$which")" = "$(cut -d ' ' -f 1 "$WORK/$which")"$'\n0' ]
    done
}

@test "of a flood inside a command every exec is counted, and none outside is lost" {
    local i
    command_line /bin/sh -c "$MARK; i=0; while [ \$i -lt 1500 ]; do env true; i=\$((i + 1)); done" mark-flood
    for ((i = 0; i < 100; i++)); do
        command_line /bin/true "mark-true-$i"
    done
    run_commands 4
    [ "$(wc -l <"$WORK/statuses")" -eq 101 ]
    [ "$(grep -c ' 0$' "$WORK/statuses")" -eq 101 ]
    [ "$("$CA" record "$NAME" --json | jq -c 'select(.argv[-1] // "" | startswith("mark-true-"))' | wc -l)" -eq 100 ]
    local told
    told=$("$CA" record "$NAME" --json | jq -s 'map(select(.argv[-1] == "mark-flood"))[0].nested | length + (map(.lost) | add)')
    # Each env becomes true in the same process: two execs.
    echo "$told of 3000 inside"
    [ "$told" -le 3000 ]
    [ "$told" -ge 2900 ]
    run -1 grep -q '"what":"execs"' "$WORK/events"
    "$CA" record "$NAME" >/dev/null
}

@test "who follows sees commands as they run, until the session ends" {
    command_line /bin/sh -c "$MARK; until [ -e /workspace/go ]; do sleep 0.1; done; exit 3" mark-long
    command_line /bin/true mark-last
    run_commands 1 >"$BATS_TEST_TMPDIR/session" &
    wait_for 30 "$CA" status "$NAME"
    wait_for 30 sh -c "'$CA' record '$NAME' --json | grep -q mark-long"
    "$CA" record "$NAME" --json | holds --slurp 'map(select(.argv[-1] == "mark-long"))[0].state == "running"'
    { sleep 1; "$DOCKER" exec -u 10000 "$(container_of "$NAME")" touch /workspace/go; } &
    run -0 timeout 60 "$CA" record "$NAME" --follow
    wait
    echo "$output"
    [ "$(grep -c mark-long <<<"$output")" -eq 2 ]
    [[ $output == *" running "*mark-long*" 3 "*mark-long*mark-last* ]]
}

# PID of the session's keeper.
keeper_of() {
    sed -n 's/.* process \([0-9]*\) keeps .*/\1/p' "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/keeper.log"
}

# bats test_tags=soak
@test "a keeper that stands still longer than any caller's patience: commands wait, none is lost or killed" {
    local i keeper
    for ((i = 0; i < 8; i++)); do
        command_line /bin/sh -c "$MARK; until [ -e /workspace/go ]; do sleep 0.1; done" "mark-$i"
    done
    for (( ; i < 60; i++)); do
        command_line /bin/sh -c "$MARK; for i in 1 2 3 4; do env true; done" "mark-$i"
    done
    "$CA" run shell "$REPO" --name "$NAME" --no-push --image "$RECORD_IMAGE" -- \
        "$DRIVER" /workspace/commands 8 /workspace/statuses >"$BATS_TEST_TMPDIR/session" 2>&1 </dev/null &
    local session=$!
    wait_for 30 "$CA" status "$NAME"
    wait_for 30 sh -c "'$CA' record '$NAME' --json | grep -q mark-7"
    keeper=$(keeper_of)
    STOPPED=$keeper
    kill -STOP "$keeper"
    "$DOCKER" exec -u 10000 "$(container_of "$NAME")" touch /workspace/go
    # CALL_PATIENCE_MS of the runner, and the tick after it.
    sleep 11
    run -1 grep -q '^done' "$BATS_TEST_TMPDIR/session"
    kill -CONT "$keeper"
    wait "$session" || true
    cat "$BATS_TEST_TMPDIR/session"
    grep -q '^done' "$BATS_TEST_TMPDIR/session"
    run -1 grep -q 'exec [a-z]* ' "$BATS_TEST_TMPDIR/session"
    "$CA" record "$NAME" --json | holds --slurp '[.[] | select(.argv[-1] | startswith("mark-"))] |
        length == 60 and all(.state == "ended" and .exit_code == 0)'
    "$CA" record "$NAME" --json | holds --slurp '[.[] | select(.verdict == "refused")] == []'
}

@test "a keeper that is killed takes no command with it" {
    local i keeper
    for ((i = 0; i < 40; i++)); do
        command_line /bin/sh -c "$MARK; sleep 0.2" "mark-$i"
    done
    "$CA" run shell "$REPO" --name "$NAME" --no-push --image "$RECORD_IMAGE" -- \
        "$DRIVER" /workspace/commands 1 /workspace/statuses >"$BATS_TEST_TMPDIR/session" 2>&1 </dev/null &
    local session=$!
    wait_for 30 "$CA" status "$NAME"
    wait_for 30 sh -c "'$CA' record '$NAME' --json | grep -q mark-5"
    keeper=$(keeper_of)
    kill -KILL "$keeper"
    wait "$session" || true
    cat "$BATS_TEST_TMPDIR/session"
    grep -q '^done' "$BATS_TEST_TMPDIR/session"
    # What it had written holds; what came after it is in the container's own log.
    run -0 "$CA" record "$NAME"
    [ "$(grep -c ' mark-' <<<"$output")" -ge 6 ]
    [[ $output != *" running "* ]]
    "$CA" record "$NAME" >/dev/null
    grep -q 'exec start ' "$BATS_TEST_TMPDIR/session"
}

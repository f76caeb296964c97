#!/usr/bin/env bats
# runs as: user, root in soak
# Commands that ask, and people who answer: nothing runs before that, whoever goes away meanwhile, and nobody in the
# container answers in their place.
# shellcheck disable=SC2016,SC2154 # what stands in single quotes is for the shell inside; bats sets stderr

bats_require_minimum_version 1.5.0
load common
load session
load terminal

setup_file() {
    session_setup_file
    export ASK_IMAGE=coding-agents-ask-$$:test
    mkdir "$BATS_FILE_TMPDIR/image"
    export ASK_DRIVER_IMAGE=coding-agents-ask-driver-$$:test
    local rules
    rules=$(cat <<'RULES'
[
 {"id": "test-ask", "match": {"program": "touch", "arguments": ["ask*", "..."]}, "action": "ask",
  "tier": "destructive", "message": "people touch files", "instead": "leave them"},
 {"id": "test-other", "match": {"program": "tee", "arguments": ["ask*", "..."]}, "action": "ask",
  "tier": "destructive", "message": "people write files", "profile": "offline"},
 {"id": "test-soon", "match": {"program": "touch", "arguments": ["soon*"]}, "action": "ask", "ask_seconds": 2,
  "tier": "destructive", "message": "people touch files"}]
RULES
    )
    echo "{\"version\": 1, \"rules\": $rules}" >"$BATS_FILE_TMPDIR/image/test.json"
    driver_image "$ASK_DRIVER_IMAGE" "$BATS_FILE_TMPDIR/driver" "$rules"
    cat >"$BATS_FILE_TMPDIR/image/Dockerfile" <<DOCKERFILE
FROM $SHELL_IMAGE
COPY test.json /etc/coding-agents/exec.d/test.json
DOCKERFILE
    "$DOCKER" build -q -t "$ASK_IMAGE" "$BATS_FILE_TMPDIR/image" >/dev/null
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$ASK_IMAGE" "$ASK_DRIVER_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=ask-$BATS_TEST_NUMBER-$$
    RESULTS=$BATS_TEST_TMPDIR/results
    mkdir "$RESULTS"
}

teardown() {
    "$CA" approvals --json 2>/dev/null || true
    "$CA" record "$NAME" 2>/dev/null || true
    cat "$BATS_TEST_TMPDIR/session" 2>/dev/null || true
    [ -z "${TERMINALS:-}" ] || terminal_show_all
    [ -z "${TERMINALS:-}" ] || terminal_teardown
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# start_session COMMAND...: one that stays in the background.
start_session() {
    "$CA" run shell "$REPO" --name "$NAME" --image "${IMAGE:-$ASK_IMAGE}" --no-push -- "$@" \
        >"$BATS_TEST_TMPDIR/session" 2>&1 </dev/null 3>&- &
    SESSION=$!
    wait_for 60 "$CA" status "$NAME"
    ID=$(id_of "$NAME")
    CONTAINER=coding-agents-$ID
}

start_idle_session() {
    start_session sleep 600
    wait_for 60 inside 10000 agent-task-runnerctl exec -- true
}

# inside UID COMMAND...
inside() {
    "$DOCKER" exec -u "$1:$1" "$CONTAINER" "${@:2}"
}

# run_task MARKER COMMAND...: a command of its own in the background; what it says and its code go to MARKER.
run_task() {
    {
        local code=0
        inside 10000 agent-task-runnerctl exec -- "${@:2}" >"$RESULTS/$1.out" 2>&1 || code=$?
        echo "$code" >"$RESULTS/$1.code"
    } 3>&- &
}

has_code() {
    [ "$(cat "$RESULTS/$1.code" 2>/dev/null)" = "$2" ]
}

waits() {
    "$CA" approvals "$NAME" --quiet | grep -qx "$ID-$1"
}

waits_not() {
    run ! waits "$1"
}

count_waiting() {
    [ "$("$CA" approvals "$NAME" --quiet | wc -l)" -eq "$1" ]
}

shows_not() {
    run ! shows "$@"
}

is_there() {
    inside 0 test -e "/workspace/$1"
}

# started ID: the exec-start of the ask with this number.
started() {
    events_of "$NAME" | jq -c --argjson ask "$1" 'select(.event == "exec-ask" and .fields.ask == $ask).fields.id' |
        while read -r id; do
            events_of "$NAME" | jq -c "select(.event == \"exec-start\" and .fields.id == $id).fields"
        done
}

@test "a command of an agent waits, is approved once, and runs; the launcher says so in a line" {
    start_session touch ask-one
    wait_for 60 waits 1
    wait_for 10 grep -q "asks, coding-agents approve $ID-1 or deny $ID-1: touch ask-one (rule test-ask: people touch" \
        "$BATS_TEST_TMPDIR/session"
    run ! is_there ask-one
    run -0 --separate-stderr "$CA" approvals
    [[ ${lines[1]} == "$ID-1 "*"$NAME "*"touch ask-one" ]]
    [ "${lines[2]}" = '    rule test-ask: people touch files; instead leave them; in /workspace' ]
    run -0 --separate-stderr "$CA" approvals "$NAME" --json
    [ "$(jq -r '[.id, .session, .name, .state, .command.rule, .command.seconds, (.command.argv | join(" "))] | join(",")' \
        <<<"$output")" = "$ID-1,$ID,$NAME,waiting,test-ask,300,touch ask-one" ]
    run -0 "$CA" approve "$ID-1"
    [ "$output" = "$ID-1 was approved: approved by uid $(id -u), scope once" ]
    wait "$SESSION"
    [ "$("$CA" record "$NAME" --json | jq -r 'select(.ask == 1) | [.state, .verdict, .exit_code, .answer.uid] | join(",")')" \
        = "ended,sandbox,0,$(id -u)" ]
    chain_holds "$NAME"
}

@test "a denial reaches the caller with its words, and 126; so does the end of the time" {
    start_idle_session
    run_task denied touch ask-one
    run_task late touch soon-two
    wait_for 10 waits 1
    local number=1
    wait_for 10 has_code late 126
    grep -qx 'denied by rule test-soon: nobody answered in time: people touch files' "$RESULTS/late.out"
    number=$("$CA" approvals "$NAME" --json | jq .command.ask)
    run -0 "$CA" deny "$NAME-$number" --message 'not today'
    [ "$output" = "$ID-$number was denied: denied by rule test-ask: not today" ]
    wait_for 10 has_code denied 126
    [ "$(cat "$RESULTS/denied.out")" = 'denied by rule test-ask: not today' ]
    run_task plain touch ask-one
    wait_for 10 waits 3
    run -0 "$CA" deny "$ID-3"
    wait_for 10 has_code plain 126
    grep -qx 'denied by rule test-ask: who was asked said no: people touch files; instead leave them' "$RESULTS/plain.out"
    run ! is_there ask-one
    run ! is_there soon-two
    # What is over is over.
    run -206 "$CA" approve "$ID-$number"
    [ "$output" = "coding-agents approve: $ID-$number: it does not wait any more: it was denied" ]
    run -206 "$CA" approve "$ID-99"
    [[ $output == "coding-agents approve: $ID-99: nothing in this session asked under that number"* ]]
    [ "${#lines[@]}" -eq 1 ]
    run -206 "$CA" deny nonsense
    [[ $output == *"is not the id of a command that waits: that is a session and a number, as in abcdefgh-3"* ]]
}

# bats test_tags=soak
@test "an approval of words is good for what begins with them, one of a program for all of that file" {
    start_idle_session
    run_task one touch ask-one
    wait_for 10 waits 1
    run -0 "$CA" approve "$ID-1" --always=prefix
    wait_for 10 has_code one 0
    run -0 inside 10000 agent-task-runnerctl exec -- touch ask-one also
    is_there also
    run_task other touch ask-two
    wait_for 10 waits 3
    run -206 "$CA" approve "$ID-3" --always=prefix --words=9
    [[ $output == *'the command has 2 words, not 9' ]]
    run -0 "$CA" approve "$ID-3" --always=program
    wait_for 10 has_code other 0
    run -0 inside 10000 agent-task-runnerctl exec -- touch ask-anything
    # Another program by the same name asks, and so does another rule.
    inside 10000 sh -c 'cp /usr/bin/touch /workspace/touch; echo >>/workspace/touch'
    run_task copy /workspace/touch ask-copy
    wait_for 10 waits 5
    run_task rule tee ask-rule
    wait_for 10 waits 6
    run -0 "$CA" deny "$ID-5"
    run -0 "$CA" approve "$ID-6"
    wait_for 10 has_code copy 126
    wait_for 10 has_code rule 0
    run ! is_there ask-copy
    # It ran in the profile of its rule.
    [ "$(started 6 | jq -r '[.verdict, .profile] | join(",")')" = sandbox,offline ]
    [ "$(events_of "$NAME" | jq -c 'select(.event == "exec-answer") | .fields | [.ask, .scope, .words, .approval]')" = \
        "$(printf '%s\n' '[1,"prefix",2,null]' '[2,"prefix",2,1]' '[3,"program",null,null]' '[4,"program",null,3]' \
            '[5,"once",null,null]' '[6,"once",null,null]')" ]
}

# bats test_tags=soak
@test "nothing is lost with who approves, and a command that is gone is not waited for" {
    start_idle_session
    "$CA" approvals --follow --json >"$BATS_TEST_TMPDIR/follow" 3>&- &
    local follower=$!
    run_task one touch ask-one
    wait_for 10 grep -q '"state":"waiting"' "$BATS_TEST_TMPDIR/follow"
    kill -KILL "$follower"
    waits 1
    run -0 "$CA" approve "$ID-1"
    wait_for 10 has_code one 0
    # Its caller dies.
    run_task two touch ask-two
    wait_for 10 waits 2
    inside 0 pkill -KILL -f 'agent-task-runnerctl exec -- touch ask-two'
    wait_for 10 waits_not 2
    run -206 "$CA" approve "$ID-2"
    [ "$(started 2 | jq -r '[.verdict, .reason] | join(",")')" = \
        'deny,denied by rule test-ask: it ended before anybody answered: people touch files; instead leave them' ]
    # Somebody ends it.
    run_task three touch ask-three
    wait_for 10 waits 3
    local task
    task=$(inside 0 agent-task-runnerctl ps | awk '$2 == "asking" { print $1 }')
    inside 0 agent-task-runnerctl kill "$task" TERM
    wait_for 10 has_code three 126
    grep -q 'ended by a signal before anybody answered' "$RESULTS/three.out"
    wait_for 10 waits_not 3
    run ! is_there ask-two
    run ! is_there ask-three
}

@test "a program that is changed while it waits does not run" {
    start_idle_session
    inside 10000 cp /usr/bin/touch /workspace/touch
    run_task one /workspace/touch ask-one
    wait_for 10 waits 1
    inside 10000 sh -c 'cp /usr/bin/tee /workspace/other; mv /workspace/other /workspace/touch'
    run -0 "$CA" approve "$ID-1"
    wait_for 10 has_code one 126
    grep -q 'it was changed or replaced while it was judged' "$RESULTS/one.out"
    run ! is_there ask-one
}

# bats test_tags=soak
@test "a runner that is killed takes what waits with it; the next one asks anew" {
    # An agent that does not end with the commands it started.
    printf '/bin/sleep\t600\n%.0s' {1..100} >"$REPO/commands"
    IMAGE=$ASK_DRIVER_IMAGE start_session "$DRIVER" /workspace/commands 1 /workspace/statuses
    wait_for 60 inside 10000 agent-task-runnerctl exec -- true
    run_task one touch ask-one
    wait_for 10 waits 1
    inside 0 sh -c 'kill -KILL "$(agent-initctl status --json | jq ".services[] | select(.name == \"runner\").pid")"'
    wait_for 20 has_code one 225
    grep -q 'the task runner was ended before it answered' "$RESULTS/one.out"
    run -206 "$CA" approve "$ID-1"
    [[ $output == *'it does not wait any more: it was lost' ]]
    [ "$("$CA" record "$NAME" --json | jq -r 'select(.ask == 1).state')" = lost ]
    wait_for 20 inside 10000 agent-task-runnerctl exec -- true
    run_task two touch ask-two
    wait_for 10 waits 2
    run -0 "$CA" approve "$ID-2"
    wait_for 10 has_code two 0
    run ! is_there ask-one
    is_there ask-two
}

@test "without a keeper nobody is asked, and what asks is denied" {
    start_idle_session
    run_task one touch ask-one
    wait_for 10 waits 1
    kill -KILL "$(pgrep -o -f -- "coding-agents-keeper --session $ID")"
    wait_for 10 has_code one 126
    grep -q "nobody can be asked, as the session's keeper is gone" "$RESULTS/one.out"
    run -206 "$CA" approvals "$NAME"
    [[ $output == *"session $ID does not run, so nothing in it waits" ]]
    run_task two touch ask-two
    wait_for 20 has_code two 126
    grep -q "nobody can be asked" "$RESULTS/two.out"
    run ! is_there ask-one
    run ! is_there ask-two
}

# bats test_tags=soak
@test "a session that is stopped denies what waits" {
    start_idle_session
    run_task one touch ask-one
    wait_for 10 waits 1
    run -0 "$CA" stop "$NAME" --no-push
    # Who asked hears it, unless the stop ends him first.
    has_ended() { has_code one 126 || has_code one 137 || has_code one 143; }
    wait_for 30 has_ended
    ! has_code one 126 || grep -q '^denied by rule test-ask: the session ends: ' "$RESULTS/one.out"
    [[ $(started 1 | jq -r .reason) == 'denied by rule test-ask: the session ends: '* ]]
}

# bats test_tags=soak
@test "sixteen wait, the next is denied, and others run" {
    start_idle_session
    [ "$("$CA" status "$NAME" --json | jq .approvals_waiting)" = 0 ]
    run -0 "$CA" list
    [[ $output != *'wait for an answer'* ]]
    for i in {1..16}; do
        run_task "w$i" touch "ask-$i"
    done
    wait_for 30 count_waiting 16
    # Nobody's terminal is flooded with lines about it.
    wait_for 10 grep -q 'more asks at once; coding-agents approvals lists all that waits' "$BATS_TEST_TMPDIR/session"
    [ "$(grep -c "asks, coding-agents approve" "$BATS_TEST_TMPDIR/session")" -eq 10 ]
    run -126 inside 10000 agent-task-runnerctl exec -- touch ask-more
    [ "$output" = 'denied by rule test-ask: too many commands wait for an answer already: people touch files; instead leave them' ]
    run -0 inside 10000 agent-task-runnerctl exec -- touch plain
    # Who looks at the sessions sees it too.
    [ "$("$CA" status "$NAME" --json | jq .approvals_waiting)" = 16 ]
    "$CA" status "$NAME" | grep -qx 'approvals_waiting     16'
    [ "$("$CA" list --json | jq --arg id "$ID" '.sessions[] | select(.session == $id).approvals_waiting')" = 16 ]
    "$CA" list | grep -A1 '^Commands that wait for an answer:$' | grep -qx "  16: coding-agents approvals $ID"
    for id in $("$CA" approvals "$NAME" --quiet | head -8); do
        run -0 "$CA" approve "$id"
    done
    for id in $("$CA" approvals "$NAME" --quiet); do
        run -0 "$CA" deny "$id"
    done
    wait_for 20 count_waiting 0
    [ "$(inside 0 sh -c 'ls /workspace | grep -c ^ask-')" -eq 8 ]
}

@test "nobody in the container answers" {
    cp "$BUILD/tests/helpers/channel-say" "$REPO/say"
    start_idle_session
    run_task one touch ask-one
    wait_for 10 waits 1
    local socket=/run/coding-agents/private/sockets/root.sock
    local answer='{"request":"answer","ask":1,"answer":"allow","scope":"once","words":0}'
    # Root is there, and has no role that may; the other two do not reach the socket.
    run ! "$DOCKER" exec -i -u 0 "$CONTAINER" /workspace/say "$socket" "$ID" 6 "$answer" 9
    [ "$output" = refused ]
    for role in 1 2 5; do
        run "$DOCKER" exec -i -u 0 "$CONTAINER" /workspace/say "$socket" "$ID" "$role" "$answer" 9
        run "$DOCKER" exec -i -u 0 "$CONTAINER" /workspace/say "$socket" "$ID" "$role" "$answer" 8
    done
    for uid in 10000 10001; do
        run ! inside "$uid" /workspace/say "$socket" "$ID" 6 "$answer" 9
        [[ $output == *'Permission denied'* ]]
    done
    waits 1
    run ! is_there ask-one
    [ "$(events_of "$NAME" | jq -c 'select(.event == "exec-answer")')" = '' ]
    run -0 "$CA" deny "$ID-1"
    wait_for 10 has_code one 126
}

@test "inside a command nobody is asked, unless the command was approved for that" {
    start_idle_session
    inside 10000 sh -c 'printf "touch ask-inner\n" >/workspace/script'
    run -126 inside 10000 agent-task-runnerctl exec -- sh /workspace/script
    [[ $output == *'denied by rule test-ask: people touch files; instead run it as a command of its own, or in front of it'* ]]
    run_task line sh -c 'touch ask-inner; tee ask-tee </dev/null; true'
    wait_for 10 waits 1
    [ "$("$CA" approvals "$NAME" --json | jq -r .command.rule)" = test-other ]
    run -0 "$CA" approve "$ID-1"
    wait_for 10 has_code line 0
    is_there ask-tee
    run ! is_there ask-inner
    # The way that the line names.
    run_task named sh -c 'agent-task-runnerctl exec -- tee ask-named </dev/null'
    wait_for 10 waits 2
    run -0 "$CA" approve "$ID-2"
    wait_for 10 has_code named 0
    is_there ask-named
}

@test "what was approved inside a command is not approved for all that its rule is about" {
    start_idle_session
    # Somebody else's words beside those that a person read.
    inside 10000 sh -c 'printf "touch ask-hidden\ntouch ask-shown also\ntee ask-tee </dev/null\n" >/workspace/script'
    run_task line sh -c 'touch ask-shown; sh /workspace/script; true'
    wait_for 10 waits 1
    [ "$("$CA" approvals "$NAME" --json | jq -c .command.asks_about)" = '["touch","ask-shown"]' ]
    run -0 "$CA" approve "$ID-1"
    wait_for 10 has_code line 0
    is_there ask-shown
    is_there also
    run ! is_there ask-hidden
    run ! is_there ask-tee
    [ "$(grep -c '^denied by rule test-ask: people touch files; instead run it as a command of its own' \
        "$RESULTS/line.out")" -eq 1 ]
    # More that asks, all of it on the line: that is what was approved.
    run_task more sh -c 'touch ask-first; sh -c "touch ask-second"; sh /workspace/script; true'
    wait_for 10 waits 2
    run -0 "$CA" approve "$ID-2"
    wait_for 10 has_code more 0
    is_there ask-first
    is_there ask-second
    run ! is_there ask-hidden
}

@test "a terminal shows what asks in its last line, and what was there afterwards" {
    terminal_setup
    terminal one "'$CA' run shell '$REPO' --name '$NAME' --image '$ASK_IMAGE'"
    wait_for 60 shows one 'agentuser@.*\$'
    ID=$(id_of "$NAME")
    CONTAINER=coding-agents-$ID
    run_task asked touch ask-one
    wait_for 10 waits 1
    wait_for 10 shows one "^asks, coding-agents approve $ID-1 or deny $ID-1: touch ask-one"
    keys one 'echo typed-$((40 + 2))' Enter
    wait_for 20 shows one '^typed-42'
    shows one "^asks, coding-agents approve $ID-1"
    run -0 "$CA" approve "$ID-1"
    wait_for 10 has_code asked 0
    wait_for 10 shows_not one "coding-agents approve"
    shows one '^\[agent\]'
    keys one 'exit 0' Enter
    wait_for 60 shows one 'ended=0 icanon'
}

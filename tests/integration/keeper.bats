#!/usr/bin/env bats
# The keeper with real containers: it waits for them, takes their events, tells how they ended, removes the network.
# runs as: user, root in soak

load common

KEEPER=$BUILD/host/libexec/coding-agents/coding-agents-keeper
LAUNCHER=$BUILD/tests/helpers/keeper-launcher
IMAGE=${KEEPER_TEST_IMAGE:-$BASE_IMAGE}
STEP='{"event":"boot-step","fields":{"step":"git","duration_us":1,"outcome":"up"}}'

# One launcher dies at the start of the file without a container, so that its minute passes beside the tests.
setup_file() {
    FILE_DIRECTORY=$(mktemp -d)
    export FILE_DIRECTORY
    make_session "$FILE_DIRECTORY"
    echo "$session" >"$FILE_DIRECTORY/session"
    begin
    kill "$launcher"
}

teardown_file() {
    rm -rf "$FILE_DIRECTORY"
}

setup() {
    bats_require_minimum_version 1.5.0
    TEST_DIRECTORY=$(mktemp -d)
    make_session "$TEST_DIRECTORY"
}

teardown() {
    "$DOCKER" rm -f "coding-agents-$session" >/dev/null 2>&1 || true
    "$DOCKER" network rm "coding-agents-$session" >/dev/null 2>&1 || true
    [ -z "${launcher:-}" ] || kill "$launcher" 2>/dev/null || true
    exec 9>&- || true
    rm -rf "$TEST_DIRECTORY"
}

# make_session DIRECTORY: an id, its directories below DIRECTORY, and a state.
make_session() {
    session=$(tr -dc a-z2-7 </dev/urandom | head -c 8)
    export XDG_STATE_HOME=$1/state XDG_RUNTIME_DIR=$1/run
    sessions=$XDG_STATE_HOME/coding-agents/sessions
    runtime=$XDG_RUNTIME_DIR/coding-agents/$session
    answers=$1/answers
    mkdir -p -m 700 "$sessions/$session" "$XDG_RUNTIME_DIR"
    chmod -R go= "$XDG_STATE_HOME"
    mkfifo "$1/commands"
    commands=$1/commands
    cat >"$sessions/$session/state.json" <<STATE
{"version":1,"session":"$session","phase":"running","agent":"shell","name":"x","repository":"/x","branch":"shell/x",
"host_branch":"shell/x","base_commit":"","image":"x","container":"coding-agents-$session",
"volume":"coding-agents-$session","network":"coding-agents-$session","engine_context":"","engine_id":"","is_interactive":false,
"is_persistent":false,"push_enabled":true,"created_at":"2026-01-01T00:00:00.000000Z","ended_at":"","exit_code":-1,
"cause":"","collected_commit":""}
STATE
}

# Starts the launcher and its keeper; lines for it go to descriptor 9.
begin() {
    "$LAUNCHER" "$KEEPER" --session "$session" <"$commands" >"$answers" 3>&- &
    launcher=$!
    exec 9>"$commands"
    await 10 grep -qx READY "$answers" || { cat "$answers" "$sessions/$session/keeper.log"; false; }
}

# await SECONDS COMMAND...: until it succeeds.
await() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# container OPTION... -- COMMAND...: as the launcher would, by name.
container() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    "$DOCKER" run -d --name "coding-agents-$session" --cap-drop ALL --security-opt no-new-privileges:true \
        "${options[@]}" --entrypoint /bin/sh "$IMAGE" -c "$*"
}

# ended CODE: waits for the keeper's last word and checks what it left.
ended() {
    await 30 grep -q ENDED "$answers" || { cat "$answers" "$sessions/$session/keeper.log"; false; }
    grep -qx "ENDED $1" "$answers"
    await 5 test ! -e "$runtime"
    grep -q "\"exit_code\":$1" "$sessions/$session/state.json"
    grep -q '"phase":"ended"' "$sessions/$session/state.json"
    grep -q '"event":"session-end".*"exit_code":'"$1" "$sessions/$session/events.jsonl"
    tail -n 1 "$sessions/$session/events.jsonl" | grep -q '"event":"audit-closed"'
    cmp "$sessions/$session/events.jsonl" <(grep "\"session\":\"$session\"" "$XDG_STATE_HOME/coding-agents/security-events.log")
}

@test "it records the container's exit code and removes its network" {
    begin
    "$DOCKER" network create "coding-agents-$session"
    echo STARTED >&9
    sleep 0.5
    container --network "coding-agents-$session" -- 'sleep 1; exit 7'
    ended 7
    grep -q '"cause":""' "$sessions/$session/state.json"
    run ! "$DOCKER" network inspect "coding-agents-$session"
}

@test "root of a container without any capability reaches it" {
    begin
    echo STARTED >&9
    local say=$BUILD/tests/helpers/channel-say
    container --network none --volume "$runtime/sockets:/sockets:ro" --volume "$say:/say:ro" -- \
        "/say /sockets/root.sock $session 1 '$STEP'"
    ended 0
    [ "$("$DOCKER" logs "coding-agents-$session")" = flushed ]
    grep -q '"event":"boot-step".*"program":"boot","uid":0}' "$sessions/$session/events.jsonl"
}

@test "a user of the container is refused and named" {
    begin
    echo STARTED >&9
    container --network none --user 10000 --volume "$runtime/sockets:/sockets:ro" \
        --volume "$BUILD/tests/helpers/channel-say:/say:ro" -- "/say /sockets/root.sock $session 1 '$STEP'"
    ended 1
    run -1 grep -q boot-step "$sessions/$session/events.jsonl"
    grep -q '"event":"limit-hit".*uid 10000' "$sessions/$session/events.jsonl"
}

@test "root of a container cannot pass for a program of the host" {
    begin
    echo STARTED >&9
    container --network none --volume "$runtime/sockets:/sockets:ro" \
        --volume "$BUILD/tests/helpers/channel-say:/say:ro" -- \
        "/say /sockets/root.sock $session 4 '{\"event\":\"override-used\",\"fields\":{\"what\":\"forged\"}}'"
    ended 1
    run -1 grep -q forged "$sessions/$session/events.jsonl"
    grep -q "a role that is not this uid's" "$sessions/$session/events.jsonl"
}

@test "a flood of root of a container is counted, delays nobody else, and is not what the log is made of" {
    local kept dropped log
    # In memory: a disk that is slow to sync would slow a flood below what is counted as one.
    rm -rf "$TEST_DIRECTORY"
    TEST_DIRECTORY=$(mktemp -d -p /dev/shm)
    make_session "$TEST_DIRECTORY"
    log=$sessions/$session/events.jsonl
    begin
    echo STARTED >&9
    container --network none --volume "$runtime/sockets:/sockets:ro" \
        --volume "$BUILD/tests/helpers/channel-say:/say:ro" -- \
        "/say /sockets/root.sock $session 1 '$STEP' 3 10000 & /say /sockets/root.sock $session 1 '$STEP' 3 10000; wait"
    await 60 grep -q ENDED "$answers"
    ended 0
    kept=$(grep -c '"event":"boot-step"' "$log")
    dropped=$(jq -s 'map(select(.event == "limit-hit" and .fields.what == "events").fields.count) | add' "$log")
    echo "kept $kept, dropped $dropped"
    [ "$((kept + dropped))" -eq 20000 ]
    [ "$kept" -lt 20000 ]
    # A line a second at most tells of them.
    [ "$(grep -c '"event":"limit-hit"' "$log")" -lt 150 ]
    "$BUILD/host/bin/coding-agents" audit verify "$session"
}

@test "it says that the container was killed" {
    begin
    echo STARTED >&9
    container --network none -- 'sleep 100'
    "$DOCKER" kill "coding-agents-$session"
    ended 137
    grep -q '"cause":"the container was killed' "$sessions/$session/state.json"
}

# As in a session, PID 1 survives what is killed below it: of a PID 1 that is killed itself the engine may never learn
# why, since its watch on the cgroup ends with the container.
@test "it says that the container ran out of memory" {
    local since
    since=$(date +%s)
    begin
    echo STARTED >&9
    container --network none --memory 16m --memory-swap 16m -- 'trap "exit 137" USR1; tail /dev/zero; while :; do sleep 0.1; done'
    engine_knows() {
        "$DOCKER" events --since "$since" --until "$(date +%s)" --filter event=oom --filter "container=coding-agents-$session" |
            grep -q .
    }
    await 60 engine_knows
    "$DOCKER" kill --signal USR1 "coding-agents-$session"
    ended 137
    grep -q '"cause":"the container ran out of memory"' "$sessions/$session/state.json"
}

@test "it says why the engine could not start the container" {
    begin
    echo STARTED >&9
    run ! "$DOCKER" run -d --name "coding-agents-$session" --network none --entrypoint /nonexistent "$IMAGE"
    ended 127
    grep -q '"cause":"the engine could not start the container: .*nonexistent' "$sessions/$session/state.json"
}

@test "it notices a container that is removed under it" {
    begin
    echo STARTED >&9
    container --network none -- 'sleep 100'
    await 10 grep -q true <("$DOCKER" inspect -f '{{.State.Running}}' "coding-agents-$session")
    sleep 1
    "$DOCKER" rm -f "coding-agents-$session"
    await 30 grep -q ENDED "$answers"
    grep -q '"phase":"ended"' "$sessions/$session/state.json"
    grep -Eq '"cause":"the container was (killed|removed)' "$sessions/$session/state.json"
}

@test "it outlives its launcher" {
    begin
    echo STARTED >&9
    container --network none -- 'sleep 3; exit 5'
    kill -KILL "$launcher"
    await 30 grep -q '"exit_code":5' "$sessions/$session/state.json"
    await 5 test ! -e "$runtime"
    tail -n 1 "$sessions/$session/events.jsonl" | grep -q audit-closed
}

@test "a container outlives its keeper" {
    begin
    echo STARTED >&9
    container --network none -- 'sleep 3; exit 5'
    kill -KILL "$(sed -n 's/.* process \([0-9]*\) keeps .*/\1/p' "$sessions/$session/keeper.log")"
    [ "$(timeout 20 "$DOCKER" wait "coding-agents-$session")" = 5 ]
    grep -q '"phase":"running"' "$sessions/$session/state.json"
}

@test "it ends when the launcher gives up" {
    begin
    echo "ABANDON the image is missing" >&9
    ended -1
    grep -q '"cause":"nothing was started: the image is missing"' "$sessions/$session/state.json"
}

@test "it ends a minute after a launcher that started nothing" {
    session=$(cat "$FILE_DIRECTORY/session")
    local directory=$FILE_DIRECTORY/state/coding-agents/sessions/$session
    await 70 grep -q '"phase":"ended"' "$directory/state.json"
    grep -q '"cause":"nothing was started: the launcher ended' "$directory/state.json"
    await 5 test ! -e "$FILE_DIRECTORY/run/coding-agents/$session"
}

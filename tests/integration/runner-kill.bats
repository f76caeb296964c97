#!/usr/bin/env bats
# The task runner, and the service that makes its sandboxes, killed again and again under load. Nothing runs twice, or
# untrapped, or keeps its caller waiting longer than it is patient; what ran is on record.
# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0
load common
load session

# Callers of their own, and commands of each at a time.
CALLERS=6
PARALLEL=2

setup_file() {
    session_setup_file
    export STORM_IMAGE=coding-agents-storm-$$:test
    driver_image "$STORM_IMAGE" "$BATS_FILE_TMPDIR/image"
    PATIENCE_MS=$(awk '$2 == "TASK_CLIENT_PATIENCE_MS" { print $3 }' "$ROOT/sandbox/task-client/connection.h")
    export PATIENCE_MS
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$STORM_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=storm-$BATS_TEST_NUMBER-$$
    WORK=$BATS_TEST_TMPDIR/work
    new_repository "$REPO"
    mkdir "$WORK"
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# make_commands COUNT: each says once who it was, and is killed before, while or after it does.
make_commands() {
    # shellcheck disable=SC2016 # expanded inside
    printf '%s\n' 'echo "$1 $(id -u)" >>/workspace/executed' 'case $1 in *[0-4]) sleep 0.2 ;; *) sleep 0.05 ;; esac' \
        >"$REPO/command"
    seq -f $'/bin/sh\t/workspace/command\tmark-%.0f' "$1" >"$REPO/commands"
    : >"$REPO/executed"
}

inside() {
    "$DOCKER" exec -i --user "$1" "$CONTAINER" "${@:2}"
}

# How many were told of success.
count_succeeded() {
    inside 10000 grep -c ' 0 [0-9]*$' /workspace/statuses || true
}

has_succeeded() {
    [ "$(count_succeeded)" -ge "$1" ]
}

start_session() {
    "$CA" run shell "$REPO" --name "$NAME" --image "$STORM_IMAGE" -- \
        "$DRIVER" /workspace/commands "$PARALLEL" /workspace/statuses "$CALLERS" \
        >"$BATS_TEST_TMPDIR/session" 2>&1 </dev/null &
    SESSION=$!
    wait_for 60 "$CA" status "$NAME"
    CONTAINER=$(container_of "$NAME")
    wait_for 60 has_succeeded 1
}

# storm SERVICE COUNT LEAST MOST: kills it so often, milliseconds apart, each time another process than the last.
storm() {
    # shellcheck disable=SC2016 # expanded inside
    inside 0 bash -s "$@" <<'STORM'
last=
for ((i = 0; i < $2;)); do
    wait=$(($3 + RANDOM % ($4 - $3)))
    sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
    pid=$(agent-initctl status --json | jq --arg name "$1" '.services[] | select(.name == $name).pid // empty') || exit
    if [ -n "$pid" ] && [ "$pid" != "$last" ] && kill -KILL "$pid"; then
        last=$pid
        i=$((i + 1))
    fi
done
STORM
}

# What PID 1 counted.
restarts() {
    inside 0 agent-initctl status --json | jq --arg name "$1" '.services[] | select(.name == $name).restarts'
}

has_restarted() {
    [ "$(restarts "$1")" -eq "$2" ]
}

judge() {
    "$ROOT/tests/integration/storm-judge" "$@"
}

compare() {
    "$ROOT/tests/integration/record-compare" --killed "$@"
}

# start ID MARKER, end ID CODE: lines of an audit log.
start() {
    printf '{"event":"exec-start","source":{"pid":7},"fields":{"id":"%s","verdict":"sandbox","argv":["sh","%s"]}}\n' "$@"
}

end() {
    printf '{"event":"exec-end","source":{"pid":7},"fields":{"id":"%s","exit_code":%d}}\n' "$@"
}

# kill_again SERVICE COUNT LEAST MOST: that storm; afterwards commands run at once, for the operator and the agent alike.
kill_again() {
    local before
    storm "$@"
    before=$(count_succeeded)
    inside 10000 timeout "$((PATIENCE_MS / 1000))" agent-task-runnerctl exec -- sh /workspace/command "mark-after-$1"
    echo "mark-after-$1 0 0" >>"$WORK/operator"
    wait_for "$((PATIENCE_MS / 1000))" has_succeeded "$((before + CALLERS))"
    wait_for 10 has_restarted "$1" "$2"
}

@test "the judge sees a command that ran twice, or not, or as another, and who waited" {
    cd "$WORK"
    printf 'mark-%d 10000\n' 1 2 3 >executed
    printf 'mark-%d %d %d\n' 1 0 20 2 137 30 3 0 40 4 126 10 >statuses
    judge executed statuses 40
    run -1 judge <(cat executed; echo mark-2 10000) statuses 40
    [[ $output == *"mark-2 ran more than once"* ]]
    run -1 judge <(sed 1d executed) statuses 40
    [[ $output == *"mark-1 is said to have succeeded, and did not run"* ]]
    run -1 judge <(sed 's/mark-3 10000/mark-3 10001/' executed) statuses 40
    [[ $output == *"mark-3 ran as uid 10001"* ]]
    run -1 judge executed statuses 39
    [[ $output == *"mark-3 took 40 ms"* ]]
    run -1 judge <(cat executed; echo mark-5 10000) statuses 40
    [[ $output == *"nobody was told how mark-5 ended"* ]]
    run -1 judge executed <(sed 's/ 0 / 1 /' statuses) 40
    [[ $output == *"no command succeeded"* ]]
}

@test "the comparison with the record sees one that ran without record, or twice, and an end that was told otherwise" {
    cd "$WORK"
    # The second was lost while it ran, the third before it did, and the record of the fourth's end with the runner.
    { start t1 mark-1; end t1 0; start t2 mark-2; end t2 137; start t3 mark-3; start t4 mark-4; } >events
    printf 'mark-%d\n' 1 2 4 >executed
    printf 'mark-%d %d\n' 1 0 2 126 3 137 4 0 >statuses
    compare events executed statuses
    run -1 compare events <(cat executed; echo mark-5) statuses
    [[ $output == *"> mark-5"* ]]
    run -1 compare events <(cat executed; echo mark-1) statuses
    [[ $output == *"> mark-1"* ]]
    run -1 compare <(cat events; start t5 mark-4) executed statuses
    [[ $output == *"< mark-4"* ]]
    run -1 compare events executed <(sed 's/mark-1 0/mark-1 1/' statuses)
    [[ $output == *"< mark-1 0"*"> mark-1 1"* ]]
}

@test "the runner, then the service of sandboxes, killed again and again: no command twice, untrapped or hanging" {
    local kills=15 service_kills=5
    if [ "${SOAK:-0}" = 1 ]; then
        kills=1000 service_kills=100
    fi
    # More than so many callers can ask for in that time.
    make_commands "$((kills * 100 + service_kills * 200 + 3000))"
    start_session
    # PID 1 takes a hundred restarts of the runner in ten seconds, and twenty of the service, for a program that cannot
    # live: at most 83 and 16 of these.
    kill_again runner "$kills" 120 500
    kill_again sandbox "$service_kills" 600 900
    # There was load to the end: the list was not through.
    inside 10000 rm /workspace/commands
    wait_for 60 grep -q '^done' "$BATS_TEST_TMPDIR/session"
    wait "$SESSION"
    tail -5 "$BATS_TEST_TMPDIR/session"
    git -C "$REPO" archive "shell/$NAME" | tar -x -C "$WORK"
    [ "$(wc -l <"$WORK/statuses")" -lt "$(wc -l <"$REPO/commands")" ]
    # The storm met the load: some were lost with it.
    [ "$(grep -cE ' (126|137) [0-9]+$' "$WORK/statuses")" -gt 0 ]
    cat "$WORK/operator" >>"$WORK/statuses"
    run judge "$WORK/executed" "$WORK/statuses" "$PATIENCE_MS"
    printf '# %s\n' "${lines[@]}" >&3
    [ "$status" -eq 0 ]
    events_of "$NAME" >"$WORK/events"
    compare "$WORK/events" <(cut -d ' ' -f 1 "$WORK/executed") <(cut -d ' ' -f 1,2 "$WORK/statuses")
    "$CA" record "$NAME" >/dev/null
}

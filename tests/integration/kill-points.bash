# Kills at chosen points of a session's life, and judges what is left: the user's repository, the work, the engine.
# What counts as hit is read afterwards, from what the container said and from the audit log, never from what was
# planned.
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the tests

# Where a container can be killed, in the order of its life. Those of boot and shutdown have the names of their rows.
CONTAINER_PHASES=(start up-kernel up-manifest up-mounts up-workspace up-git up-data up-runner up-drop up-setup
    up-agent running stopping sweeping down-data down-git down-mounts)
KILL_IN_ROW=$BUILD/tests/helpers/kill-in-row
KILL_AFTER=$BUILD/tests/helpers/kill-after

# What begins a row: the report of the one before it.
declare -gA ROW_BEGINS=([up-kernel]='' [up-manifest]='  kernel       up' [up-mounts]='  manifest     up'
    [up-workspace]='  mounts       up' [up-git]='  workspace    up' [up-data]='  git          up'
    [up-runner]='  data         up' [up-drop]='  runner       up' [up-setup]='  drop         up'
    [up-agent]='boot finished' [down-data]='  history      skipped' [down-git]='  data         down'
    [down-mounts]='  git          down')
# How far into a row kills go: system calls of agent-boot itself, of which the first ones may come before the row, and
# for what others do in it, microseconds.
declare -gA ROW_LEAST=([up-kernel]=300)
declare -gA ROW_CALLS=([up-kernel]=600 [up-workspace]=5000 [down-data]=300 [down-git]=1000)
declare -gA ROW_TIME=([down-git]=250000)
# What the agent does about TERM where that matters.
declare -gA MANNERS=([stopping]='trap "" TERM'
    [sweeping]='(trap "" TERM; exec setsid sleep 600) & trap "exit 0" TERM')

kills_setup_file() {
    session_setup_file
    # What `list` prints is typed as it stands.
    PATH=${CA%/*}:$(dirname "$DOCKER"):$PATH
    REPO=$BATS_FILE_TMPDIR/repo
    HITS=$BATS_FILE_TMPDIR/hits
    RANDOM=${KILL_SEED:-1}
    export PATH REPO HITS
    new_repository "$REPO"
    mkdir "$REPO/src" "$BATS_FILE_TMPDIR/claims"
    (cd "$REPO/src" && seq 400 | split -l 1 -a 3 -)
    git -C "$REPO" add .
    git -C "$REPO" commit -q -m 'Some files'
    echo dirty >>"$REPO/src/aaa"
    echo untracked >"$REPO/untracked"
    git init -q --bare "$BATS_FILE_TMPDIR/observer"
    git -C "$REPO" status >/dev/null
    repository_now >"$BATS_FILE_TMPDIR/before"
    BASE=$(git -C "$REPO" rev-parse HEAD)
    export BASE
}

# Everything of the user's repository but the sessions' branches and the objects that came with them.
repository_now() {
    local git=(git -C "$REPO" --no-optional-locks)
    "${git[@]}" for-each-ref | grep -v 'refs/heads/shell/' || true
    "${git[@]}" symbolic-ref HEAD
    "${git[@]}" status --porcelain=v2 --untracked-files=all --ignored
    (cd "$REPO" && sha256sum .git/index .git/config && find . -path ./.git -prune -o -printf '%p %y %m %T@\n' |
        LC_ALL=C sort && find . -path ./.git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

# slurp FILE: its text in TEXT, without a process.
slurp() {
    TEXT=
    if [ -e "$1" ]; then IFS= read -r -d '' TEXT <"$1" || true; fi
}

# begin NAME PHASE OPTION...: a session whose agent writes one file after the other and says so. Sets LAUNCHER, OUT.
begin() {
    NAME=$1
    OUT=$BATS_TEST_TMPDIR/$NAME.out
    SESSION='' STATE='' PROCS='' IS_ALONE=no
    : >"$OUT"
    # shellcheck disable=SC2016 # for the shell inside
    "$CA" run shell "$REPO" --name "$NAME" "${@:3}" -- bash -c "${MANNERS[$2]:-trap 'exit 0' TERM}"'
        mkdir work
        for ((i = 1; ; i++)); do
            echo "work $i" >next.ignored && mv next.ignored "work/$i" && echo "wrote $i" || exit 1
            read -r -t 0.02 <> <(:) _
        done' >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
}

# soon COMMAND...: looks without rest until the command succeeds, for a minute or while there is a launcher; one that was
# killed here leaves a container that goes on.
soon() {
    local end=$((SECONDS + 60))
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ] || { [ "$IS_ALONE" = no ] && [ ! -d "/proc/$LAUNCHER" ]; }; then return 1; fi
    done
}

# find_session: SESSION and STATE, once the launcher has said it.
find_session() {
    slurp "$OUT"
    [[ $TEXT =~ session\ $NAME\ \(([a-z2-7]{8})\)\ works ]] || return 1
    SESSION=${BASH_REMATCH[1]}
    STATE=$XDG_STATE_HOME/coding-agents/sessions/$SESSION
}

# find_container: PROCS, the control group's list of processes under either driver and version.
find_container() {
    local path
    [ -n "$SESSION" ] || find_session || return 1
    slurp "$STATE/container-id"
    [ -n "$TEXT" ] || return 1
    for path in /sys/fs/cgroup/{,pids/}{docker/"$TEXT",system.slice/docker-"$TEXT".scope}/cgroup.procs; do
        if [ -e "$path" ]; then PROCS=$path; fi
    done
    [ -n "$PROCS" ]
}

# find_process PATTERN: PID of the container's process that is called so.
find_process() {
    local name
    while read -r PID; do
        # shellcheck disable=SC2053 # a pattern
        { read -r name <"/proc/$PID/comm" && [[ $name == $1 ]] && return 0; } 2>/dev/null
    done 2>/dev/null <"$PROCS"
    return 1
}

claims() {
    slurp "$OUT"
    [[ $TEXT == *$'\nwrote 3\n'* ]]
}

has_event() {
    slurp "$STATE/events.jsonl"
    [[ $TEXT == *"\"kind\":\"$1\""* ]]
}

nobody_watches() {
    if [ "$WATCHED" = no ]; then
        kill -KILL "$LAUNCHER" 2>/dev/null || true
        IS_ALONE=yes
    fi
}

# kill_first PATTERN: the process, which is or becomes PID 1. One that has just become another is none.
kill_first() {
    find_process "$1" && nobody_watches && kill -KILL "$PID" 2>/dev/null
}

# kill_in_row PHASE [COMMAND...]: the command is what makes agent-boot start. Who dies is PID 1, or who IN_ROW kills.
kill_in_row() {
    nobody_watches
    "$KILL_IN_ROW" "$PROCS" "${ROW_BEGINS[$1]}" $((${ROW_LEAST[$1]:-0} + RANDOM % ${ROW_CALLS[$1]:-40})) \
        $((RANDOM * 30 % ${ROW_TIME[$1]:-1000000} + 1)) ${IN_ROW:+bash -c "$IN_ROW"} 3>&- &
    "${@:2}"
    wait "$!"
}

# kill_in PHASE: brings the session there and kills the container. 1: it did not get there.
kill_in() {
    soon find_container || return 1
    case $1 in
    # Not the process before it, which may have made it by then and ends anyway.
    start) soon kill_first 'runc:\[2:INIT\]' ;;
    up-*) kill_in_row "$1" ;;
    *)
        soon claims && soon find_process agent-init || return 1
        case $1 in
        running) sleep "0.$((RANDOM % 5))" ;;
        stopping) kill -TERM "$PID" && soon has_event stop-requested ;;
        sweeping) kill -TERM "$PID" && soon has_event stop-escalated ;;
        down-*) kill_in_row "$1" kill -TERM "$PID" && return 0 ;;
        esac && kill_first agent-init
        ;;
    esac
}

# phase_hit: PHASE, the one in which the container ended. What it said is whole: its client has ended.
phase_hit() {
    local line
    PHASE=start
    while IFS= read -r line; do
        case $line in
        'coding-agents '[0-9]*) PHASE=up-kernel ;;
        '  '*' ms  '*) phase_after "${line:2}" ;;
        esac
    done <"$OUT"
    if [ "$PHASE" != running ]; then return; fi
    if has_event stop-requested; then PHASE=stopping; fi
    if has_event stop-escalated; then PHASE=sweeping; fi
    if has_event shutdown-started; then PHASE=down-data; fi
}

# phase_after REPORT: of a row.
phase_after() {
    local row=${1%% *} i way=up
    if [[ $1 == *' down '* || $1 == *' failed '* ]]; then way=down; fi
    for i in "${!CONTAINER_PHASES[@]}"; do
        if [ "${CONTAINER_PHASES[i]}" = "$way-$row" ]; then PHASE=${CONTAINER_PHASES[i + 1]:-ended}; fi
    done
}

not_running() {
    ! pgrep -f -- "$1" >/dev/null
}

is_down() {
    [ -z "$("$DOCKER" ps -q --no-trunc --filter "name=$CONTAINER")" ]
}

# ends: what still runs of the session ends by itself.
ends() {
    if [ "$WATCHED" = no ]; then wait "$LAUNCHER" 2>/dev/null || true; fi
    wait_for 180 is_down
    CODE=0
    if [ "$WATCHED" = yes ]; then wait "$LAUNCHER" || CODE=$?; fi
    # For a container that never appears the keeper waits a minute, and then removes the network.
    wait_for 90 not_running "coding-agents-keeper --session $SESSION"
    wait_for 30 not_running "docker run .*--name $CONTAINER "
}

# tree_in_volume: an observer's hash of what the session left, by none of the session's own git data.
tree_in_volume() {
    local git=(git --git-dir "$BATS_FILE_TMPDIR/observer" --work-tree "$MOUNTPOINT/workspace")
    rm -f "$BATS_FILE_TMPDIR/observer/index"
    (cd "$MOUNTPOINT/workspace" && "${git[@]}" add -A . && "${git[@]}" write-tree)
}

# has_claims BRANCH: every file that the agent said it had written, with what it wrote.
has_claims() {
    local last i
    last=$(sed -n 's/^wrote //p' "$OUT" | tail -1)
    for ((i = 1; i <= ${last:-0}; i++)); do echo "work $i"; done >"$BATS_TEST_TMPDIR/claimed"
    for ((i = 1; i <= ${last:-0}; i++)); do echo "$1:work/$i"; done |
        git -C "$REPO" cat-file --batch | grep '^work ' | cmp - "$BATS_TEST_TMPDIR/claimed"
}

# One command that `list` prints for this session.
command_of_list() {
    "$CA" list | sed -n "s/^  \(coding-agents .*$SESSION.*\)/\1/p"
}

# comes_back: the work, by what `list` says, unless the launcher has fetched it.
comes_back() {
    local command
    command=$(command_of_list)
    if [ "$WATCHED" = yes ] && [ "$CODE" -ne 208 ]; then
        [ -z "$command" ]
    else
        echo "list says: $command"
        eval "$command"
    fi
    [ "$(git -C "$REPO" rev-parse "shell/$NAME^{tree}")" = "$(tree_in_volume)" ]
    has_claims "shell/$NAME"
    [ -z "$(command_of_list)" ]
    "$CA" remove "$NAME"
}

# nothing_ran: nothing is claimed, nothing is asked.
# shellcheck disable=SC2154 # bats sets stderr
nothing_ran() {
    tail -n 3 "$STATE/events.jsonl"
    [ -z "$(command_of_list)" ]
    [ "$(git -C "$REPO" rev-parse "shell/$NAME")" = "$BASE" ]
    run --separate-stderr "$CA" sync "$NAME"
    [ "$status" -eq 206 ]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    [[ $stderr == *'there is no work'* ]]
    "$CA" remove "$NAME"
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
}

# nothing_is_left: of the session, anywhere but on its branch; and the repository is what it was.
nothing_is_left() {
    [ -z "$("$DOCKER" ps -aq --filter "name=$CONTAINER")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=$CONTAINER")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=$CONTAINER")" ]
    [ ! -e "$STATE" ]
    [ "$(grep -c "$CONTAINER" /proc/self/mountinfo)" -eq 0 ]
    not_running "$SESSION"
    repository_now | diff "$BATS_FILE_TMPDIR/before" -
}

# judge: what is left of a session whose container was killed.
judge() {
    CONTAINER=coding-agents-$SESSION
    ends
    phase_hit
    if [ -e "$STATE" ]; then
        MOUNTPOINT=$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$CONTAINER")
        if grep -q '"event":"boot-report"' "$STATE/events.jsonl"; then comes_back; else nothing_ran; fi
    else
        # Nothing ran, and the launcher, which saw it, took everything back.
        [ "$WATCHED" = yes ]
        [[ $PHASE == start || $PHASE == up-* ]]
        [[ $CODE == 137 || $CODE == 207 ]]
        run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
    fi
    nothing_is_left
    git -C "$REPO" branch -q -D "shell/$NAME" 2>/dev/null || true
    echo "$PHASE" >>"$HITS"
}

# container_point NUMBER PHASE: one kill; PHASE afterwards is where it came.
container_point() {
    # Somebody watches every other time, and the other way round in the next turn.
    WATCHED=yes
    if [ $((($1 + $1 / ${#CONTAINER_PHASES[@]}) % 2)) -eq 0 ]; then WATCHED=no; fi
    begin "kill-$1" "$2" --network restricted
    if ! kill_in "$2"; then
        echo "did not get to $2"
        if [ "$IS_ALONE" = yes ]; then soon kill_first agent-init || true; else kill_first agent-init || true; fi
    fi
    judge
    echo "point $1: $2, hit $PHASE, watched: $WATCHED"
}

# points COUNT POINT PHASE...: so many calls of POINT, the phases in turn. One that came too late counts where it came,
# and is tried again.
points() {
    local number try wanted phases=("${@:3}")
    for ((number = 0; number < $1; number++)); do
        wanted=${phases[number % ${#phases[@]}]}
        for try in {1..12}; do
            "$2" "$number" "$wanted"
            if [ "$PHASE" = "$wanted" ]; then break; fi
        done
    done
}

# hits PHASE...: how often each was hit, shown; none of them never.
hits() {
    local phase count missed=0
    for phase in "$@"; do
        count=$(grep -cx -- "$phase" "$HITS" || true)
        printf '# killed in %-14s %4d times\n' "$phase" "$count" >&3
        if [ "$count" -eq 0 ]; then missed=1; fi
    done
    [ "$missed" -eq 0 ]
}

# --- those who watch ---------------------------------------------------------------------------------------

# How far a launcher can have come, and what it does at the time.
LAUNCHER_PHASES=(nothing planned network volume container)
declare -gA LAUNCHER_DOES=([nothing]='docker version' [network]='docker network create' [volume]='docker volume create'
    [container]='docker run ')

# does COMMAND: a child of the launcher is that command.
does() {
    local child children words
    # The list ends without a newline, which read takes for a failure.
    { read -r -a children <"/proc/$LAUNCHER/task/$LAUNCHER/children" || true; } 2>/dev/null
    for child in ${children[@]+"${children[@]}"}; do
        mapfile -d '' words 2>/dev/null <"/proc/$child/cmdline" || continue
        if [[ ${words[*]} == "$1"* ]]; then return 0; fi
    done
    return 1
}

has_plan() {
    [ -e "$(echo "$XDG_STATE_HOME"/coding-agents/sessions/*/manifest.json)" ]
}

# what_is_there: PHASE, how far a launcher came that was killed. Its last child may finish what it was about.
what_is_there() {
    PHASE=nothing
    STATE=$(echo "$XDG_STATE_HOME"/coding-agents/sessions/*)
    if [ ! -e "$STATE" ]; then return; fi
    SESSION=${STATE##*/}
    CONTAINER=coding-agents-$SESSION
    PHASE=planned
    if "$DOCKER" network inspect "$CONTAINER" >/dev/null 2>&1; then PHASE=network; fi
    if "$DOCKER" volume inspect "$CONTAINER" >/dev/null 2>&1; then PHASE=volume; fi
    if "$DOCKER" container inspect "$CONTAINER" >/dev/null 2>&1; then PHASE=container; fi
}

# settles: what it had just asked the engine for comes about, on a busy machine later.
settles() {
    local before
    PHASE=
    until
        before=$PHASE
        sleep 1.5
        what_is_there
        [ "$PHASE" = "$before" ]
    do :; done
}

is_running() {
    "$CA" status "$SESSION" --json | holds '.phase == "running"' >/dev/null
}

claims_in_container() {
    "$DOCKER" exec "$CONTAINER" test -e /workspace/work/3
}

# judge_launcher: a session that goes on is stopped by its name in list, and brings its work; of any other nothing
# is claimed. Both can be removed at once.
judge_launcher() {
    local start=$SECONDS
    if [ "$PHASE" = nothing ]; then
        repository_now | diff "$BATS_FILE_TMPDIR/before" -
        return
    fi
    if [ "$PHASE" = container ]; then
        wait_for 60 is_running
        wait_for 60 claims_in_container
        "$CA" list | grep -q "^$SESSION  running "
        "$CA" stop "$SESSION"
        MOUNTPOINT=$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$CONTAINER")
        [ "$(git -C "$REPO" rev-parse "shell/$NAME^{tree}")" = "$(tree_in_volume)" ]
    else
        [ -z "$(command_of_list)" ]
    fi
    "$CA" remove "$SESSION"
    echo "removed after $((SECONDS - start)) s"
    wait_for 30 not_running "$SESSION"
    nothing_is_left
}

# launcher_point NUMBER PHASE: the launcher is killed while it is about that; PHASE afterwards is how far it had come.
launcher_point() {
    local asks=no
    begin "launcher-$1" running
    if [ "$2" = planned ]; then
        soon has_plan
    else
        soon does "${LAUNCHER_DOES[$2]}"
        sleep "0.0$((RANDOM % 30))"
        if does "${LAUNCHER_DOES[$2]}"; then asks=yes; fi
    fi
    kill -KILL "$LAUNCHER" 2>/dev/null
    wait "$LAUNCHER" 2>/dev/null || true
    settles
    # Its keeper, which saw it die, may have removed the network since.
    if [ "$2 $asks $PHASE" = 'network yes planned' ]; then PHASE=network; fi
    judge_launcher
    git -C "$REPO" branch -q -D "shell/$NAME" 2>/dev/null || true
    echo "point $1: $2, hit $PHASE"
    echo "$PHASE" >>"$HITS"
}

# keeper_point PHASE: the keeper is killed in a phase of the container's life, and the container then.
keeper_point() {
    WATCHED=no
    begin "keeper-$1" running --network restricted
    soon find_container
    case $1 in
    up-*)
        pkill -KILL -f -- "coding-agents-keeper --session $SESSION"
        kill_in_row "$1" || kill_first agent-init || true
        ;;
    *)
        soon claims && soon find_process agent-init
        pkill -KILL -f -- "coding-agents-keeper --session $SESSION"
        kill_first agent-init
        ;;
    esac
    CONTAINER=coding-agents-$SESSION
    ends
    phase_hit
}

# kill_engine: once it has written down that the container runs. One that is killed before it has forgets that container
# and lets it run: docs/sessions.md.
kill_engine() {
    wait_for 30 is_written_down
    kill -KILL "$(cat "$SOCKETS/engine.pid")"
    wait_for 60 has_ended "$(cat "$SOCKETS/engine.pid")"
}

is_written_down() {
    holds .State.Running "$ENGINE/data/containers/$(cat "$STATE/container-id")/config.v2.json"
}

# engine_point NUMBER PHASE: the engine is killed while agent-boot stands in that row, and started again. Needs
# engine.bash. What it runs goes on without it, until it is back and ends it.
engine_point() {
    WATCHED=yes
    if [ $(($1 % 2)) -eq 0 ]; then WATCHED=no; fi
    begin "engine-$1" "$2" --network restricted
    PHASE=$2
    export -f kill_engine is_written_down has_ended wait_for
    export STATE
    if ! IN_ROW=kill_engine kill_in "$2"; then
        echo "did not get to $2"
        if [ "$IS_ALONE" = yes ]; then soon kill_first agent-init || true; else kill_first agent-init || true; fi
        HITS=/dev/null judge
        PHASE=none
        return
    fi
    CODE=0
    wait "$LAUNCHER" 2>/dev/null || CODE=$?
    start_engine
    judge_engine
    echo "point $1: $2, hit $PHASE, watched: $WATCHED, the launcher ended with $CODE"
    echo "$PHASE" >>"$HITS"
}

judge_engine() {
    CONTAINER=coding-agents-$SESSION
    wait_for 180 is_down
    wait_for 30 not_running "coding-agents-keeper --session $SESSION"
    wait_for 30 not_running "docker run .*--name $CONTAINER "
    MOUNTPOINT=$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$CONTAINER")
    # Nothing was fetched by a launcher without an engine.
    [ "$WATCHED" = no ] || [ "$CODE" -eq 201 ]
    WATCHED=no
    if grep -q '"event":"boot-report"' "$STATE/events.jsonl"; then comes_back; else nothing_ran; fi
    nothing_is_left
    git -C "$REPO" branch -q -D "shell/$NAME" 2>/dev/null || true
}

# How far a collector can have come, by what it left.
COLLECT_PHASES=(asked saving saved fetched recorded)
# How many stops of system calls after the change of collect_path it is killed, at most.
declare -gA COLLECT_CALLS=([asked]=700 [saved]=250 [fetched]=200 [recorded]=12)

collect_path() {
    case $1 in
    asked) ;;
    saved) echo "$STATE/recovered" ;;
    fetched) echo "$REPO/.git/refs/heads/shell/$NAME" ;;
    recorded) echo "$STATE/events.jsonl" ;;
    esac
}

is_saving() {
    [ -n "$("$DOCKER" ps -aq --filter "name=$CONTAINER-recover")" ]
}

# kill_collector PHASE COMMAND...
kill_collector() {
    if [ "$1" != saving ]; then
        "$KILL_AFTER" "$(collect_path "$1")" $((RANDOM % ${COLLECT_CALLS[$1]})) "${@:2}" || echo 'it was over before'
        return
    fi
    "${@:2}" 3>&- &
    LAUNCHER=$!
    soon is_saving || true
    kill -KILL "$LAUNCHER" || true
    wait "$LAUNCHER" 2>/dev/null || true
}

# collect_hit: PHASE, how far a collector came that was killed.
collect_hit() {
    PHASE=asked
    if is_saving; then PHASE=saving; fi
    if [ -e "$STATE/recovered" ]; then PHASE=saved; fi
    if [ "$(git -C "$REPO" rev-parse "shell/$NAME")" != "$BASE" ]; then PHASE=fetched; fi
    if grep -q '"event":"work-collected"' "$STATE/events.jsonl"; then PHASE=recorded; fi
    if [ -z "$(command_of_list)" ]; then PHASE=collected; fi
}

# collect_point NUMBER PHASE: a killed container's collector is killed, and the next one follows at once.
collect_point() {
    WATCHED=no
    begin "collect-$1" running --network restricted
    soon find_container && soon claims && soon find_process agent-init
    kill_first agent-init
    CONTAINER=coding-agents-$SESSION
    ends
    # shellcheck disable=SC2046 # words
    kill_collector "$2" $(command_of_list)
    collect_hit
    repository_now | diff "$BATS_FILE_TMPDIR/before" -
    MOUNTPOINT=$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$CONTAINER")
    comes_back
    wait_for 60 not_running "$SESSION"
    nothing_is_left
    git -C "$REPO" branch -q -D "shell/$NAME"
    echo "point $1: $2, hit $PHASE"
    echo "$PHASE" >>"$HITS"
}

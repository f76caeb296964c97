#!/bin/bash
# A command through the exec trap against the same spawn untrapped and in a sandbox of bwrap with comparable namespaces,
# interleaved, all in one container: one caller and 32, execs inside a command, and the memory that waits for commands.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

COMMAND=/usr/bin/true
ONE=${EXEC_BENCH_ONE:-200}       # commands of one caller, a repeat
MANY=${EXEC_BENCH_MANY:-640}     # of 32 callers together
NESTED=${EXEC_BENCH_NESTED:-1000} # inside one command
WAYS=(untrapped bwrap trapped)

# What a command's sandbox has: mounts, processes and System V IPC of its own, no capabilities.
BWRAP=(/usr/local/bin/bwrap --unshare-pid --unshare-ipc --die-with-parent --ro-bind /usr /usr --ro-bind /etc /etc
    --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/sbin /sbin
    --bind /workspace /workspace --bind /home/agentuser /home/agentuser --bind /tmp /tmp --proc /proc --dev /dev
    --cap-drop ALL --chdir /workspace)

# measure WAY COUNT CALLERS PROGRAM...: the probe's answer.
measure() {
    if [ "$1" != bwrap ]; then
        probe_measure "$@"
        return
    fi
    inside 0 "$PROBE" measure "$2" "$3" /tmp/bench-answer "${BWRAP[@]}" "${@:4}"
    inside 0 cat /tmp/bench-answer
}

# nested WAY: an answer about execs inside one command.
nested() {
    local answer=/tmp/bench-nested-$1 user=10000
    # What bwrap starts stays root, which may write nothing of others here.
    if [ "$1" = bwrap ]; then user=0; fi
    inside "$user" rm -f "$answer"
    measure "$1" 1 1 "$PROBE" measure "$NESTED" 1 "$answer" "$COMMAND" >/dev/null
    inside "$user" cat "$answer"
}

# KiB that belong to PROGRAM's processes alone.
private_memory() {
    local pid
    "$DOCKER" top "$CONTAINER" -eo pid,args | awk -v program="$1" '$2 ~ program { print $1 }' | while read -r pid; do
        "${as_root[@]}" cat "/proc/$pid/smaps_rollup"
    done | awk '/^Private_/ { sum += $2 } END { print sum + 0 }'
}

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
probe_image "$(command -v bwrap)" <<DOCKERFILE
COPY bwrap /usr/local/bin/
DOCKERFILE
probe_start_session
for ((i = 0; i < REPEATS; i++)); do
    # Another one goes first each time.
    for ((j = 0; j < ${#WAYS[@]}; j++)); do
        way=${WAYS[(i + j) % ${#WAYS[@]}]}
        measure "$way" "$ONE" 1 "$COMMAND" | keep one "$way"
        measure "$way" "$MANY" 32 "$COMMAND" | keep many "$way"
        nested "$way" | keep nested "$way"
    done
    sleep 1
    private_memory agent-task-runnerd >>"$WORK/memory-runner"
    private_memory agent-task- >>"$WORK/memory-all"
done
probe_stop_session

# added KEY NAME WAY: what WAY adds to the untrapped spawn of the same repeat.
added() {
    paste "$WORK/$1-$2-$3" "$WORK/$1-$2-untrapped" | awk '{ printf "%.1f\n", $1 - $2 }'
}

for key in p50 p99; do
    tell "exec $key, untrapped" us "one caller, $ONE a repeat" <"$WORK/$key-one-untrapped"
    for way in bwrap trapped; do
        added "$key" one "$way" | tee "$WORK/added-$key-$way" | tell "exec $key, added, $way" us 'one caller, paired'
    done
    tell_ratio "exec $key, added, trapped to bwrap" paired "$WORK/added-$key-trapped" "$WORK/added-$key-bwrap"
done
for way in "${WAYS[@]}"; do
    tell "exec throughput, $way" /s "32 callers, $MANY a repeat" <"$WORK/rate-many-$way"
    tell "exec p99 of 32 callers, $way" us '' <"$WORK/p99-many-$way"
done
tell_ratio 'exec throughput, trapped to bwrap' '32 callers, paired' "$WORK/rate-many-trapped" "$WORK/rate-many-bwrap"
tell 'exec failures, trapped' runs 'one caller and 32' < <(paste "$WORK/failed-one-trapped" "$WORK/failed-many-trapped" |
    awk '{ print $1 + $2 }')
for key in p50 p99; do
    for way in "${WAYS[@]}"; do
        tell "exec inside a command $key, $way" us "$NESTED a repeat" <"$WORK/$key-nested-$way"
    done
    added "$key" nested trapped | tell "exec inside a command $key, added, trapped" us paired
done
tell 'exec memory, private, runner' KB 'agent-task-runnerd' <"$WORK/memory-runner"
tell 'exec memory, private, all' KB 'with the sandbox service and its warm sandboxes' <"$WORK/memory-all"

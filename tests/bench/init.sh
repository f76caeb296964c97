#!/bin/bash
# PID 1 against tini, dumb-init, catatonit and s6, and against the floor, which is the least that an init can be
# (init_floor.c), interleaved: each gets the same static program to run, and is timed from its exec by the same probe.
# INIT_BENCH_IDLE_SECONDS shortens the minute in which it must sleep, INIT_BENCH_ORPHANS names other crowds of orphans.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

BENCH=$ROOT/build/tests/bench
MAIN=$BENCH/init_main
AGENT_INIT=$ROOT/build/image/usr/local/bin/agent-init
IDLE_SECONDS=${INIT_BENCH_IDLE_SECONDS:-60}
RUNS=40      # starts behind each median
TERMS=10     # behind each percentage, a repeat
PEERS=(tini dumb-init catatonit s6)
SIMPLE=(agent-init "${PEERS[@]}" floor)
FIVE=(agent-init-five s6-five)
read -ra CROWDS <<<"${INIT_BENCH_ORPHANS:-5000 20000}"

# A new pid namespace needs root.
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

# scan COUNT: a directory of so many services for one s6, each the program itself.
scan() {
    local directory i
    directory=$(mktemp -d "$WORK/scan.XXXXXX")
    for ((i = 0; i < $1; i++)); do
        mkdir "$directory/service-$i"
        ln -s "$MAIN" "$directory/service-$i/run"
    done
    echo "$directory"
}

# command INIT: the words that start it with one program, or with five.
command() {
    case $1 in
    agent-init) echo "$AGENT_INIT -- $MAIN" ;;
    floor) echo "$BENCH/init_floor $MAIN" ;;
    agent-init-five) echo "$AGENT_INIT --boot=$BENCH/init_five -- $MAIN" ;;
    s6) echo "s6-svscan $(scan 1)" ;;
    s6-five) echo "s6-svscan $(scan 5)" ;;
    *) echo "$1 -- $MAIN" ;;
    esac
}

# probe INIT KEY... -- MEASURE A B: what it measures goes to files KEY-INIT, one number a line. Several may run at once.
probe() {
    local init=$1 keys=() key value numbers=$WORK/numbers-$BASHPID
    shift
    while [ "$1" != -- ]; do
        keys+=("$1")
        shift
    done
    shift
    local words
    read -ra words <<<"$(command "$init")"
    "${as_root[@]}" timeout 120 "$BENCH/init_probe" "$@" "${words[@]}" 2>"$numbers.stderr" >"$numbers" || {
        echo "bench: $init: $*: $(tail -1 "$numbers.stderr")" >&2
        return 1
    }
    while read -r key value; do
        case " ${keys[*]} " in
        *" ${key%%_*} "*) echo "$value" >>"$WORK/${key%%_*}${SUFFIX:-}-$init" ;;
        esac
    done <"$numbers"
}

# programs INIT: how many it is given.
programs() {
    case $1 in
    *-five) echo 5 ;;
    *) echo 1 ;;
    esac
}

# idle: REPEATS of each, all at once, since they sleep.
idle() {
    local i init jobs=() job
    for ((i = 0; i < REPEATS; i++)); do
        for init in "${SIMPLE[@]}" "${FIVE[@]}"; do
            probe "$init" rss private wakeups -- idle "$IDLE_SECONDS" "$(programs "$init")" &
            jobs+=($!)
        done
    done
    for job in "${jobs[@]}"; do
        wait "$job"
    done
}

for ((i = 0; i < REPEATS; i++)); do
    for init in "${SIMPLE[@]}"; do
        probe "$init" start stop -- start "$RUNS" 1
    done
    for init in "${FIVE[@]}"; do
        probe "$init" start stop -- start "$((RUNS / 4))" 5
    done
    for delay in 0 100 400; do
        for init in "${SIMPLE[@]}"; do
            SUFFIX=$delay probe "$init" lost -- deaf "$TERMS" "$delay"
        done
    done
    for orphans in "${CROWDS[@]}"; do
        for init in "${SIMPLE[@]}"; do
            SUFFIX=$orphans probe "$init" wall cpu -- reap "$orphans" -
        done
    done
done
idle

# compare KEY TITLE UNIT NOTE: the medians of all, and our paired ratio to each peer.
compare() {
    local init
    for init in "${INITS[@]}"; do
        tell "$2, $init" "$3" "$4" <"$WORK/$1-$init"
    done
    for init in "${INITS[@]:1}"; do
        [ "$init" = floor ] || tell_ratio "$2, ours to $init" paired "$WORK/$1-${INITS[0]}" "$WORK/$1-$init"
    done
}
# tell_floor KEY TITLE: what the kernel leaves to be gained, and what tini leaves of it.
tell_floor() {
    local init
    for init in agent-init tini; do
        tell_ratio "$2, $init to the floor" paired "$WORK/$1-$init" "$WORK/$1-floor"
    done
}
# tell_best KEY TITLE: our paired ratio to whichever peer was best in each repeat.
tell_best() {
    local files=() peer
    for peer in "${PEERS[@]}"; do
        files+=("$WORK/$1-$peer")
    done
    paste "${files[@]}" | awk '{ m = $1; for (i = 2; i <= NF; i++) if ($i < m) m = $i; print m }' >"$WORK/best"
    tell_ratio "$2, ours to the best" paired "$WORK/$1-agent-init" "$WORK/best"
}

INITS=("${SIMPLE[@]}")
compare start 'init start-up' us "exec to the program's first byte, each the median of $RUNS"
compare stop 'init stop' us "TERM to the end of PID 1, each the median of $RUNS"
tell_floor start 'init start-up'
tell_floor stop 'init stop'
compare rss 'init memory, resident' KB 'all processes but the program'
for init in "${INITS[@]}"; do
    tell "init memory, private, $init" KB 'all processes but the program' <"$WORK/private-$init"
done
for init in "${INITS[@]}"; do
    tell "init wakeups while idle, $init" "/${IDLE_SECONDS}s" 'context switches' <"$WORK/wakeups-$init"
done
for delay in 0 100 400; do
    for init in "${SIMPLE[@]}"; do
        tell "init TERM lost $delay us after exec, $init" % "$TERMS a repeat" <"$WORK/lost$delay-$init"
    done
done
for orphans in "${CROWDS[@]}"; do
    for init in "${SIMPLE[@]}"; do
        tell "init reaps $orphans orphans, $init" ms 'wall, all dying at once' <"$WORK/wall$orphans-$init"
        tell "init reaps $orphans orphans, cpu, $init" ms 'of PID 1' <"$WORK/cpu$orphans-$init"
    done
    tell_best "wall$orphans" "init reaps $orphans orphans"
    tell_floor "wall$orphans" "init reaps $orphans orphans"
done
INITS=("${FIVE[@]}")
compare start 'five services up' us 'exec to the fifth first byte'
compare stop 'five services down' us 'TERM to the end of PID 1'
compare rss 'five services, memory, resident' KB 'all supervising processes'
compare private 'five services, memory, private' KB 'all supervising processes'

#!/usr/bin/env bats
# runs as: root
# PID 1 in real pid namespaces and in a container, with a fixture in agent-boot's place. Beside each refusal stands
# the same thing allowed.

# Text for inner shells; set by common.bash and by run; called by `eventually`.
# shellcheck disable=SC2016,SC2153,SC2154,SC2317
bats_require_minimum_version 1.5.0
load common

setup_file() {
    export INIT=$BUILD/image/usr/local/bin/agent-init
    export INITCTL=$BUILD/image/usr/local/bin/agent-initctl
    export BOOT=$BUILD/tests/fixtures/fixture_boot ODD=$BUILD/tests/helpers/odd-exec
    export DESCRIPTORS=$BUILD/tests/attack/descriptors
    make -s -C "$ROOT" BUILD="$BUILD" "$INIT" "$INITCTL" "$BOOT" "$ODD" "$DESCRIPTORS"
}

setup() {
    OUT=$BATS_TEST_TMPDIR
    export OUT
    JOB=
    CONTAINER=
    cd "$OUT" || return 1
}

teardown() {
    if [ -n "$JOB" ] && [ -e "/proc/$JOB" ]; then
        pid=$(pid1)
        [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true # gone by itself meanwhile
    fi
    [ -z "$CONTAINER" ] || "$DOCKER" rm -f "$CONTAINER" >/dev/null
}

# A new pid namespace with its own /proc and an empty /run.
namespace() {
    exec unshare --pid --fork --mount-proc sh -c 'mount -t tmpfs none /run && exec "$@"' sh "$@"
}

in_namespace() {
    (namespace "$@")
}

# Starts in the background; JOB is unshare's pid.
start() {
    (namespace "$@") >"$OUT/stdout" 2>"$OUT/stderr" </dev/null 3>&- &
    JOB=$!
}

# The host's pid of PID 1.
pid1() {
    local pid
    read -r pid _ <"/proc/$JOB/task/$JOB/children" || true # it ends without a newline
    echo "$pid"
}

# ends_with CODE: waits for the job.
ends_with() {
    local code=0
    wait "$JOB" || code=$?
    JOB=
    [ "$code" -eq "$1" ] || { echo "ended with $code: $(cat "$OUT/stderr")"; return 1; }
}

signal() {
    kill -"$1" "$(pid1)"
}

# eventually COMMAND...: within five seconds.
eventually() {
    for _ in $(seq 250); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.02
    done
    echo "never: $*" >&2
    return 1
}

# has FILE TEXT
has() {
    grep -qF -- "$2" "$OUT/$1"
}

# ctl ARGUMENTS...: agent-initctl inside.
ctl() {
    nsenter -t "$(pid1)" -p -m "$INITCTL" "$@"
}

ctl_as_nobody() {
    nsenter -t "$(pid1)" -p -m -S 65534 -G 65534 "$INITCTL" "$@"
}

stored_nothing() {
    ctl status --json | holds '.services[0] | .state == "exited" and .stored_fds == 0'
}

# scenario LINE...: what the fixture does; the shutdown notes how it was called.
scenario() {
    printf '%s\n' "$@" >"$OUT/scenario"
    grep -q '^shutdown' "$OUT/scenario" || echo 'shutdown echo $MODE >>$OUT/shutdown' >>"$OUT/scenario"
}

boot() {
    start "$INIT" --boot="$BOOT" "$@" -- "$OUT/scenario"
}

milliseconds() {
    date +%s%3N
}

@test "plain: exit codes and signals of main pass through" {
    local code
    for code in 0 1 2 42 126 127 128 200 255; do
        run -"$code" in_namespace "$INIT" sh -c "exit $code"
    done
    run -137 in_namespace "$INIT" -- sh -c 'kill -KILL $$'
    run -134 in_namespace "$INIT" -- sh -c 'kill -ABRT $$'
    run -164 in_namespace "$INIT" -- bash -c 'kill -36 $$'
}

@test "plain: a program that cannot be run is 127 or 126 with one line that says why" {
    run -127 in_namespace "$INIT" /no/such/program
    [ "$output" = "agent-init: cannot run '/no/such/program': No such file or directory" ]
    touch "$OUT/text"
    run -126 in_namespace "$INIT" "$OUT/text"
    [ "$output" = "agent-init: cannot run '$OUT/text': Permission denied" ]
    run -126 in_namespace "$INIT" /
    printf '#!/bin/sh\necho ran\n' >"$OUT/text" && chmod +x "$OUT/text"
    run -0 in_namespace "$INIT" "$OUT/text"
    [ "$output" = ran ]
}

@test "plain: directory, arguments, environment and descriptors are main's" {
    run -0 in_namespace "$INIT" pwd
    [ "$output" = "$OUT" ]
    NAME=value run -0 in_namespace "$INIT" -- sh -c 'echo "$NAME $1 $#"' sh 'a b' c
    [ "$output" = "value a b 2" ]
    run -0 in_namespace "$INIT" grep -E 'Sig(Blk|Ign)' /proc/self/status
    [ "$(echo "$output" | awk '{print $2}' | sort -u)" = 0000000000000000 ]
}

@test "plain: ignored and blocked signals are not inherited" {
    run -0 in_namespace env --ignore-signal=CHLD,TERM,INT --block-signal=USR1 sleep 0
    run -7 in_namespace env --ignore-signal=CHLD,TERM,INT --block-signal=USR1 "$INIT" \
        sh -c 'grep -E "Sig(Blk|Ign):.0{16}$" /proc/self/status | wc -l | grep -qx 2 && exit 7'
}

@test "plain: orphans are reaped" {
    start "$INIT" sh -c 'for i in $(seq 50); do (setsid sh -c "sleep 0.1" &) ; done; touch $OUT/made; sleep 30'
    eventually test -e "$OUT/made"
    # Two shells and the sleep: no zombies, and nothing of the fifty.
    only_main() { [ "$(wc -w <"/proc/$(pid1)/task/$(pid1)/children")" -eq 1 ]; }
    eventually only_main
    signal TERM
    ends_with 143
}

@test "plain: signals are forwarded to main" {
    local name
    for name in HUP USR1 USR2 WINCH QUIT RTMIN+3; do
        rm -f "$OUT/got" "$OUT/up"
        start "$INIT" bash -c "trap 'touch $OUT/got; exit 5' $name; touch $OUT/up; while :; do sleep 0.02; done"
        eventually test -e "$OUT/up"
        signal "$name"
        ends_with 5
        test -e "$OUT/got"
    done
}

@test "plain: INT and TERM stop; INT reaches main as INT, and TERM follows later" {
    start "$INIT" bash -c "trap 'sleep 0.3; exit 5' INT; touch $OUT/up; while :; do sleep 0.02; done"
    eventually test -e "$OUT/up"
    signal INT
    ends_with 5
    rm "$OUT/up"
    start "$INIT" bash -c "trap '' INT; trap 'exit 6' TERM; touch $OUT/up; while :; do sleep 0.02; done"
    eventually test -e "$OUT/up"
    signal INT
    ends_with 6
    rm "$OUT/up"
    start "$INIT" bash -c "trap 'exit 3' INT; trap 'exit 4' TERM; touch $OUT/up; while :; do sleep 0.02; done"
    eventually test -e "$OUT/up"
    signal INT
    ends_with 3
    rm "$OUT/up"
    start "$INIT" bash -c "trap 'exit 3' INT; trap 'exit 4' TERM; touch $OUT/up; while :; do sleep 0.02; done"
    eventually test -e "$OUT/up"
    signal TERM
    ends_with 4
}

@test "plain: an escapee gets TERM and time to clean up" {
    start "$INIT" sh -c 'setsid sh -c "trap \"sleep 0.3; touch $OUT/clean; exit\" TERM; touch $OUT/up; while :; do sleep 0.02; done" & sleep 30'
    eventually test -e "$OUT/up"
    signal TERM
    ends_with 143
    test -e "$OUT/clean"
}

@test "plain: an escapee that outlives main's own end gets TERM as well" {
    run -6 in_namespace "$INIT" sh -c 'setsid sh -c "trap \"touch $OUT/clean; exit\" TERM; touch $OUT/up; while :; do sleep 0.02; done" & while ! test -e $OUT/up; do sleep 0.02; done; exit 6'
    test -e "$OUT/clean"
}

@test "plain: what ignores TERM is killed when the grace ends, main included" {
    local before
    before=$(milliseconds)
    start "$INIT" --stop-grace 1 sh -c 'trap "" TERM; setsid sleep 30 & touch $OUT/up; while :; do sleep 0.02; done'
    eventually test -e "$OUT/up"
    signal TERM
    ends_with 137
    [ $(($(milliseconds) - before)) -ge 900 ]
    [ $(($(milliseconds) - before)) -lt 3000 ]
    has stderr "killing what did not end in time"
}

@test "plain: a stopped main is continued to take its TERM" {
    start "$INIT" sh -c 'trap "exit 9" TERM; touch $OUT/up; kill -STOP $$; while :; do sleep 0.02; done'
    eventually test -e "$OUT/up"
    sleep 0.1
    signal TERM
    ends_with 9
}

@test "plain: a second TERM kills at once" {
    local before
    start "$INIT" --stop-grace 20 sh -c 'trap "" TERM; touch $OUT/up; while :; do sleep 0.02; done'
    eventually test -e "$OUT/up"
    before=$(milliseconds)
    signal TERM
    sleep 0.2
    signal TERM
    ends_with 137
    [ $(($(milliseconds) - before)) -lt 2000 ]
}

@test "plain: closed standard descriptors are no reason to fail" {
    in_namespace "$INIT" sh -c 'exit 5' 0<&- 1>&- 2>&- || [ $? -eq 5 ]
    in_namespace "$INIT" /no/such/program 0<&- 1>&- 2>&- || [ $? -eq 127 ]
    run -0 in_namespace "$INIT" readlink /proc/self/fd/1 0<&-
}

@test "plain: a full stderr that nobody reads does not stall it" {
    mkfifo "$OUT/full"
    # Read and write end in one: nobody reads, and nobody is told so. 64 KiB fill a pipe: pipe(7).
    exec 8<>"$OUT/full"
    head -c 65536 /dev/zero >&8
    run -127 timeout 5 unshare --pid --fork --mount-proc "$INIT" /no/such/program 2>&8
    exec 8>&-
    # The control: a pipe with room gets the line.
    run -127 in_namespace "$INIT" /no/such/program
    [ -n "$output" ]
}

@test "plain: nothing happens while idle" {
    start "$INIT" sleep 30
    has_child() { pgrep -P "$(pid1)"; }
    eventually has_child
    local before after
    before=$(awk '/ctxt_switches/ {n += $2} END {print n}' "/proc/$(pid1)/status")
    sleep 2
    after=$(awk '/ctxt_switches/ {n += $2} END {print n}' "/proc/$(pid1)/status")
    [ "$after" -eq "$before" ]
    signal TERM
    ends_with 143
}

@test "not PID 1: plain becomes a subreaper and says so, --boot refuses" {
    run -3 --separate-stderr "$INIT" sh -c '(setsid sh -c "trap \"touch $OUT/clean; exit\" TERM; touch $OUT/up; while :; do sleep 0.02; done" &); while ! test -e $OUT/up; do sleep 0.02; done; exit 3'
    [ "$stderr" = "agent-init: not PID 1; reaping and stopping only what is started here" ]
    test -e "$OUT/clean"
    run -222 "$INIT" --boot="$BOOT" -- "$OUT/scenario"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"only as PID 1"* ]]
}

@test "usage: bad options are 221 with one line, help and version are 0" {
    local arguments
    for arguments in '' '--nonsense true' '--stop-grace' '--stop-grace x true' '--stop-grace=-1 true' '--bootx'; do
        # shellcheck disable=SC2086
        run -221 "$INIT" $arguments
        [ "${#lines[@]}" -eq 1 ]
    done
    run -0 "$INIT" --help
    run -0 "$INIT" --version
    [ "$output" = "agent-init $VERSION" ]
    run -0 "$INITCTL" --help
    run -0 "$INITCTL" --version
    for arguments in '' nonsense restart 'status main' 'wait --timeout x main'; do
        # shellcheck disable=SC2086
        run -221 "$INITCTL" $arguments
        [ "${#lines[@]}" -eq 1 ]
    done
    run -225 "$INITCTL" status
}

@test "usage: no argument at all, not even a name, is 221 with one line" {
    run -221 in_namespace "$ODD" no-arguments "$INIT"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"no command to run"* ]]
    run -221 "$ODD" no-arguments "$INIT"
    [ "${#lines[@]}" -eq 1 ]
}

@test "usage: 16384 arguments are taken, one more is 221 with one line, booting or not" {
    local room=$((16384 - 6)) # all but "@": what comes before has its place too
    run -42 in_namespace "$ODD" arguments "$room" "$INIT" -- /bin/sh -c "test \$# -eq $room && exit 42" sh @
    run -221 in_namespace "$ODD" arguments $((room + 1)) "$INIT" -- /bin/sh -c 'exit 42' sh @
    [ "$output" = "agent-init: too many arguments; see agent-init --help" ]
    run -221 in_namespace "$ODD" arguments 100000 "$INIT" -- /bin/sh -c 'exit 42' sh @
    [ "$output" = "agent-init: too many arguments; see agent-init --help" ]
    # More than the kernel lets anybody have.
    run -125 in_namespace "$ODD" arguments 390000 "$INIT" -- /bin/sh -c 'exit 42' sh @
    [[ $output == *"Argument list too long" ]]
    scenario 'refuse 42' 'exit 42'
    room=$((16384 - 4))
    run -42 in_namespace "$ODD" arguments "$room" "$INIT" --boot="$BOOT" -- @ "$OUT/scenario"
    run -221 in_namespace "$ODD" arguments $((room + 1)) "$INIT" --boot="$BOOT" -- @ "$OUT/scenario"
    [ "$output" = "agent-init: too many arguments; see agent-init --help" ]
}

@test "usage: an option of 128 KiB, of bytes that no terminal should get, is 221 with one short line" {
    local option
    option=--$(head -c 131000 /dev/zero | tr '\0' '\033')
    run -221 in_namespace "$INIT" "$option" true
    [ "${#lines[@]}" -eq 1 ]
    [ "${#output}" -lt 1024 ]
    [[ $output == *"unknown option --?"* ]]
    run -221 in_namespace "$INIT" $'--stop-grace=1\n2' true
    [ "${#lines[@]}" -eq 1 ]
}

@test "usage: an odd environment goes to main byte for byte and changes nothing here" {
    "$ODD" environment /bin/cat /proc/self/environ >"$OUT/expected" 2>/dev/null
    [ "$(wc -c <"$OUT/expected")" -gt 1000000 ]
    in_namespace "$ODD" environment "$INIT" /bin/cat /proc/self/environ >"$OUT/environ" 2>/dev/null
    cmp "$OUT/expected" "$OUT/environ"
    # Nobody preloads anything into it; a program with a loader tells of the attempt.
    run -2 in_namespace "$ODD" environment "$INIT" "$ODD"
    [ -z "$output" ]
    run -0 in_namespace "$ODD" environment /bin/true
    [[ $output == *"/no/such.so"* ]]
    run -221 in_namespace "$ODD" environment "$INIT" --stop-grace
    [ "$output" = "agent-init: --stop-grace takes a number of seconds up to 86400; see agent-init --help" ]
    scenario 'refuse 42' 'exit 42'
    run -42 in_namespace "$ODD" environment "$INIT" --boot="$BOOT" -- "$OUT/scenario"
}

@test "boot: services start in order, main's code comes out, the shutdown runs" {
    scenario 'service first flags=ready -- sleep 0.2; echo first >>$OUT/order; printf "READY=1\n" >&$NOTIFY_FD; exec sleep 30' \
        'service second deps=0 -- echo second >>$OUT/order; exec sleep 30' \
        'service agent flags=main deps=0+1 -- echo agent >>$OUT/order; pwd >$OUT/directory; while ! grep -q second $OUT/order; do sleep 0.02; done; exit 17' \
        'ready 3000'
    boot
    ends_with 17
    [ "$(tr '\n' ' ' <"$OUT/order")" = "first second agent " ] || [ "$(tr '\n' ' ' <"$OUT/order")" = "first agent second " ]
    [ "$(cat "$OUT/directory")" = / ]
    [ "$(cat "$OUT/shutdown")" = shutdown ]
}

@test "boot: services stop in reverse order" {
    local body='trap "echo NAME >>$OUT/order; exit" TERM; printf "READY=1\n" >&$NOTIFY_FD; while :; do sleep 0.02; done'
    scenario "service a flags=ready -- ${body/NAME/a}" \
        "service b flags=ready deps=0 -- ${body/NAME/b}" \
        "service agent flags=main+ready deps=1 -- ${body/NAME/agent}" \
        'ready 9000'
    boot
    eventually ctl wait agent --timeout 5
    signal TERM
    ends_with 0
    [ "$(tr '\n' ' ' <"$OUT/order")" = "agent b a " ]
}

@test "boot: a service gets its descriptors, null input and capabilities, and nothing else" {
    scenario 'service web flags=ready caps=21 -- ls -l /proc/self/fd >$OUT/fds; cat >$OUT/input; grep Cap /proc/self/status >$OUT/caps; printf "READY=1\n" >&$NOTIFY_FD; exec sleep 30' \
        'service agent flags=main deps=0 -- grep Cap /proc/self/status >$OUT/agent-caps' \
        'ready 3000'
    boot
    ends_with 0
    [ "$(grep -c ' -> ' "$OUT/fds")" -eq 5 ] # 0 to 3, and the directory ls reads
    grep -q ' 0 -> /dev/null' "$OUT/fds"
    [ "$(awk '/Cap(Prm|Eff|Bnd)/ {print $2}' "$OUT/caps" | sort -u)" = 0000000000000021 ]
    [ "$(awk '/Cap/ {print $2}' "$OUT/agent-caps" | sort -u)" = 0000000000000000 ]
}

@test "boot: PID 1 keeps KILL effective only, and what it had permitted" {
    scenario 'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    [ "$(awk '/CapEff/ {print $2}' "/proc/$(pid1)/status")" = 0000000000000020 ]
    [ "$(awk '/CapPrm/ {print $2}' "/proc/$(pid1)/status")" = "$(awk '/CapPrm/ {print $2}' /proc/self/status)" ]
    signal TERM
    ends_with 143
}

@test "boot: a service is restarted with backoff until its limit; an optional one ends there" {
    scenario 'service web flags=restart limit=3 window=60000 backoff=50 backoffmax=100 -- echo x >>$OUT/starts; exit 1' \
        'service agent flags=main -- sleep 1.2; exit 8' \
        'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    failed() { ctl status --json | holds '.services[0].state == "failed" and .services[0].restarts == 3'; }
    eventually failed
    ctl events --json | jq -r 'select(.event == "service-restarting").delay_ms' >"$OUT/delays"
    ends_with 8
    [ "$(wc -l <"$OUT/starts")" -eq 4 ]
    [ "$(tr '\n' ' ' <"$OUT/delays")" = "50 100 100 " ]
}

@test "boot: a required service that fails for good stops the session with 224" {
    scenario 'service agent flags=main+ready -- trap "touch $OUT/clean; exit" TERM; printf "READY=1\n" >&$NOTIFY_FD; while :; do sleep 0.02; done' \
        'service web flags=restart+required limit=2 window=60000 backoff=10 deps=0 -- exit 1' \
        'ready 3000'
    boot
    ends_with 224
    test -e "$OUT/clean"
    [ "$(cat "$OUT/shutdown")" = shutdown ]
    has stderr "service web failed and is not started again"
}

@test "boot: a service that is not ready in time is stopped; main waits for what it needs" {
    scenario 'service web flags=ready readyms=200 gracems=200 -- exec sleep 30' \
        'service agent flags=main deps=0 -- touch $OUT/agent' 'ready 3000'
    boot
    ends_with 224
    test ! -e "$OUT/agent"
    has stderr "service web was not ready in time"
    scenario 'service web flags=ready readyms=3000 -- printf "READY=1\n" >&$NOTIFY_FD; exec sleep 30' \
        'service agent flags=main deps=0 -- touch $OUT/agent' 'ready 3000'
    boot
    ends_with 0
    test -e "$OUT/agent"
}

@test "boot: restarts wait longer each time, up to the cap and the limit; the session goes on" {
    scenario 'service web flags=restart limit=4 window=60000 backoff=40 backoffmax=100 -- exit 3' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    failed() { ctl status --json | holds '.services[0].state == "failed"'; }
    eventually failed
    [ "$(ctl events --json | jq -r 'select(.event == "service-restarting") | .delay_ms' | tr '\n' ' ')" = "40 80 100 100 " ]
    ctl status --json | holds '.services[0] | .restarts == 4 and .last_end.exit_code == 3 and .next_start_in_ms == null'
    ctl status --json | holds '.state == "running" and .services[1].state == "ready"'
    ctl events --json | holds --slurp 'map(select(.event == "service-failed" and .service == "web")) | length == 1'
    has stderr "service web failed and is not started again"
    [[ $(ctl status) == *"4 restarts, last end with code 3"* ]]
    signal TERM
    ends_with 143
}

@test "boot: a service that waits for its restart says when that will be" {
    scenario 'service web flags=restart limit=4 window=60000 backoff=20000 backoffmax=20000 -- exit 3' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    waits() { ctl status --json | holds '.services[0] | .state == "backoff" and .next_start_in_ms > 1000 and .next_start_in_ms <= 20000'; }
    eventually waits
    signal TERM
    ends_with 143
}

@test "boot: a wait that an order cuts short is over, and hits nobody later" {
    local wait='limit=9 window=60000 backoff=2500 backoffmax=2500'
    scenario "service web flags=ready+restart $wait -- "'test -e $OUT/again || { touch $OUT/again; exit 1; }; while ! test -e $OUT/go; do sleep 0.02; done; printf "READY=1\n" >&$NOTIFY_FD; exec sleep 30' \
        "service off flags=restart $wait -- exit 1" \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    state() { ctl status --json | holds --arg states "$1" '[.services[:2][].state] | join(" ") == $states'; }
    eventually state 'backoff backoff'
    ctl restart web
    ctl stop off
    state 'starting exited'
    sleep 2.7 # the waits would have ended by now
    state 'starting exited'
    touch "$OUT/go"
    ctl wait web --timeout 5
    ctl status --json | holds '.services[0].restarts == 1'
    run -0 ctl events --json
    [ "$(jq -s 'any(.event == "service-timed-out" or .event == "transition-rejected")' <<<"$output")" = false ]
    signal TERM
    ends_with 143
}

@test "boot: all that it said before it ended is heard, however much waits" {
    local number
    {
        printf 'say begun\nawait %s\n' "$OUT/go"
        for number in $(seq 40); do echo "service number-$number -- exec sleep 30"; done
        printf '%s\n' 'service agent flags=main -- exit 42' 'ready 3000'
    } >"$OUT/scenario"
    echo 'shutdown true' >>"$OUT/scenario"
    start env -i PATH="$PATH" "$INIT" --boot="$BOOT" -- "$OUT/scenario"
    eventually has stderr begun
    local init boot
    init=$(pid1)
    read -r boot _ <"/proc/$init/task/$init/children" || true
    signal STOP
    signal WINCH # it looks at signals first then, and so at the end of the boot
    touch "$OUT/go"
    dead() { grep -q '^State:.Z' "/proc/$boot/status"; }
    eventually dead
    signal CONT
    ends_with 42
}

@test "boot: a crash of any service leaves the session up and says so" {
    scenario 'service a flags=ready -- printf "READY=1\n" >&$NOTIFY_FD; exec sleep 30' \
        'service b deps=0 -- exec sleep 30' 'service c flags=restart limit=9 window=60000 backoff=10 -- exec sleep 30' \
        'service agent flags=main deps=0+1+2 -- exec sleep 30' 'ready 3000'
    boot
    local name
    eventually ctl wait agent --timeout 5
    for name in a b c; do
        ctl status --json | jq -r --arg name "$name" '.services[] | select(.name == $name) | .pid' >"$OUT/victim"
        nsenter -t "$(pid1)" -p -m kill -SEGV "$(cat "$OUT/victim")"
        told() { ctl events --json | holds --slurp --arg name "$name" 'any(.event == "service-exited" and .service == $name and .signal == 11)'; }
        eventually told
    done
    again() { ctl status --json | holds '.services[2] | .state == "ready" and .restarts == 1 and .last_end.signal == 11'; }
    eventually again
    ctl status --json | holds '.state == "running" and .services[0].state == "failed" and .services[1].state == "failed" and .services[3].state == "ready"'
    has stderr "service a failed and is not started again"
    signal TERM
    ends_with 143
}

@test "boot: a service that is not heard of in time is replaced, one that is stays" {
    scenario 'service web flags=ready+restart watchdog=300 limit=9 window=60000 backoff=10 gracems=200 -- printf "READY=1\n" >&$NOTIFY_FD; test -e $OUT/again || { touch $OUT/again; trap "" TERM; while :; do sleep 0.02; done; }; while :; do printf "WATCHDOG=1\n" >&$NOTIFY_FD; sleep 0.05; done' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    replaced() { ctl status --json | holds '.services[0] | .state == "ready" and .restarts == 1 and .last_end.signal == 9'; }
    eventually replaced
    ctl events --json | holds --slurp 'map(select(.event == "service-timed-out")) | length == 1 and .[0].given_ms == 300'
    has stderr "service web was not heard of in time"
    sleep 1
    replaced # three periods later
    signal TERM
    ends_with 143
}

@test "boot: a hung service without restart has failed, though it ends well on TERM" {
    scenario 'service web watchdog=200 -- trap "exit 0" TERM; while :; do sleep 0.02; done' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    failed() { ctl status --json | holds '.services[0] | .state == "failed" and .last_end.exit_code == 0'; }
    eventually failed
    ctl status --json | holds '.state == "running"'
    signal TERM
    ends_with 143
}

@test "boot: a container that was frozen does not cost its services their lives" {
    scenario 'service web flags=restart watchdog=400 limit=9 window=60000 backoff=10 -- while :; do printf "WATCHDOG=1\n" >&$NOTIFY_FD; sleep 0.05; done' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    eventually ctl wait web --timeout 5
    local shell
    shell=$(nsenter -t "$(pid1)" -p -m pgrep -f 'WATCHDOG' | tail -1)
    kill -STOP "$(pid1)"
    nsenter -t "$JOB" -m true # the control: the rest of the machine runs
    nsenter -t "$(pid1)" -p -m kill -STOP "$shell"
    sleep 1.2
    nsenter -t "$(pid1)" -p -m kill -CONT "$shell"
    kill -CONT "$(pid1)"
    sleep 0.6
    ctl status --json | holds '.services[0] | .state == "ready" and .restarts == 0'
    signal TERM
    ends_with 143
}

@test "boot: descriptors that a service stored come back with its next process, and only then" {
    cat >"$OUT/keeper.py" <<'PYTHON'
import array, os, signal, socket, struct, sys, time
out = os.environ["OUT"]
notify = socket.socket(fileno=int(os.environ["NOTIFY_FD"]))
def tell(word, name=b"", fds=()):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    notify.sendmsg([struct.pack("=12s32s", word, name)], rights)
names = [name for name in os.environ["STORED_FDS"].split(":") if name]
with open(out + "/lives", "a") as log:
    texts = [os.pread(4 + i, 100, 0).decode() for i in range(len(names))]
    log.write(" ".join(f"{name}={text}" for name, text in zip(names, texts)) + "\n")
def memory(text):
    fd = os.memfd_create("x")
    os.write(fd, text)
    return fd
if not names:
    tell(b"FDSTORE=1\n", b"gone", [memory(b"0")])
    tell(b"FDSTORE=1\n", b"one", [memory(b"1")])
    tell(b"FDSTORE=1\n", b"two", [memory(b"2")])
    tell(b"FDSTORE=1\n", b"one", [memory(b"11")])  # in place of the first
    tell(b"FDREMOVE=1\n", b"gone")
    tell(b"FDSTORE=1\n", b"three", [memory(b"3")])
    # All refused: no room, no descriptor, a name that is none, nothing of that name, a word that is none.
    tell(b"FDSTORE=1\n", b"four", [memory(b"4")])
    tell(b"FDSTORE=1\n", b"two")
    tell(b"FDSTORE=1\n", b"a:b", [memory(b"5")])
    tell(b"FDREMOVE=1\n", b"gone")
    tell(b"NONSENSE\n", b"", [memory(b"6")])
    tell(b"WATCHDOG=1\n", b"", [memory(b"7")])
tell(b"READY=1\n")
while True:
    time.sleep(30)
PYTHON
    scenario 'service web flags=ready+restart store=3 limit=9 window=60000 backoff=10 -- exec python3 $OUT/keeper.py' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl wait web --timeout 5
    stored() { ctl status --json | holds --argjson count "$1" '.services[0] | .state == "ready" and .stored_fds == $count'; }
    eventually stored 3
    ctl events --json | holds --slurp 'map(select(.event == "notice-refused")) | length == 1 and .[0].errno == 28'
    nsenter -t "$(pid1)" -p -m pkill -KILL -f keeper.py
    twice() { [ "$(wc -l <"$OUT/lives")" -eq 2 ]; }
    eventually twice
    [ "$(sed -n 2p "$OUT/lives")" = "two=2 one=11 three=3" ] || [ "$(sed -n 2p "$OUT/lives")" = "one=11 two=2 three=3" ]
    # 0 to 2, signals, epoll, timer, boot's and control's sockets...: three fewer once it is stopped for good.
    open() { nsenter -t "$(pid1)" -p -m ls /proc/1/fd | wc -l; }
    eventually stored 3
    local before after
    before=$(open)
    ctl stop web
    eventually stored_nothing
    after=$(open)
    [ $((before - after)) -eq 5 ] # and its pidfd and socket
    run -0 ctl restart web
    eventually ctl wait web --timeout 5
    [ -z "$(sed -n 3p "$OUT/lives")" ]
    signal TERM
    ends_with 143
}

@test "boot: a table with a cycle, a double or a bad name is refused by name" {
    local row
    for row in 'service web deps=0 -- true' 'service web deps=1 -- true' 'service we:b -- true' \
        'service web store=9 -- true'; do
        scenario "$row" 'service agent flags=main -- true' 'ready 1000' 'hang'
        boot
        ends_with 220
        case $row in
        *deps=*) has stderr "service web depends on itself or on a later one, which would be a cycle" ;;
        *we:b*) has stderr "service (unnamed) has a name that is none" ;;
        *) has stderr "service web may store more descriptors than there is room for" ;;
        esac
        [ "$(wc -l <"$OUT/stderr")" -eq 1 ]
    done
    scenario 'service web -- true' 'service web -- true' 'service agent flags=main -- true' 'ready 1000' 'hang'
    boot
    ends_with 220
    has stderr "service web is described twice"
    scenario 'service web -- true' 'service agent flags=main deps=0 -- exit 3' 'ready 1000' # the control
    boot
    ends_with 3
}

@test "boot: a refusal passes its code on and runs no shutdown" {
    scenario 'say no kernel for this' 'refuse 211' 'exit 1'
    boot
    ends_with 211
    [ "$(cat "$OUT/stderr")" = "no kernel for this" ]
    test ! -e "$OUT/shutdown"
}

@test "boot: a boot program that dies, talks nonsense or is missing is 220 with one line" {
    scenario 'exit 5'
    boot
    ends_with 220
    [ "$(wc -l <"$OUT/stderr")" -eq 1 ]
    [ "$(cat "$OUT/shutdown")" = shutdown ] # it may have left something
    scenario 'garbage' 'hang'
    boot
    ends_with 220
    has stderr "malformed"
    scenario 'ready 1000' 'hang'
    boot
    ends_with 220
    has stderr "no main"
    start "$INIT" --boot=/no/such/program
    ends_with 220
    has stderr "cannot run '/no/such/program'"
}

@test "boot: refused by a program that could not take everything down, PID 1 has it wiped" {
    # 217, and INIT_BOOT_STANDING.
    scenario "refuse $((217 + 256))"
    boot
    ends_with 217
    cat "$OUT/shutdown"
    [ "$(cat "$OUT/shutdown")" = wipe ]
    # The control: what was taken down already is not taken down again.
    rm "$OUT/shutdown"
    scenario 'refuse 217'
    boot
    ends_with 217
    test ! -e "$OUT/shutdown"
}

@test "boot: TERM while booting lets it unwind" {
    scenario 'unwind 143' 'say up' 'hang'
    boot
    eventually has stderr up
    signal TERM
    ends_with 143
    has stderr unwound
    test ! -e "$OUT/shutdown"
}

@test "boot: TERM while booting, and a boot program that ignores it" {
    scenario 'say up'
    printf '%s\n' '#!/bin/sh' 'case $1 in --shutdown) exec "$BOOT" "$@" ;; esac' 'trap "" TERM' 'touch $OUT/up' 'sleep 60' >"$OUT/stubborn"
    chmod +x "$OUT/stubborn"
    start "$INIT" --boot="$OUT/stubborn" --stop-grace 1 -- "$OUT/scenario"
    eventually test -e "$OUT/up"
    signal TERM
    ends_with 143
    [ "$(tail -1 "$OUT/shutdown")" = shutdown ]
}

@test "stop: main ignoring TERM loses at most a third of the grace, the shutdown gets the rest" {
    scenario 'service agent flags=main -- trap "" TERM; touch $OUT/up; while :; do sleep 0.02; done' 'ready 3000' \
        'shutdown date +%s%3N >$OUT/at; sleep 0.3; touch $OUT/saved'
    boot
    eventually test -e "$OUT/up"
    local before
    before=$(milliseconds)
    signal TERM
    ends_with 137
    [ $(($(cat "$OUT/at") - before)) -ge 900 ]
    [ $(($(cat "$OUT/at") - before)) -lt 1600 ]
    test -e "$OUT/saved"
}

@test "stop: the shutdown knows its deadline and is wiped after when it overruns" {
    scenario 'service agent flags=main -- exec sleep 30' 'ready 900' \
        'shutdown echo $MODE >>$OUT/shutdown; echo $DEADLINE_NS >>$OUT/deadline; test $MODE = wipe || exec sleep 30'
    boot
    eventually ctl wait agent --timeout 5
    signal TERM
    ends_with 143
    [ "$(tr '\n' ' ' <"$OUT/shutdown")" = "shutdown wipe " ]
    [ "$(head -1 "$OUT/deadline")" -gt 0 ]
}

@test "stop: a shutdown that fails is followed by the wiping" {
    scenario 'service agent flags=main -- exit 4' 'ready 3000' \
        'shutdown echo $MODE >>$OUT/shutdown; exit 1'
    boot
    ends_with 4
    [ "$(tr '\n' ' ' <"$OUT/shutdown")" = "shutdown wipe " ]
}

@test "stop: a third TERM forces: the shutdown is killed, secrets are wiped" {
    scenario 'service agent flags=main -- exec sleep 30' 'ready 30000' \
        'shutdown echo $MODE >>$OUT/shutdown; test $MODE = wipe || exec sleep 30'
    boot
    eventually ctl wait agent --timeout 5
    local before
    before=$(milliseconds)
    signal TERM
    eventually has shutdown shutdown
    signal TERM
    sleep 0.3
    run ! has shutdown wipe # the second only hurries
    signal TERM
    ends_with 143
    has shutdown wipe
    [ $(($(milliseconds) - before)) -lt 5000 ]
}

@test "stop: escapees are gone before the shutdown begins" {
    scenario 'service agent flags=main -- setsid sh -c "trap \"\" TERM; touch $OUT/up; while :; do sleep 0.02; done" & while ! test -e $OUT/up; do sleep 0.02; done; exit 0' \
        'ready 1500' 'shutdown ps -eo args | grep -c [w]hile >$OUT/left; true'
    boot
    ends_with 0
    [ "$(cat "$OUT/left")" -eq 0 ]
}

@test "stop: whoever entered from outside is waited for and killed" {
    scenario 'service agent flags=main -- exec sleep 30' 'ready 1500'
    boot
    eventually ctl wait agent --timeout 5
    nsenter -t "$(pid1)" -p -m sh -c 'trap "" TERM; touch $OUT/up; while :; do sleep 0.02; done' 3>&- &
    local guest=$!
    eventually test -e "$OUT/up"
    signal TERM
    ends_with 143
    wait "$guest" || [ $? -eq 137 ]
    test -e "$OUT/shutdown"
}

@test "control: anyone may ask, only root may order" {
    scenario 'service web flags=restart limit=5 window=1000 -- exec sleep 30' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    run -0 ctl_as_nobody status --json
    [ "$(echo "$output" | jq -r '.state')" = running ]
    run -0 ctl_as_nobody events
    run -0 ctl_as_nobody wait agent
    run -225 ctl_as_nobody stop
    [[ $output == *"only root"* ]]
    run -225 ctl_as_nobody restart web
    local first second
    first=$(ctl status --json | jq '.services[0].pid')
    run -0 ctl restart web
    restarted() { second=$(ctl status --json | jq '.services[0].pid') && [ "$second" != "$first" ] && [ "$second" != null ]; }
    eventually restarted
    run -0 ctl stop web
    gone() { ctl status --json | holds '.services[0].state == "exited"'; }
    eventually gone
    run -225 ctl wait web
    run -0 ctl restart web
    run -0 ctl wait web --timeout 5
    run -225 ctl restart nonsense
    run -225 ctl restart agent
    run -0 ctl stop
    ends_with 143
}

@test "control: status says booting, wait waits for the boot and for the socket" {
    scenario 'sleep 700' 'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl status
    [ "$(ctl status --json | jq -r '.state')" = booting ]
    run -225 ctl wait agent --timeout 1 </dev/null || true
    run -0 ctl wait agent --timeout 5
    run -225 ctl wait nonsense --timeout 5
    signal TERM
    ends_with 143
}

@test "control: events are JSON lines without gaps, and the root channel gets them all" {
    scenario "channel $OUT/channel" 'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    ctl events --json >"$OUT/events"
    [ "$(jq -s 'map(.sequence) == [range(1; length + 1)]' "$OUT/events")" = true ]
    [ "$(jq -r '.event' "$OUT/events" | tr '\n' ' ')" = "boot-started boot-ready service-started service-ready " ]
    # Outside the pid namespace, or the sweep would end it before it can tell.
    nsenter -t "$(pid1)" -m "$INITCTL" events --json --follow >"$OUT/follow" 3>&- &
    eventually has follow service-ready
    local follower=$!
    signal TERM
    ends_with 143
    wait "$follower" # the session's end is its end, and no error
    has follow stop-requested
    has follow shutdown-done
    [ "$(jq -s 'map(.sequence) == [range(1; length + 1)]' "$OUT/follow")" = true ]
    [ "$(head -5 "$OUT/channel" | cut -d' ' -f2 | tr '\n' ' ')" = "1 2 3 4 5 " ]
}

@test "control: a full ring is answered whole, the oldest events are gone" {
    scenario 'service web flags=restart limit=150 window=60000 backoff=1 backoffmax=1 -- exit 1' \
        'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    failed() { ctl status --json | holds '.services[0].state == "failed"'; }
    eventually failed
    ctl events --json >"$OUT/events"
    [ "$(wc -l <"$OUT/events")" -eq 256 ]
    [ "$(jq -s '.[0].sequence as $first | $first > 1 and map(.sequence) == [range($first; $first + 256)]' "$OUT/events")" = true ]
    signal TERM
    ends_with 143
}

@test "control: hostile clients change nothing" {
    scenario 'service agent flags=main -- exec sleep 30' 'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    nsenter -t "$(pid1)" -p -m -S 65534 -G 65534 python3 - <<'PYTHON'
import os, socket, struct
PATH = "/run/coding-agents/init.sock"
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(2)
    s.connect(PATH)
    return s
def request(kind, service=b"", version=1):
    return struct.pack("=II32s", version, kind, service)
for bad in (b"", b"x", b"x" * 4096, request(1, version=9), request(99), request(6, b"a" * 32), os.urandom(40)):
    s = connect()
    s.send(bad)
    reply = s.recv(4096)
    assert reply == b"" or struct.unpack_from("=II", reply)[1] == 2, reply
# A good one, as the control.
s = connect()
s.send(request(1))
assert struct.unpack_from("=II", s.recv(4096))[1] == 5
# Those who say nothing or do not read, up to the cap; the rest is turned away.
held, refused = [], 0
for i in range(40):
    s = connect()
    try:
        s.send(request(5))
        if s.recv(4096) == b"":
            refused += 1
        else:
            held.append(s)
    except OSError:
        refused += 1
assert len(held) == 12 and refused == 28, (len(held), refused)
PYTHON
    [ "$(ctl status --json | jq -r '.state')" = running ]
    signal TERM
    ends_with 143
}

@test "control: descriptors that linger, from a client or from a service, hold nobody up" {
    scenario 'service web flags=ready store=1 -- printf "READY=1\n" >&$NOTIFY_FD; sleep 3600 | $DESCRIPTORS --fd $NOTIFY_FD >$OUT/service' \
        'service agent flags=main -- exec sleep 3600' 'ready 3000'
    boot
    eventually ctl wait agent --timeout 5
    eventually has service standing
    cat "$OUT/service"
    [ "$(grep -c '^attack .*: sent$' "$OUT/service")" -eq 4 ]
    # Anybody of the container. It goes with the namespace.
    mkfifo "$OUT/hold"
    nsenter -t "$(pid1)" -p -m -S 10000 -G 10000 "$DESCRIPTORS" /run/coding-agents/init.sock 2 \
        <"$OUT/hold" >"$OUT/client" 3>&- &
    exec 7>"$OUT/hold"
    eventually has client standing
    cat "$OUT/client"
    # The control: who just receives stands still.
    [ "$(grep -c '^naive .*: stands still$' "$OUT/client")" -eq 4 ]
    # Sent, or refused where the kernel can, or too late for a connection that was ended.
    [ "$(grep -c "^attack " "$OUT/client")" -eq 8 ]
    grep -qE '^attack one: (sent|Operation not permitted)$' "$OUT/client"
    [ "$(timeout 60 nsenter -t "$(pid1)" -p -m -S 65534 -G 65534 "$INITCTL" status --json | jq -r '.state')" = running ]
    signal TERM
    ends_with 143
    exec 7>&-
}

@test "control: without a place for the socket it goes on and says so" {
    scenario 'service agent flags=main -- exit 6' 'ready 3000'
    run -6 unshare --pid --fork --mount-proc sh -c 'mount -t tmpfs -o ro none /run && exec "$@"' sh \
        "$INIT" --boot="$BOOT" -- "$OUT/scenario"
    [[ $output == *"no control socket"* ]]
}

@test "terminal: main is in the foreground of its own group" {
    run -0 script -qec "unshare --pid --fork --mount-proc $INIT sh -c 'ps -o pid=,pgid=,tpgid= -p \$\$; exit 0'" /dev/null </dev/null
    read -r pid group foreground <<<"$(echo "$output" | tr -d '\r')"
    [ "$pid" = "$group" ]
    [ "$group" = "$foreground" ]
}

@test "docker: codes, stop and init's own refusals in a real container" {
    local name=init-bats-$$ image
    image=$("$DOCKER" image ls -q "$BASE_IMAGE")
    [ -n "$image" ] || image=$("$DOCKER" image ls -q coding-agents-bootstrap:bookworm)
    skip_unless "no base image" test -n "$image"
    CONTAINER=$name
    run -23 "$DOCKER" run --rm --network none -v "$INIT:/init:ro" --entrypoint /init "$image" sh -c 'exit 23'
    run -127 "$DOCKER" run --rm --network none -v "$INIT:/init:ro" --entrypoint /init "$image" /no/such
    run -222 "$DOCKER" run --rm --init --network none -v "$INIT:/init:ro" --entrypoint /init "$image" --boot
    "$DOCKER" run -d --name "$name" --network none -v "$INIT:/init:ro" --entrypoint /init "$image" \
        sh -c 'trap "exit 12" TERM; echo up; while :; do sleep 0.05; done'
    is_up() { "$DOCKER" logs "$name" | grep -q up; }
    eventually is_up
    "$DOCKER" stop "$name"
    [ "$("$DOCKER" inspect --format '{{.State.ExitCode}}' "$name")" = 12 ]
}

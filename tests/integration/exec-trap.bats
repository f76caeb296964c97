#!/usr/bin/env bats
# runs as: root
# Attacks on the exec trap: each beside the same attack without the guard, which must succeed.

load common

setup() {
    LOG=$BATS_TEST_TMPDIR/log
    export LOG
    # Seconds for one attack: the full sizes of SOAK=1 take minutes.
    export LIMIT=120
    [ "${SOAK:-0}" != 1 ] || LIMIT=3600
}

# trapped ATTACK...: each below the trap, as the vendor's uid.
trapped() {
    run "$ROOT/tests/attack/tree" bash -c 'for attack; do timeout "$LIMIT" "$ATTACK" 10001 "$attack" || exit 1; done' bash "$@"
    echo "$output"
    tail -n 20 "$LOG.service"
    tail -n 20 "$LOG.runner"
    [ "$status" -eq 0 ]
}

# free ATTACK: without any filter. naive ATTACK: below a guard that looks at the path and lets the call go on; until the
# race is won, which takes longer on a busy machine.
free() {
    run env CONTROL=1 "$ROOT/tests/attack/tree" bash -c '"$ATTACK" --free 10001 "$1"' bash "$1"
    echo "$output"
}
naive() {
    local round
    for round in {1..10}; do
        run env CONTROL=1 "$ROOT/tests/attack/tree" bash -c 'timeout "$LIMIT" "$ATTACK" --naive 10001 "$1"' bash "$1"
        echo "round $round: $output"
        [ "$status" -eq 0 ] || return 0
    done
}

@test "a path that another thread changes: never runs as the caller, as it does below a guard that only looks" {
    trapped swap-by-thread
    naive swap-by-thread
    [ "$status" -eq 1 ]
    [[ $output =~ [1-9][0-9]*' ran as the attacker' ]]
}

@test "a path that another process with the same memory changes: never runs as the caller" {
    trapped swap-by-process swap-by-vfork
    naive swap-by-process
    [ "$status" -eq 1 ]
    naive swap-by-vfork
    [ "$status" -eq 1 ]
}

@test "arguments that another process or thread changes: what is judged is what runs" {
    export POLICY='{"version": 1, "rules": [{"id": "no-forbidden", "action": "deny", "tier": "read", "message": "no",
        "match": {"program": "trap", "arguments": ["forbidden"]}}]}'
    trapped swap-arguments
    grep -q 'exec start .* rule no-forbidden ' "$LOG.runner"
    naive swap-arguments
    [ "$status" -eq 1 ]
    [[ $output =~ [1-9][0-9]*' ran with what is denied' ]]
    trapped swap-own-arguments
    grep -q 'exec start .* rule no-forbidden ' "$LOG.runner"
    naive swap-own-arguments
    [ "$status" -eq 1 ]
    [[ $output =~ [1-9][0-9]*' ran with what is denied' ]]
}

@test "a program that another takes the place of, or the bytes: what is judged is what runs; an interpreter reads its script later" {
    local script way
    script=$(printf '#!/bin/sh\nexit 43\n' | sha256sum | cut -d ' ' -f 1)
    POLICY=$(jq -n --arg program "$(sha256sum "$BUILD/tests/attack/trap" | cut -d ' ' -f 1)" --arg script "$script" \
        '{version: 1, rules: [{id: "no-other", action: "deny", tier: "read", message: "no",
            match: {sha256: [$program, $script]}}]}')
    export POLICY
    trapped swap-link swap-way
    grep -q 'exec start .* rule no-other ' "$LOG.runner"
    for way in swap rewrite; do
        trapped "$way-program"
        grep -q 'exec start .* rule no-other ' "$LOG.runner"
        grep -q 'it was changed or replaced while it was judged' <<<"$output"
        # Where it cannot be held to what was judged, the same changes win.
        run "$ROOT/tests/attack/tree" bash -c 'timeout "$LIMIT" "$ATTACK" 10001 "$1"' bash "$way-script"
        echo "$output"
        [ "$status" -eq 1 ]
        [[ $output =~ [1-9][0-9]*' ran what is denied' ]]
    done
}

# What comes out of each of these as the vendor's uid, it runs in a sandbox; without the trap, as its caller.
ODD=(names scripts environment own-filters undumpable arguments descriptors streams foreign-terminal directory
    swap-directory rate flood)

@test "other names, scripts, filters, arguments, descriptors, terminals and directories: in a sandbox or not at all" {
    trapped "${ODD[@]}"
    local words
    for words in 'is a directory' 'only names a file' "is a file of the kernel's" 'is a connection to a service' \
        'the working directory was removed'; do
        grep -q "exec start .* uid 10001 .*$words" "$LOG.runner"
    done
    run env CONTROL=1 "$ROOT/tests/attack/tree" bash -c \
        'for attack; do timeout "$LIMIT" "$ATTACK" --free 10001 "$attack" || exit 1; done' bash "${ODD[@]}"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "who judges cannot be signalled, traced, read or gone around; root, which a vendor never is, could" {
    trapped services
    run env CONTROL=1 "$ROOT/tests/attack/tree" bash -c '"$ATTACK" --free 0 services'
    echo "$output"
    [ "$status" -eq 1 ]
    local what
    for what in 'kill the runner: 0' 'trace the runner: 0' 'stop PID 1: 0' "read the runner's memory: [1-9]" \
        'connect to the sandbox service: 0'; do
        grep -q "^$what" <<<"$output"
    done
}

@test "whatever a program is called by, it runs in a sandbox" {
    trapped aliases
    free aliases
    [ "$status" -eq 1 ]
    [[ $output == *'by its path: 42 instead of 41'* ]]
}

@test "a program without a name is refused, and that is on record" {
    trapped nameless
    grep -q 'exec refused - uid 10001 .* status 13 .*memfd:program.*without a name' "$LOG.runner"
    free nameless
    [ "$status" -eq 0 ]
}

@test "refusals go on record no faster than commands: each is there, the flood waits" {
    trapped refusals
    [ "$(grep -c 'exec refused - uid 10001 .*without a name' "$LOG.runner")" -eq 4000 ]
}

# refused_to COUNT KEEPER...: a storm of calls that are refused, until so many refusals are with the keeper.
refused_to() {
    export COUNT=$1 KEEPER=${*:2}
    # shellcheck disable=SC2016 # expanded inside
    run "$ROOT/tests/attack/tree" bash -c '
        calls=$(timeout "$LIMIT" "$ATTACK" 10001 nameless-storm | sed -n "s/ calls$//p")
        for _ in {1..600}; do
            kept=$(grep -c "^slow-keeper: a refusal" /proc/self/fd/9)
            [ "$kept" -ge "$COUNT" ] && break
            sleep 0.1
        done
        echo "$calls calls, $kept kept"'
    echo "$output"
    grep -v '^slow-keeper: a refusal' "$LOG.runner" | tail -n 5
    # What the keeper does not get, the runner says itself.
    run -0 grep -c 'exec refused' <(cat "$LOG.runner"; echo 'exec refused')
    [ "$output" -eq 1 ]
}

@test "a keeper that reads nothing for a while: it has each refusal of a storm in the end" {
    # By then most wait for their time.
    refused_to 6000 "$BUILD/tests/helpers/slow-keeper" 3000:2500
    [ "$(grep -c '^slow-keeper: a refusal' "$LOG.runner")" -eq 6000 ]
}

@test "the same, and a runner that takes the place of one that owed hundreds of them" {
    # What a killed runner had not handed over is lost; of what it owed nothing is.
    refused_to 5000 "$BUILD/tests/helpers/slow-keeper" 3000:1 "$BUILD/tests/helpers/keep-runner" 1:200 /tmp/killed
    grep -q 'keep-runner: killed, [23][0-9]\{2\} calls waited' "$LOG.runner"
}

@test "what cannot be executed gets the kernel's own error" {
    trapped errors pointers
    free errors
    [ "$status" -eq 0 ]
}

@test "a stack pointer that leads nowhere gets an error, and nothing runs" {
    trapped stack
    [ "$(grep -c 'the stack pointer is not usable' "$LOG.runner")" -eq 7 ]
    free stack
    [ "$status" -eq 1 ]
    [[ $output == *'stack 0: 42'* ]]
}

@test "a caller with a tracer of its own, and a second listener, are refused" {
    trapped traced listener
    grep -q 'it is traced already' "$LOG.runner"
    free traced
    [ "$status" -eq 1 ]
    free listener
    [ "$status" -eq 1 ]
}

@test "a call that fails late, amid signals: its error and every register are the caller's own" {
    trapped signals registers
    [[ $output =~ [0-9]+\ calls,\ [0-9]+\ interrupted ]]
    free registers
    [ "$status" -eq 0 ]
    free signals
    [ "$status" -eq 0 ]
    [[ $output == *'calls, 0 interrupted'* ]]
}

@test "threads: a call of one that is not the first, and several at once" {
    trapped thread two-threads
}

@test "stops and deaths in the middle of a call leave nothing behind" {
    trapped stops deaths
    free stops
    [ "$status" -eq 1 ]
}

@test "32 threads that spawn at once: no failure" {
    trapped spawns
}

@test "a runner killed in the middle of searches along PATH: the next one answers what it owed, and lives" {
    local kills=25
    [ "${SOAK:-0}" != 1 ] || kills=1000
    export MARK=/tmp/searched KEEPER="$BUILD/tests/helpers/keep-runner $kills /tmp/searched"
    trapped search
    grep keep-runner "$LOG.runner" | sort | uniq -c
    [ "$(grep -c 'keep-runner: killed' "$LOG.runner")" -eq "$kills" ]
    # There was something to take over, and nobody stumbled over it.
    grep -q 'killed, [1-9][0-9]* calls waited' "$LOG.runner"
    run -1 grep 'ended by itself' "$LOG.runner"
}

@test "callers whose judges read for long delay nobody: others, trapped or not, are served meanwhile" {
    # Before a command runs its sandbox reads the program, for the digest on record: these have 20 GiB of holes.
    run env TRIES=3 CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        judging() { "$CTL" ps | grep -c " starting "; }
        for i in {1..6}; do
            truncate -s 20G "slow$i" && chmod 0755 "slow$i"
            setpriv --reuid 10000 --regid 10000 --clear-groups "$CTL" exec -- "/workspace/slow$i" & slow+=($!)
        done
        for _ in {1..50}; do [ "$(judging)" -eq 6 ] && break; sleep 0.1; done
        for _ in {1..5}; do timeout 10 "$CTL" exec -- true || echo "late: $?"; done
        timeout 30 "$ATTACK" 10001 thread || echo "trapped, late: $?"
        echo "judging: $(judging)"
        kill -KILL "${slow[@]}"
        for _ in {1..50}; do [ "$(judging)" -eq 0 ] && break; sleep 0.1; done
        echo "judging: $(judging)"'
    echo "$output"
    # They judged from before the first until after the last of the others: nothing here is about time.
    [ "$(grep -v Killed <<<"$output")" = $'judging: 6\njudging: 0' ]
}

@test "a caller's number that becomes another's, at any step of the runner: the other one is left alone, and has no ticket" {
    # shellcheck disable=SC2016 # expanded inside
    local reuse='"$REUSE" $TOUCH "$RUNNER_PID" 10001 "$ATTACK" 10001 turns'
    export REUSE="$BUILD/tests/helpers/reuse-pid" TOUCH=
    run "$ROOT/tests/attack/tree" bash -c "timeout $LIMIT $reuse"
    echo "$output"
    [ "$status" -eq 0 ]
    # The runner was stopped before it held a caller, while it did, and after.
    [[ $output =~ pass\ 0:\ ([0-9]+)\ steps,\ ([0-9]+)\ numbers\ reused,\ ([0-9]+)\ of\ them\ held ]]
    [ "${BASH_REMATCH[2]}" -eq "${BASH_REMATCH[1]}" ]
    [ "${BASH_REMATCH[3]}" -gt 10 ]
    [ $((BASH_REMATCH[2] - BASH_REMATCH[3])) -gt 20 ]
    # One who goes by numbers is noticed.
    TOUCH=--touch run "$ROOT/tests/attack/tree" bash -c "timeout $LIMIT $reuse"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == 'the bystander ended with status: 9 '* ]]
}

@test "one who is held by mistake while its call is received, or while it cannot stop: goes on as if nobody had touched it" {
    run "$ROOT/tests/attack/tree" bash -c 'timeout 60 "$ATTACK" 0 taken-number'
    echo "$output"
    tail -n 5 "$LOG.runner"
    [ "$status" -eq 0 ]
    # Its call, made again, is the only one that anything is on record about.
    [ "$(grep -c 'exec start .* uid 10001 ' "$LOG.runner")" -eq 1 ]
    run -1 grep 'exec refused' "$LOG.runner"
    # One that is killed there is noticed.
    TOUCH=1 run "$ROOT/tests/attack/tree" bash -c 'timeout 60 "$ATTACK" 0 taken-number'
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == 'one whose call was received ended with 137 '* ]]
}

# recorded WHAT STATUSES: how the commands ended whose relay was WHAT, as waitpid(2) has it.
recorded() {
    local pid
    # A shell that was killed may have begun to say something.
    pid=$(sed -n "s/^.*\\b$1: \\([0-9]*\\)\$/\\1/p" <<<"$output")
    [[ $(sed -n "s/.* exec end .* pid $pid .* status \\([0-9]*\\) .*/\\1/p" "$LOG.runner" | sort -n) == "$2" ]]
}

@test "a relay that is killed, stopped, or speaks for another: its command ends, and the record has the true end" {
    # Who could trace a relay, which nobody can in an image.
    export RELAY_MODE=0755
    trapped relay
    recorded killed 9
    recorded stopped $((7 << 8))
    recorded false 9
    # What the relay became ran in a sandbox as well.
    recorded executing $'9\n'$((41 << 8))
    # The same without a relay: what a program started lives on, and what it becomes is free.
    CONTROL=1 free relay
    [ "$status" -eq 0 ]
}

@test "a relay is nobody's to look into, and what its process said before is not heard for it" {
    trapped closed-relay early
    grep -qx 'its memory: Permission denied' <<<"$output"
    # A program that anybody can read makes processes that its user can look into.
    free closed-relay
    [ "$status" -eq 1 ]
    grep -qx 'its memory: open' <<<"$output"
    CONTROL=1 free early
    [ "$status" -eq 0 ]
}

@test "a relay without descriptors says so in a line, and nothing runs" {
    trapped few-descriptors
    [[ $output =~ ([1-9])\ refused ]]
    [ "$(grep -c '^agent-exec-relay: .*: \(No file descriptors available\|Too many open files\)$' \
        <<<"$output"$'\n'"$(cat "$LOG.service")")" -eq "${BASH_REMATCH[1]}" ]
    CONTROL=1 free few-descriptors
    [ "$status" -eq 0 ]
}

@test "a runner without descriptors: calls get that error, who connects waits, some are refused, and then all is well" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        # Numbers below the limit are in use: nothing can be opened.
        allow() { prlimit --pid "$RUNNER_PID" --nofile="$1:1024"; }
        turn() { echo >&"${turns[1]}"; read -ru "${turns[0]}" _; read -ru "${turns[0]}" code; echo "$1: $code"; }
        # All turns may have to wait that long.
        coproc turns { exec timeout 300 "$ATTACK" 10001 turns; }
        read -ru "${turns[0]}" _
        turn before
        allow 5
        turn call
        "$CTL" exec -- echo waited & waiting=$!
        sleep 0.5
        kill -0 "$waiting" && echo waiting
        allow 1024
        wait "$waiting"
        # From none that is free to enough: each is served, or refused.
        for limit in {6..30..2}; do
            allow "$limit"
            # Longer than a client is patient by itself: TASK_CLIENT_PATIENCE_MS.
            timeout 30 "$CTL" exec -- true & operator=$!
            turn some
            # What neither is may wait for descriptors.
            [ "$limit" -lt 24 ] && allow 1024
            wait "$operator" || echo "operator: $?"
        done
        allow 1024
        turn after
        "$CTL" exec -- echo well'
    echo "$output"
    tail -n 20 "$LOG.runner"
    [ "$status" -eq 0 ]
    # EMFILE, the call itself failed; 41, it ran in a sandbox; 126, its relay was refused; 137, there was no ticket.
    [ "$(grep -vE '^some: (24|41|126|137)$|^operator: 126$|^agent-[a-z-]*: ' <<<"$output")" = "before: 41
call: 24
waiting
waited
after: 41
well" ]
    grep -qE '^(some: (24|126)|operator: 126)$' <<<"$output"
    [ "$(grep -c '^some: 137$' <<<"$output")" -eq "$(grep -c 'killed: no ticket could be made' "$LOG.runner")" ]
}

@test "makers of sandboxes without descriptors: each command is refused with the cause, and then all is well" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        makers=$(pgrep --parent "$SERVICE_PID")
        allow() { for maker in $makers; do prlimit --pid "$maker" --nofile="$1:1024"; done; }
        # settle: three are warm, and none is being made; use_up: those were made before.
        settle() { for _ in $(seq 100); do [ "$("$CTL" ps | grep -c " warm ")" -eq 3 ] && return; sleep 0.1; done; }
        use_up() { for _ in 1 2 3; do timeout 10 "$CTL" exec -- true; done >"/tmp/used" 2>&1; }
        allow 1024
        "$CTL" exec -- echo well
        # 3: none, not even for the request; 6: not for what is made; 10: not for the command.
        for limit in 3 6 10; do
            settle
            allow "$limit"
            use_up
            echo "limit $limit"
            timeout 10 "$CTL" exec -- touch /workspace/ran; echo "ended with $?"
            timeout 10 "$ATTACK" 10001 names 2>&1 | grep -o "^agent-exec-relay: .*" | sort -u
            allow 1024
            settle
            use_up
            timeout 10 "$CTL" exec -- echo well
        done
        [ "$makers" = "$(pgrep --parent "$SERVICE_PID")" ] && ls /workspace'
    echo "$output"
    tail -n 5 "$LOG.service"
    [ "$status" -eq 0 ]
    local files='Too many open files'
    [ "$output" = "well
limit 3
agent-task-runnerctl: make a sandbox: $files
ended with 126
agent-exec-relay: make a sandbox: $files
well
limit 6
agent-task-runnerctl: make a sandbox: $files
ended with 126
agent-exec-relay: make a sandbox: $files
well
limit 10
agent-task-runnerctl: the command cannot be taken over: receive its descriptors: $files
ended with 126
agent-exec-relay: the command cannot be taken over: receive its descriptors: $files
well" ]
}

@test "a maker that ends: its service says so and ends at once, for PID 1 to start it again; one of an older policy is none" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        "$CTL" exec -- true && "$CTL" reload && "$CTL" exec -- echo reloaded && kill -0 "$SERVICE_PID" || exit 1
        # The last one is of a profile that nobody asks for.
        kill -KILL "$(pgrep --parent "$SERVICE_PID" | tail -n 1)"
        for _ in {1..20}; do kill -0 "$SERVICE_PID" || exit 0; sleep 0.1; done; exit 1'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *reloaded* ]]
    grep -q 'a process that makes sandboxes has ended' "$LOG.service"
}

@test "the task runner is below a filter of its own: what it never does is refused, as it is not to the service beside it" {
    run env INSIDE="$BUILD/tests/helpers/call-inside" "$ROOT/tests/attack/tree" bash -c '
        grep -q "^Seccomp:[[:space:]]*2" "/proc/$RUNNER_PID/status" || exit 1
        for call in getpid unix-socket inet-socket execve seccomp unlink; do
            echo "$call: $("$INSIDE" "$RUNNER_PID" "$call"), $("$INSIDE" "$SERVICE_PID" "$call")"
        done'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 'getpid: done, done' ]
    [ "${lines[1]}" = 'unix-socket: done, done' ]
    [ "${lines[2]}" = 'inet-socket: Operation not permitted, done' ]
    [ "${lines[3]}" = 'execve: Operation not permitted, Bad address' ]
    [ "${lines[4]}" = 'seccomp: Operation not permitted, Invalid argument' ]
    [ "${lines[5]}" = 'unlink: Operation not permitted, Bad address' ]
}

@test "without its filter the task runner does not start, and says why" {
    run "$ROOT/tests/attack/tree" bash -c 'cd /etc/coding-agents/seccomp && mv runner.bpf away
        /usr/libexec/coding-agents/agent-task-runnerd 2>&1; echo "ended with $?"
        : >runner.bpf; /usr/libexec/coding-agents/agent-task-runnerd 2>&1; echo "ended with $?"'
    echo "$output"
    [[ ${lines[0]} == 'agent-task-runnerd: confine the task runner to the seccomp filter: '*'No such file'* ]]
    [ "${lines[1]}" = 'ended with 1' ]
    [[ ${lines[2]} == *'is damaged'* ]]
    [ "${lines[3]}" = 'ended with 1' ]
}

@test "a detached command: its sandbox keeps what it says, whole, until it is read, and only the first of too much" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        task() { "$CTL" run -- sh -c "$1"; }
        id=$(task "echo one; sleep 0.3; echo two >&2; cat; sleep 0.3; echo three")
        "$CTL" logs --follow "$id"
        "$CTL" logs t99 2>&1; "$CTL" exec -- sleep 5 & sleep 0.3
        "$CTL" logs "$("$CTL" ps | awk "\$2 == \"running\" { print \$1 }")" 2>&1
        id=$(task "head -c 3000000 /dev/zero | tr \"\\0\" x; sleep 5")
        for _ in {1..50}; do [ "$("$CTL" logs "$id" | wc -c)" -gt 1048576 ] && break; sleep 0.1; done
        "$CTL" logs "$id" | wc -c; "$CTL" logs "$id" | tail -n 1; "$CTL" kill "$id"'
    echo "$output"
    [ "${lines[0]}" = one ]
    [ "${lines[1]}" = two ]
    [ "${lines[2]}" = three ]
    [[ ${lines[3]} == *'there is no such task, or it keeps no log' ]]
    [[ ${lines[4]} == *'there is no such task, or it keeps no log' ]]
    [ "${lines[5]}" = $((1024 * 1024 + 25)) ]
    [ "${lines[6]}" = '[the rest was not kept]' ]
}

@test "one user's commands without a trapped exec have a bound, root's have none, and others go on" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        as() { setpriv --reuid "$1" --regid "$1" --clear-groups "$CTL" run -- sleep 60; }
        for _ in {1..130}; do as 10001; done 2>&1 | sed "s/^t[0-9]*$/begun/" | sort | uniq -c
        as 0 && as 10003 && "$ATTACK" 10002 names'
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q '^ *128 begun$' <<<"$output"
    grep -q '^ *2 .*this user has too many commands' <<<"$output"
}

@test "a program that its owner rewrites, with the size and time it had: a rule with a digest sees what is there" {
    POLICY=$(jq -n --arg sha256 "$(printf '#!/bin/sh\nexit 2\n' | sha256sum | cut -d ' ' -f 1)" \
        '{version: 1, rules: [{id: "no-second", action: "deny", tier: "read", message: "no", match: {sha256: $sha256}}]}')
    export POLICY
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        for code in 1 2; do
            printf "#!/bin/sh\nexit $code\n" >/tmp/own
            chmod 0755 /tmp/own; touch -d @1 /tmp/own
            "$CTL" exec -- /tmp/own; echo "ended with $?"
        done'
    echo "$output"
    grep -qx 'ended with 1' <<<"$output"
    grep -qx 'ended with 126' <<<"$output"
}

@test "a program that is changed in place while it is judged does not run: its bytes, its size or its time; a script does" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        # Each is read for its digest for a second or more, and changed meanwhile.
        while_judged() {
            "$CTL" exec -- "$1" & command=$!
            for _ in {1..50}; do "$CTL" ps | grep -q " starting " && is_open "$1" && break; sleep 0.02; done
            "${@:2}"
            "$CTL" ps | grep -q " starting " || echo "it was too late"
            wait "$command"
            echo "${2}: ended with $?"
        }
        is_open() { find /proc/[0-9]*/fd -lname "*${1##*/}" -print -quit 2>/dev/null | grep -q .; }
        # The one before may still be about to end, and nobody writes to what is executed.
        insist() { until "$@" 2>/dev/null; do sleep 0.01; done; }
        bytes() { touch -r "$1" before; insist dd if=other of="$1" bs=1 seek=400000000 conv=notrunc; touch -r before "$1"; }
        size() { touch -r "$1" before; insist truncate -s +1 "$1"; touch -r before "$1"; }
        time_of() { touch "$1"; }
        nothing() { head -c 1 "$1" >/dev/null; }
        printf y >other
        cp /usr/bin/true program
        printf "#!/bin/sh\nexit 7\n" >script
        chmod 0755 program script
        truncate -s 400000001 program
        truncate -s 400000001 script
        inode=$(stat -c %i program)
        for change in nothing bytes size time_of; do while_judged /workspace/program "$change" program; done
        "$CTL" exec -- /workspace/program; echo "afterwards: $?"
        [ "$inode" = "$(stat -c %i program)" ] && while_judged /workspace/script bytes script'
    echo "$output"
    [ "$status" -eq 0 ]
    local changed="cannot run '/workspace/program': it was changed or replaced while it was judged"
    [ "$output" = "nothing: ended with 0
$changed
bytes: ended with 126
$changed
size: ended with 126
$changed
time_of: ended with 126
afterwards: 0
bytes: ended with 7" ]
    grep 'exec ' "$LOG.runner"
    # On record are five programs that were to run, three of which did not.
    [ "$(grep -c 'exec start .* /workspace/program' "$LOG.runner")" -eq 5 ]
    [ "$(sed -n 's|.*exec end .* status \([0-9]*\) /workspace/program|\1|p' "$LOG.runner" | sort | uniq -c | tr -s ' \n' ' ')" = \
        " 2 0 3 $((126 << 8)) " ]
}

@test "a sandbox that does not close: who waits hears the cause, and nothing runs" {
    run env CTL="$BUILD/image/usr/local/bin/agent-task-runnerctl" "$ROOT/tests/attack/tree" bash -c '
        for maker in $(pgrep --parent "$SERVICE_PID"); do
            nsenter --target "$maker" --mount mount -t tmpfs none /dev
        done
        # Those that were made before, or were being made, close.
        for _ in {1..50}; do "$CTL" exec -- true || break; done
        "$CTL" exec -- touch /workspace/ran 2>&1; echo "ended with $?"; ls /workspace'
    echo "$output"
    [[ $output == *'the sandbox does not close: the process tree: mask '*': No such file or directory'* ]]
    [[ $output != *'ended with 0'* ]]
    [ "${lines[-1]}" != ran ]
}

#!/usr/bin/env bats
# Limits and networks as the kernel has them, in sessions with the shipped flags.
# runs as: user
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=limits-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
    "$CA" remove "$NAME-other" --yes --no-push >/dev/null 2>&1 || true
}

# What the kernel limits this process to, in one form for both versions of cgroups.
read_limits='
    cd /sys/fs/cgroup
    if test -e cgroup.controllers; then
        awk "{ print \"cpus\", \$1 / \$2 }" cpu.max
        echo "memory $(cat memory.max)"
        echo "swap $(cat memory.swap.max)"
        echo "pids $(cat pids.max)"
        sed "s/^/io /" io.max
    else
        awk "NR == 1 { quota = \$1 } NR == 2 { print \"cpus\", quota / \$1 }" cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us
        echo "memory $(cat memory/memory.limit_in_bytes)"
        echo "swap $(($(cat memory/memory.memsw.limit_in_bytes 2>/dev/null || cat memory/memory.limit_in_bytes) -
            $(cat memory/memory.limit_in_bytes)))"
        echo "pids $(cat pids/pids.max)"
        sed "s/^/read /" blkio/blkio.throttle.read_bps_device
        sed "s/^/write /" blkio/blkio.throttle.write_bps_device
    fi
    echo "core $(ulimit -c)"'

has_line() {
    grep -qxE "$1" <<<"$output" || { echo "no line '$1' in: $output"; return 1; }
}

@test "processors, memory and processes are limited as asked, and by default" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push --cpus 0.5 --memory 96m --pids 77 -- sh -c "$read_limits"
    echo "$stderr"
    [ "$status" -eq 0 ]
    has_line 'cpus 0\.5'
    has_line "memory $((96 * 1024 * 1024))"
    has_line 'swap 0'
    has_line 'pids 77'
    has_line 'core 0'
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-default" --no-push -- sh -c "$read_limits"
    [ "$status" -eq 0 ]
    local cpus memory
    cpus=$("$DOCKER" info --format '{{.NCPU}}')
    memory=$("$DOCKER" info --format '{{.MemTotal}}')
    has_line "cpus $((cpus < 4 ? cpus : 4))"
    # In whole pages.
    has_line "memory $(((memory < 8 << 30 ? memory : 8 << 30) / 4096 * 4096))"
    has_line 'pids 4096'
}

# bats test_tags=soak
@test "reading and writing of a block device are limited as asked" {
    local device number
    device=$(lsblk --nodeps --noheadings --paths --output NAME,TYPE | awk '$2 == "disk" { print $1; exit }')
    skip_unless 'needs a block device' test -b "$device"
    number=$(lsblk --nodeps --noheadings --output MAJ:MIN "$device" | tr -d ' ')
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push \
        --device-read-bps "$device:3mb" --device-write-bps "$device:2mb" -- sh -c "$read_limits"
    echo "$stderr"
    [ "$status" -eq 0 ]
    if grep -q '^io ' <<<"$output"; then
        has_line "io $number rbps=3145728 wbps=2097152 .*"
    else
        has_line "read $number 3145728"
        has_line "write $number 2097152"
    fi
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-without" --no-push -- sh -c "$read_limits"
    [ "$status" -eq 0 ]
    [[ "$output" != *"$number"* ]]
}

@test "the limit of processes stops a fork bomb, and the session ends in order" {
    run "$CA" run shell "$REPO" --name "$NAME" --pids 40 -- \
        sh -c 'echo x >x; i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i + 1)); done; echo all of them'
    echo "$output"
    [ "$status" -ne 0 ]
    [[ "$output" != *'all of them'* ]]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
}

@test "a command that takes more memory than it may is killed, and status tells so" {
    run "$CA" run shell "$REPO" --name "$NAME" --memory 64m -- sh -c 'echo x >x; exec tail /dev/zero'
    echo "$output"
    [ "$status" -eq 137 ]
    local state
    state=$("$CA" status "$NAME" --json)
    [ "$(jq -r .exit_code <<<"$state")" -eq 137 ]
    [ "$(jq -r .was_oom_killed <<<"$state")" = true ]
    [ "$(jq -r .cause <<<"$state")" = 'the container ran out of memory' ]
    [[ "$output" == *'the container ran out of memory'* ]]
    # PID 1 lived on, so the work was saved all the same.
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
    # The positive control: the same code without a lack of memory has no cause.
    run "$CA" run shell "$REPO" --name "$NAME-other" --memory 64m --no-push -- sh -c 'kill -KILL $$'
    [ "$status" -eq 137 ]
    [ -z "$("$CA" status "$NAME-other" --json | jq -r .cause)" ]
}

# bats test_tags=soak
@test "few descriptors for every process: enough for a session and its command, or the boot says what there were too few for" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push --engine-arg=--ulimit=nofile=64:64 -- \
        sh -c 'ulimit -n; echo ran'
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$output" = $'64\nran' ]
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-other" --no-push --engine-arg=--ulimit=nofile=14:14 -- echo ran
    echo "$stderr"
    [ "$status" -eq 214 ]
    [ -z "$output" ]
    [[ "$(tail -1 <<<"$stderr")" == 'coding-agents: boot was refused at step '*': Too many open files' ]]
}

@test "a restricted session has no network but its own loopback" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push --network restricted -- \
        sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "; cat /proc/net/route | tail -n +2'
    [ "$status" -eq 0 ]
    [ "$output" = lo ]
    # The positive control: the default has a way out.
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-other" --no-push -- \
        sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "; cat /proc/net/route | tail -n +2 | grep -c .'
    [ "$status" -eq 0 ]
    [[ "$output" == *eth0* ]]
    [ "${lines[-1]}" -ge 1 ]
}

# Answers every connection to port 7777 with a word.
serve='use Socket; socket(S, PF_INET, SOCK_STREAM, 0) or die; setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
    bind(S, sockaddr_in(7777, INADDR_ANY)) or die; listen(S, 5); open(F, ">", "/tmp/serves"); close(F);
    while (accept(C, S)) { print C "reached\n"; close(C) }'
ask='read -t 3 -r word </dev/tcp/$0/7777 && echo "$word"'

address_of() {
    "$DOCKER" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"
}

@test "two sessions cannot reach each other" {
    "$CA" launch shell "$REPO" --name "$NAME" -- perl -e "$serve"
    wait_for 20 "$DOCKER" exec "$(container_of "$NAME")" test -e /tmp/serves
    local address
    address=$(address_of "$(container_of "$NAME")")
    [ -n "$address" ]
    # It serves: from its own container.
    run "$DOCKER" exec --user 10000 "$(container_of "$NAME")" bash -c "$ask" "$address"
    [ "$output" = reached ]
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-other" --no-push -- timeout 5 bash -c "$ask" "$address"
    echo "$stderr"
    [ "$status" -ne 0 ]
    [ -z "$output" ]
}

@test "two containers on one plain network can, so the tools of that test see what there is" {
    local network=$NAME
    "$DOCKER" network create "$network" >/dev/null
    "$DOCKER" run -d --rm --name "$NAME-server" --network "$network" --entrypoint perl "$SHELL_IMAGE" -e "$serve" >/dev/null
    wait_for 20 "$DOCKER" exec "$NAME-server" test -e /tmp/serves
    run "$DOCKER" run --rm --network "$network" --entrypoint timeout "$SHELL_IMAGE" 5 bash -c "$ask" "$(address_of "$NAME-server")"
    "$DOCKER" rm -f "$NAME-server" >/dev/null
    "$DOCKER" network rm "$network" >/dev/null
    [ "$status" -eq 0 ]
    [ "$output" = reached ]
}

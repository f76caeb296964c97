#!/usr/bin/env bats
# The dependency lists are complete: the build and the unit tests in a fresh container that has nothing else.

load common

setup() {
    bats_require_minimum_version 1.5.0
    base=$("$ROOT/images/build" --base)
}

@test "a fresh Debian with git, make and the sets build and check builds everything and passes the unit tests" {
    # What root has on a machine of its own: unit tests make namespaces and look into processes.
    run "$DOCKER" run --rm --volume "$ROOT:/checkout:ro" --env MUST_WORK --security-opt seccomp=unconfined \
        --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add SYS_BOOT --cap-add SYS_PACCT \
        --cap-add SYSLOG "$base" sh -euc '
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends git make
        mkdir /tree
        cd /checkout && tar -c --exclude=./build --exclude=./.git . | tar -x -C /tree
        cd /tree
        images/install-packages build check
        make --silent -j"$(nproc)" check' </dev/null
    echo "$output" | tail -30
    [ "$status" -eq 0 ]
    grep -qE '^[1-9][0-9]* passed, 0 failed' <<<"$output"
}

@test "without the set build there is no build" {
    run -1 "$DOCKER" run --rm "$base" sh -c 'command -v make || command -v gcc || command -v musl-gcc || exit 1'
}

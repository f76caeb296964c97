#!/usr/bin/env bats
# The dependency lists are complete: the build and the unit tests in a fresh container that has nothing else.

load common

setup() {
    bats_require_minimum_version 1.5.0
    base=$("$ROOT/images/build" --base)
}

@test "a fresh Debian with git, make and the sets build and check builds everything and passes the unit tests" {
    run "$DOCKER" run --rm --volume "$ROOT:/checkout:ro" --env MUST_WORK=0 "$base" sh -euc '
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
    run "$DOCKER" run --rm --volume "$ROOT:/checkout:ro" "$base" sh -c 'cd /checkout && command -v make gcc musl-gcc'
    [ "$status" -ne 0 ]
}

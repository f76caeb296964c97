#!/usr/bin/env bats
# The dependency lists are complete: the build and the unit tests in a fresh container that has nothing else; in the gate one
# unit test of each part.
# takes long

load common

setup() {
    bats_require_minimum_version 1.5.0
    base=$("$ROOT/images/build" --base)
}

@test "a fresh Debian with git, make and the sets build and check builds everything and passes the unit tests" {
    local seed=
    [ "${SOAK:-0}" = 1 ] || seed=${UNIT_SEED:-$RANDOM}
    echo "seed $seed"
    passes_unit_tests_in "$base" "$seed"
}

@test "without the set build there is no build" {
    run -1 "$DOCKER" run --rm "$base" sh -c 'command -v make || command -v gcc || command -v musl-gcc || exit 1'
}

#!/usr/bin/env bats
# The dependency lists are complete: the build and the unit tests in a fresh container that has nothing else.

load ../integration/common

setup() {
    base=$("$ROOT/images/build" --base)
}

@test "a fresh Debian with git, make and the sets build and check builds everything and passes the unit tests" {
    passes_unit_tests_in "$base"
}

@test "without the set build there is no build" {
    run -1 "$DOCKER" run --rm "$base" sh -c 'command -v make || command -v gcc || command -v musl-gcc || exit 1'
}

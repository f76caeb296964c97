#!/usr/bin/env bats
# Repositories that belong to somebody else: root acts as their owner, other people are refused.
# runs as: root

load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$(mktemp -d /var/tmp/coding-agents-foreign.XXXXXX)
    NAME=foreign-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
}

teardown() {
    rm -rf "$REPO"
}

@test "root on a person's private repository acts as that person" {
    chown -R 1000:1000 "$REPO"
    # Git alone would refuse, and would execute what the repository's configuration names.
    run git -C "$REPO" status
    [ "$status" -ne 0 ]
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'cat file; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = hello ]
    [ "$(stat -c %u "$REPO/.git/refs/heads/shell/$NAME")" -eq 1000 ]
    [ -z "$(find "$REPO" ! -user 1000)" ]
}

@test "a person on root's repository is refused in one sentence" {
    chmod 0755 "$REPO"
    run --separate-stderr "$ROOT/tests/setup/as-test-user" "$CA" run shell "$REPO" --name "$NAME" -- true
    [ "$status" -eq 202 ]
    # shellcheck disable=SC2154 # bats sets stderr
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
}

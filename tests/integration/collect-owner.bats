#!/usr/bin/env bats
# runs as: root
# Root collects for other users without becoming a danger to them, or they to root.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load common
load collect

@test "root collects into a repository of another user as that user" {
    make_repository
    write_state
    usual_work
    chmod 0755 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
    chown -R 12345:12345 "$REPOSITORY"
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [ -z "$(find "$REPOSITORY" ! -uid 12345)" ]
}

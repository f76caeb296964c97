#!/usr/bin/env bats
# Containers killed at 200 points of their lives, spread over every row of boot and shutdown.
# runs as: root

load ../integration/common
load ../integration/session
load ../integration/kill-points

setup_file() {
    kills_setup_file
}

teardown_file() {
    session_teardown_file
}

@test "200 kills: the repository is untouched, and the work comes back by what list says" {
    points 200 "${CONTAINER_PHASES[@]}"
    hits "${CONTAINER_PHASES[@]}"
}

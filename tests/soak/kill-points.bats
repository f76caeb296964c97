#!/usr/bin/env bats
# Containers killed at 200 points of their lives, spread over every row of boot and shutdown, and their collectors.
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
    points 200 container_point "${CONTAINER_PHASES[@]}"
    hits "${CONTAINER_PHASES[@]}"
}

@test "40 kills of collectors: the next one brings the work" {
    points 40 collect_point "${COLLECT_PHASES[@]}"
    hits "${COLLECT_PHASES[@]}"
}

#!/usr/bin/env bats
# 500 kills while an agent's history goes in and out, spread over all who carry it.
# runs as: root

load ../integration/common
load ../integration/session
load ../integration/kill-points
load ../integration/data-kills

setup_file() {
    data_kills_setup_file
}

teardown_file() {
    data_kills_teardown_file
}

@test "500 kills: a history is all in the store or on record as missing, and nothing is there twice" {
    data_setup
    points "${DATA_ROUNDS:-500}" data_point "${DATA_PHASES[@]}"
    hits "${DATA_PHASES[@]}"
}

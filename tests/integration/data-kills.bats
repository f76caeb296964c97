#!/usr/bin/env bats
# Containers, keepers, brokers, launchers and the programs between them killed while an agent's history goes in and out: it is
# never lost without a word, never half there, never there twice.
# runs as: root
# takes long

load common
load session
load kill-points
load data-kills

setup_file() {
    data_kills_setup_file
}

teardown_file() {
    data_kills_teardown_file
}

@test "killed anywhere on its way, a history is all in the store or on record as missing, and nothing is there twice" {
    # Each who carries it once, and both ways.
    local phases=(container-import program-export keeper-reception merger-merge launcher-export broker-running)
    if [ "${SOAK:-0}" = 1 ]; then phases=("${DATA_PHASES[@]}"); fi
    data_setup
    points "${#phases[@]}" data_point "${phases[@]}"
    hits "${phases[@]}"
}

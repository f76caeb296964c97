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
    # Both ways, and where it is merged; SOAK=1 has each who carries it.
    local phases=(container-import keeper-reception merger-merge)
    if [ "${SOAK:-0}" = 1 ]; then phases=("${DATA_PHASES[@]}"); fi
    data_setup
    points "${#phases[@]}" data_point "${phases[@]}"
    hits "${phases[@]}"
}

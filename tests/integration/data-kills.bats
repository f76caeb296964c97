#!/usr/bin/env bats
# Containers, keepers, brokers, launchers and the programs between them killed while an agent's history goes in and out: it is
# never lost without a word, never half there, never there twice.
# runs as: root

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
    data_setup
    points "${#DATA_PHASES[@]}" data_point "${DATA_PHASES[@]}"
    hits "${DATA_PHASES[@]}"
}

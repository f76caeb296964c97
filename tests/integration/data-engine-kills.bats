#!/usr/bin/env bats
# An engine that is killed while an agent's history goes in or out: a second real engine, of this file's own.
# runs as: root
# takes long

load common
load session
load engine
load kill-points
load data-kills

PHASES=(engine-import engine-export)

setup_file() {
    data_kills_setup_file
    engine_setup_file "$DATA_IMAGE"
}

teardown_file() {
    tail -5 "$ENGINE/log"
    engine_teardown_file
    env -u DOCKER_HOST "$DOCKER" rmi -f "$DATA_IMAGE" >/dev/null 2>&1 || true
}

@test "with an engine killed on its way, a history is all in the store or on record as missing, and nothing is there twice" {
    data_setup
    points "$([ "${SOAK:-0}" = 1 ] && echo 40 || echo "${#PHASES[@]}")" engine_data_point "${PHASES[@]}"
    hits "${PHASES[@]}"
}

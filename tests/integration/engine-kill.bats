#!/usr/bin/env bats
# An engine that is killed while a session boots or shuts down: a second real engine, of this file's own.
# runs as: root
# takes long
# shellcheck disable=SC2034 # for the functions of kill-points.bash

load common
load session
load engine
load kill-points

COUNT=1
PHASES=(down-git)
if [ "${SOAK:-0}" = 1 ]; then
    COUNT=33
    PHASES=(up-kernel up-mounts up-workspace up-git up-data up-drop up-setup up-agent down-data down-git down-mounts)
fi

setup_file() {
    kills_setup_file
    engine_setup_file
}

teardown_file() {
    tail -5 "$ENGINE/log"
    engine_teardown_file
}

@test "a killed engine: the repository is untouched, and the work comes back by what list says" {
    points "$COUNT" engine_point "${PHASES[@]}"
    hits "${PHASES[@]}"
}

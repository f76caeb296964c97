#!/usr/bin/env bats
# Containers, launchers, keepers and engines killed at chosen points, and disks that are full: a sample.
# runs as: root

load common
load session
load kill-points

setup_file() {
    kills_setup_file
}

teardown_file() {
    session_teardown_file
}

@test "killed containers: the repository is untouched, and the work comes back by what list says" {
    local phases=(start up-kernel up-workspace up-git up-drop up-agent running stopping down-data down-git down-mounts)
    points "${#phases[@]}" "${phases[@]}"
    hits "${phases[@]}"
}

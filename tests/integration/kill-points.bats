#!/usr/bin/env bats
# Containers, launchers, keepers and engines killed at chosen points, and disks that are full: a sample.
# runs as: root
# takes long
# shellcheck disable=SC2034 # for the functions of kill-points.bash

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
    # Before, in and after what makes the work and what saves it; SOAK=1 has every phase, 200 times.
    local phases=(start up-workspace running down-git)
    points "${#phases[@]}" container_point "${phases[@]}"
    hits "${phases[@]}"
}

@test "killed launchers: a session goes on or never was, and remove takes either at once" {
    points "${#LAUNCHER_PHASES[@]}" launcher_point "${LAUNCHER_PHASES[@]}"
    hits "${LAUNCHER_PHASES[@]}"
}

@test "a killed keeper and a killed container: the work comes back by what list says" {
    keeper_point running
    [ "$PHASE" = running ]
    MOUNTPOINT=$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$CONTAINER")
    CODE=
    comes_back
    nothing_is_left
}

@test "half a copy is never committed, even when nobody can say that nothing ran" {
    local attempt
    # A row of some milliseconds may be over before there is somebody to kill in it.
    for attempt in 1 2 3 4 5 6 7 8; do
        keeper_point up-workspace
        [ "$PHASE" != up-workspace ] || break
        "$CA" remove "$SESSION" --yes
        git -C "$REPO" branch -q -D "shell/$NAME" 2>/dev/null || true
    done
    echo "killed in $PHASE, attempt $attempt"
    [ "$PHASE" = up-workspace ]
    command=$(command_of_list)
    [ -n "$command" ]
    # shellcheck disable=SC2086 # words
    run --separate-stderr $command
    echo "$output $stderr"
    [ "$status" -eq 208 ]
    [ "$(grep -vc '^saving the work of ' <<<"$stderr")" -eq 1 ] # how far it is, after a second
    [ "$(git -C "$REPO" rev-parse "shell/$NAME")" = "$BASE" ]
    "$CA" remove "$SESSION" --yes
    nothing_is_left
}

@test "killed collectors: the next one brings the work" {
    # Before and in what it brings: likewise.
    local phases=(asked fetched)
    points "${#phases[@]}" collect_point "${phases[@]}"
    hits "${phases[@]}"
}

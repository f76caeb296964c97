#!/usr/bin/env bats
# What agents do to their repository, and what is left of their work.
# runs as: user
# shellcheck disable=SC2016,SC2030,SC2031 # what stands in single quotes is for the shell inside

load common
load session
load terminal
load stop

@test "stale locks of a killed git do not keep the work from being committed" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; touch .git/index.lock .git/HEAD.lock'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"removed a stale lock of git"* ]]
    [ "$(in_branch work)" = work ]
}

@test "git is killed in the middle of a commit by the stop: the next commit takes the work" {
    working 'head -c 60000000 /dev/urandom >big; echo work >work; echo up
        while :; do git add -A; git commit -qm x; git reset -q --soft HEAD~1; done'
    sleep 0.7
    # One follows the other.
    wait_for 20 inside pkill -KILL -x git
    kill -TERM "$LAUNCHER"
    ends_with 143
    [ "$(in_branch work)" = work ]
}

# cannot_commit WORDS: the command ended with 0, but the launcher does not: it says what happened and where the work is,
# and sync tries again.
cannot_commit() {
    echo "$output"
    [ "$status" -eq 208 ]
    [[ $output == *"$1"* ]]
    [[ $output == *"could not be committed"*"still in the volume"* ]]
    [[ $output == *"coding-agents sync"* ]]
    [ "$(in_volume cat /volume/workspace/work)" = work ]
    phase_is ended
    [[ $("$CA" list) == *"coding-agents sync $(id_of "$NAME")"* ]]
    run "$CA" sync "$NAME"
    [ "$status" -eq 208 ]
}

@test "an agent that deletes .git of a sparse work tree: it is not taken for one in which most was deleted" {
    mkdir "$REPO/in" "$REPO/out"
    echo 1 | tee "$REPO/in/file" >"$REPO/out/file"
    git -C "$REPO" add .
    git -C "$REPO" commit -qm Two
    git -C "$REPO" sparse-checkout set --cone in
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; rm -rf .git'
    cannot_commit 'not a git repository'
    not_in_branch work
    in_branch out/file
}

@test "an agent that deletes .git and the volume's repository: the work is in the volume, and it is said" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c \
        'echo work >work; rm -rf .git /var/lib/coding-agents/local.git/*'
    echo "$output"
    [ "$status" -eq 208 ]
    [[ $output == *'not a git repository'*'still in the volume'* ]]
    [ "$(in_volume cat /volume/workspace/work)" = work ]
    [[ $("$CA" list) == *"coding-agents sync $(id_of "$NAME")"* ]]
}

# rebuilt WORDS: the command ended with 0, and so does the launcher: the work is on the branch, on top of what the volume's
# repository had, and it is said what the git directory was not good for.
rebuilt() {
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"$1"*"committed on top of what was pushed"* ]]
    [ "$(in_branch work)" = work ]
    [ "$(in_branch file)" = hello ]
    phase_is collected
}

@test "an agent that deletes .git after it pushed: its work is committed on top of that" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c \
        'echo early >early; git add early; git commit -qm Early; git push -q local HEAD; echo work >work; rm -rf .git'
    rebuilt 'not a git repository'
    [ "$(in_branch early)" = early ]
    [ "$(git -C "$REPO" log --format=%s "shell/$NAME" | sed -n 2p)" = Early ]
}

@test "an agent that breaks the configuration of git" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; echo "[broken" >.git/config'
    rebuilt 'config'
}

@test "an agent that empties the object store" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; rm -rf .git/objects; mkdir .git/objects'
    rebuilt 'git'
}

@test "an agent that takes away its own permissions" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; chmod 0500 .git; chmod 0 .git/index'
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(in_branch work)" = work ]
    [ "$(in_volume cat /volume/workspace/work)" = work ]
}

@test "an agent that checks out another branch, or detaches: its work is the session's branch, and it is said" {
    local first=$NAME way
    for way in 'checkout -q -b other' 'checkout -q --detach'; do
        NAME=$first-${way##*[- ]}
        run "$CA" run shell "$REPO" --name "$NAME" -- sh -c "git $way; echo work >work"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output == *"HEAD was left on '"*"pushed as 'shell/$NAME'"* ]]
        [ "$(in_branch work)" = work ]
        run ! git -C "$REPO" rev-parse --verify -q other
    done
}

@test "commits that the agent left on the session's branch and walked away from are named" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c \
        'echo first >first; git add first; git commit -qm First; git checkout -q --detach HEAD~1; echo work >work'
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"has commits that are not on the branch, kept in the volume: refs/heads/shell/$NAME"* ]]
    [ "$(in_branch work)" = work ]
    not_in_branch first
    [ "$(in_volume git -C /volume/workspace show "shell/$NAME:first")" = first ]
}

@test "an agent that begins a history of its own: the branch of the repository is left alone, --as takes another" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'git checkout -q --orphan fresh; echo work >work'
    echo "$output"
    [ "$status" -eq 208 ]
    [[ $output == *"sync $(id_of "$NAME") --as NAME"* ]]
    not_in_branch work
    "$CA" sync "$NAME" --as "taken/$NAME"
    [ "$(git -C "$REPO" show "taken/$NAME:work")" = work ]
}

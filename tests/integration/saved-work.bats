#!/usr/bin/env bats
# What a session leaves behind is committed whatever state its files, locks and branches are in, or is named.
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=saved-$BATS_TEST_NUMBER-$$
}

@test "an edit that keeps size and time is committed" {
    sleep 1.1
    git -C "$REPO" update-index --refresh
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- \
        sh -ec 'sed s/hello/HELLO/ file >new; touch -r file new; mv new file'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:file")" = HELLO ]
}

@test "locks that killed gits left, in the work tree and in the volume's repository, stop nothing" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -ec 'echo x >x
        touch .git/index.lock ".git/$(git symbolic-ref HEAD).lock" \
            "/var/lib/coding-agents/local.git/$(git symbolic-ref HEAD).lock" \
            /var/lib/coding-agents/local.git/packed-refs.lock'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
}

@test "commits and stashes that are not on the branch are named" {
    git -C "$REPO" branch old
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -ec 'branch=$(git branch --show-current)
        git checkout -q -b aside; git commit -q --allow-empty -m aside; git checkout -q "$branch"
        echo x >file; git stash -q; echo y >y'
    [ "$status" -eq 0 ]
    # shellcheck disable=SC2154 # bats sets stderr
    [[ "$stderr" == *refs/heads/aside* ]]
    [[ "$stderr" == *refs/stash* ]]
    [[ "$stderr" != *refs/heads/old* ]]
    [ "$(git -C "$REPO" show "shell/$NAME:y")" = y ]
}

@test "a filter of the agent's cannot write into what commits, and the log keeps object ids only" {
    cat >"$REPO/filter" <<'END'
#!/bin/sh
# Opens the memory of what runs it for writing: git's, as the control, and agent-commit's.
for process in /proc/[0-9]*; do
    read -r name <"$process/comm" || continue
    case $name in
    git | agent-commit) sh -c ': <>"$0/mem"' "$process" 2>/dev/null && touch "/tmp/wrote-$name" ;;
    esac
done
cat
END
    chmod +x "$REPO/filter"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -ec 'echo "x filter=x" >.gitattributes
        git config filter.x.clean /workspace/filter
        echo x >x'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
    run hardened_run --user 10000:10004 --mount "type=volume,source=$(container_of "$NAME"),destination=/volume,readonly" \
        --entrypoint ls "$SHELL_IMAGE" /volume/tmp
    [[ "$output" == *wrote-git* ]]
    [[ "$output" != *wrote-agent-commit* ]]
    events_of "$NAME" | jq -es 'map(select(.event == "work-committed")) | length == 1 and
        all(.fields.commit | test("^[0-9a-f]{40}$"))'
}

@test "--no-push keeps the work in the volume until sync asks for it" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push -- sh -c 'echo x >x'
    [ "$status" -eq 0 ]
    run git -C "$REPO" cat-file -e "shell/$NAME:x"
    [ "$status" -ne 0 ]
    run "$CA" sync "$NAME"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
    [ "$("$CA" status "$NAME" --json | jq -r .phase)" = collected ]
}

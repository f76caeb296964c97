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

# bats test_tags=soak
@test "an edit that keeps size and time is committed" {
    sleep 1.1
    git -C "$REPO" update-index --refresh
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- \
        sh -ec 'sed s/hello/HELLO/ file >new; touch -r file new; mv new file'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:file")" = HELLO ]
}

# bats test_tags=soak
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
    events_of "$NAME" | holds --slurp 'map(select(.event == "work-committed")) | length == 1 and
        all(.fields.commit | test("^[0-9a-f]{40}$"))'
}

# Everything in a repository that names a program: hooks in three places, and settings. Each program says its name and who
# it is in /tmp/ran.
hostile_repository='
    cat >/workspace/say <<\END
#!/bin/sh
echo "$1 $(id -u) $(sed -n "s/^CapEff:[[:space:]]*//p" /proc/self/status)" >>/tmp/ran
[ "$1" != clean ] || cat
END
    printf "#!/bin/sh\nexec /workspace/say gpg\n" >gpg
    chmod +x say gpg
    local=$(git remote get-url local)
    for place in .git/hooks /workspace/hooks "$local/hooks"; do
        mkdir -p "$place"
        for hook in pre-commit prepare-commit-msg commit-msg post-commit post-index-change reference-transaction pre-push \
            pre-auto-gc pre-receive update proc-receive post-receive post-update push-to-checkout; do
            printf "#!/bin/sh\nexec /workspace/say %s\n" "$hook" >"$place/$hook"
            chmod +x "$place/$hook"
        done
    done
    for config in .git/config "$local/config"; do
        for name in core.fsmonitor core.sshCommand core.askPass core.editor core.pager \
            diff.external diff.x.textconv filter.x.clean merge.x.driver trailer.x.command credential.helper \
            remote.local.receivepack remote.local.uploadpack; do
            git config -f "$config" "$name" "/workspace/say ${name##*.}"
        done
        for name in add commit status push write-tree commit-tree update-ref rev-parse ls-files; do
            git config -f "$config" "alias.$name" "!/workspace/say alias-$name"
        done
        git config -f "$config" credential.helper "!/workspace/say helper"
        git config -f "$config" core.hooksPath /workspace/hooks
        git config -f "$config" gpg.program /workspace/gpg
        git config -f "$config" commit.gpgSign true
        git config -f "$config" push.gpgSign if-asked
    done
    echo "* filter=x diff=x merge=x" >.gitattributes'

@test "of what a repository's hooks and configuration would run, nothing runs but filters, as agentuser and without capabilities" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- bash -c "$hostile_repository"'
        # The control: git itself does what they say.
        { git add -A; git commit -m x; git -c commit.gpgSign=false commit -m x; git push local HEAD:refs/heads/other
          git push --receive-pack=git-receive-pack local HEAD:refs/heads/other
          git -c core.hooksPath=/dev/null fetch ssh://nowhere.invalid/x; git diff HEAD~1; } </dev/null >/dev/null 2>&1
        sort -u /tmp/ran | tee control
        rm /tmp/ran
        echo x >x'
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    local name
    for name in pre-commit post-index-change fsmonitor gpg clean external sshCommand receivepack pre-push pre-receive; do
        grep -q "^$name 10000 " <<<"$output"
    done
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
    run hardened_run --user 10000:10004 --mount "type=volume,source=$(container_of "$NAME"),destination=/volume,readonly" \
        --entrypoint sort "$SHELL_IMAGE" -u /volume/tmp/ran
    echo "$output"
    [ "$output" = 'clean 10000 0000000000000000' ]
}

@test "a configuration that leads the push elsewhere costs no work, and runs nothing" {
    local rule
    for rule in /workspace/else.git 'ext::sh -c touch% /tmp/ran% ||% %S% '; do
        # The control, in the same session: git itself goes where it is led.
        run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push -- bash -c '
            git init -q --bare else.git
            git config protocol.ext.allow always
            git config "url.$1.insteadOf" "$(git remote get-url local)"
            git push local HEAD:refs/heads/led >/dev/null 2>&1
            [ -e /tmp/ran ] || git --git-dir=else.git rev-parse -q --verify refs/heads/led >/dev/null && echo led
            rm -rf /tmp/ran; echo x >x' bash "$rule"
        echo "$output $stderr"
        [ "$status" -eq 0 ]
        grep -q '^led$' <<<"$output"
        "$CA" sync "$NAME"
        [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
        run hardened_run --user 10000:10004 --entrypoint test \
            --mount "type=volume,source=$(container_of "$NAME"),destination=/volume,readonly" "$SHELL_IMAGE" -e /volume/tmp/ran
        [ "$status" -eq 1 ]
        "$CA" remove "$NAME" --yes --no-push
        git -C "$REPO" branch -q -D "shell/$NAME"
    done
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

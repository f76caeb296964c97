#!/usr/bin/env bats
# runs as: user, root in soak
# Collecting the work of a session from a real volume, and from hostile ones.
# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each test has a process of its own; bats and collect.bash set the names

bats_require_minimum_version 1.5.0
load common
load collect

@test "a pushed branch appears in the repository, and state and audit log say so" {
    make_repository
    write_state
    usual_work
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [[ $output == *"commits:  1"* && $output == *"Second commit"* && $output == *"1 changed, 1 lines added"* ]]
    local tip
    tip=$(git -C "$REPOSITORY" rev-parse "refs/heads/$BRANCH")
    [ "$(git -C "$REPOSITORY" rev-parse "$tip^")" = "$BASE" ]
    [ "$(git -C "$REPOSITORY" branch --show-current)" = main ]
    [ -z "$(git -C "$REPOSITORY" status --porcelain)" ]
    [ ! -e "$REPOSITORY/.git/FETCH_HEAD" ]
    local directory=$XDG_STATE_HOME/coding-agents
    [ "$(jq -r .phase "$directory/sessions/$ID/state.json")" = collected ]
    [ "$(jq -r .collected_commit "$directory/sessions/$ID/state.json")" = "$tip" ]
    [ "$(jq -r 'select(.event == "work-collected").fields.commit' "$directory/sessions/$ID/events.jsonl")" = "$tip" ]
    grep -q work-collected "$directory/security-events.log"
}

# bats test_tags=soak
@test "collecting again changes nothing and says so" {
    make_repository
    write_state
    usual_work
    "$COLLECT" "$ID"
    run --separate-stderr "$COLLECT" "$ID" --json
    [ "$status" -eq 0 ]
    [ "$(jq -r .outcome <<<"$output")" = unchanged ]
}

# bats test_tags=soak
@test "a session is found by its name" {
    make_repository
    write_state
    usual_work
    run --separate-stderr "$COLLECT" work --json
    [ "$status" -eq 0 ]
    [ "$(jq -r .session <<<"$output")" = "$ID" ]
}

@test "nothing pushed is no error, and nothing is made" {
    make_repository
    write_state
    in_volume 'true'
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [[ $output == *"has pushed nothing"* ]]
    run ! git -C "$REPOSITORY" rev-parse --verify -q "refs/heads/$BRANCH"
}

# bats test_tags=soak
@test "nothing pushed leaves a reserved branch where it is, with fetch.prune set as well" {
    make_repository
    git -C "$REPOSITORY" config fetch.prune true
    git -C "$REPOSITORY" branch "$BRANCH"
    write_state
    in_volume 'true'
    "$COLLECT" "$ID"
    [ "$(git -C "$REPOSITORY" rev-parse "$BRANCH")" = "$BASE" ]
}

@test "an unknown session is refused by name" {
    run --separate-stderr "$COLLECT" nosuchid
    fails_with 206 nosuchid
}

@test "a branch with commits of its own is never overwritten; --as takes another name" {
    make_repository
    git -C "$REPOSITORY" checkout -q -b "$BRANCH"
    echo mine >"$REPOSITORY/mine"
    git -C "$REPOSITORY" add mine
    git -C "$REPOSITORY" commit -q -m Mine
    git -C "$REPOSITORY" checkout -q main
    local mine
    mine=$(git -C "$REPOSITORY" rev-parse "$BRANCH")
    write_state
    usual_work
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 203 "has commits that the session's does not contain"
    [ "$(git -C "$REPOSITORY" rev-parse "$BRANCH")" = "$mine" ]
    run --separate-stderr "$COLLECT" "$ID" --as other/name
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPOSITORY" rev-parse other/name^)" = "$BASE" ]
    [ "$(git -C "$REPOSITORY" rev-parse "$BRANCH")" = "$mine" ]
}

@test "a configuration that forces does not force" {
    make_repository
    git -C "$REPOSITORY" config fetch.showForcedUpdates false
    git -C "$REPOSITORY" config remote.origin.url /nonexistent
    git -C "$REPOSITORY" config remote.origin.fetch '+refs/heads/*:refs/heads/*'
    git -C "$REPOSITORY" checkout -q -b "$BRANCH"
    git -C "$REPOSITORY" commit -q --allow-empty -m Mine
    git -C "$REPOSITORY" checkout -q main
    write_state
    usual_work
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 203 "left alone"
}

# bats test_tags=soak
@test "a branch that is checked out is refused, in a linked work tree as well" {
    make_repository
    write_state
    usual_work
    git -C "$REPOSITORY" checkout -q -b "$BRANCH"
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 203 "is checked out in '$REPOSITORY'"
    git -C "$REPOSITORY" checkout -q main
    git -C "$REPOSITORY" worktree add -q "$BATS_TEST_TMPDIR/linked tree" "$BRANCH"
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 203 "linked tree"
    [ "$(git -C "$REPOSITORY" rev-parse "$BRANCH")" = "$BASE" ]
}

@test "more bytes than allowed end the fetch; enough let it through" {
    make_repository
    write_state
    in_volume "git checkout -q -b $BRANCH; head -c 3000000 /dev/urandom >big; git add big; git commit -q -m Big
        git push -q ../../local.git $BRANCH"
    run --separate-stderr "$COLLECT" "$ID" --max-bytes 1000000
    fails_with 208 "sent more than 1000000 bytes"
    run ! git -C "$REPOSITORY" rev-parse --verify -q "refs/heads/$BRANCH"
    [ -z "$(find "$REPOSITORY/.git/objects/pack" -name '*.pack')" ]
    run --separate-stderr "$COLLECT" "$ID" --max-bytes 4000000
    [ "$status" -eq 0 ]
}

@test "what would run code on the host is named, with names that cannot reach the terminal" {
    make_repository
    write_state
    biting_work
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *".github/workflows/ci.yml  (CI workflow"* ]]
    [[ $output == *".husky/pre-commit  (husky"* ]]
    [[ $output == *"deep/.vscode/tasks.json  (editor"* ]]
    [[ $output == *"Makefile  (make"* ]]
    [[ $output == *"run.sh  (new executable file)"* ]]
    [[ $output == *"file  (turned executable)"* ]]
    [[ $output == *"absolute  (symbolic link that leads out of the tree)"* ]]
    [[ $output == *"up  (symbolic link that leads out of the tree)"* ]]
    [[ $output != *"plain.txt"* && $output != *"inside  ("* ]]
    [[ $output == *'\x1b[2J'* ]]
    [[ $output != *$'\033'* ]]
}

# bats test_tags=soak
@test "JSON holds the same, with a base64 twin for names that are no UTF-8" {
    make_repository
    write_state
    biting_work
    in_volume 'git mv "$(printf "bytes\377")" "$(printf "bytes\377.mk")"; git commit -q -m Rename
        git push -q ../../local.git '"$BRANCH"
    run --separate-stderr "$COLLECT" "$ID" --json
    [ "$status" -eq 0 ]
    [ "$(jq -r '.commits.count' <<<"$output")" = 2 ]
    [ "$(jq -r '.auto_exec[] | select(.path == "Makefile").why' <<<"$output")" = "make: commands" ]
    [ "$(jq -r '.auto_exec[] | select(.path_base64).path_base64' <<<"$output")" = "$(printf 'bytes\377.mk' | base64)" ]
    [[ $output != *$'\033'* ]]
}

# The hostile repository: git is diverted to a configuration and hooks that touch the canary.
hostile_work() {
    usual_work
    in_volume "cd ../../local.git
        mkdir evil.git; cp -r HEAD config hooks objects refs evil.git; echo evil.git >commondir; cd ..
        printf '#!/bin/sh\ntouch $CANARY\n' >work/evil.sh; chmod 0755 work/evil.sh
        for hook in pre-receive post-update reference-transaction post-checkout pre-auto-gc fsmonitor; do
            cp work/evil.sh local.git/evil.git/hooks/\$hook; cp work/evil.sh local.git/hooks/\$hook
        done
        for config in local.git/evil.git/config local.git/config; do
            git config -f \$config core.fsmonitor 'touch $CANARY; false #'
            git config -f \$config core.sshCommand 'touch $CANARY #'
            git config -f \$config core.alternateRefsCommand 'touch $CANARY #'
            git config -f \$config core.hooksPath /volume/local.git/evil.git/hooks
            git config -f \$config uploadpack.packObjectsHook 'touch $CANARY; \"\$@\" #'
            git config -f \$config filter.evil.smudge 'touch $CANARY #'
            git config -f \$config core.pager 'touch $CANARY #'
            git config -f \$config core.bare false
        done
        echo /etc >local.git/evil.git/objects/info/alternates"
}

@test "a hostile repository in the volume runs nothing on the host; git on it there would" {
    make_repository
    write_state
    hostile_work
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [ ! -e "$CANARY" ]
    git -C "$REPOSITORY" log -p "$BRANCH" >/dev/null
    git -C "$REPOSITORY" status >/dev/null
    [ ! -e "$CANARY" ]
    # The control: the same repository on the host, opened by git.
    mkdir -p "$BATS_TEST_TMPDIR/stolen/local.git"
    "$DOCKER" run --rm --network none --user 10000:10004 --entrypoint tar -v "$VOLUME:/volume" "$IMAGE" \
        -C /volume/local.git -c . | tar -x -C "$BATS_TEST_TMPDIR/stolen/local.git"
    git --git-dir="$BATS_TEST_TMPDIR/stolen/local.git" --work-tree="$BATS_TEST_TMPDIR/stolen" status >/dev/null 2>&1 || true
    [ -e "$CANARY" ]
}

@test "a configuration that rewrites addresses runs nothing, in the repository or for the user" {
    make_repository
    write_state
    usual_work
    local scope rule
    for scope in --local --global; do
        for rule in ext:: ext::/ '' "ext::${TREE%/*}"; do
            git -C "$REPOSITORY" config "$scope" --add "url.ext::sh -c touch% $CANARY .insteadOf" "$rule"
        done
        # The control: git itself does what it says.
        git -C "$REPOSITORY" -c protocol.ext.allow=always ls-remote ext::/true >/dev/null 2>&1 || true
        [ -e "$CANARY" ]
        rm "$CANARY"
        git -C "$REPOSITORY" update-ref -d "refs/heads/$BRANCH"
        run --separate-stderr "$COLLECT" "$ID"
        echo "$output $stderr"
        [ "$status" -eq 0 ]
        [ ! -e "$CANARY" ]
        git -C "$REPOSITORY" rev-parse --verify -q "refs/heads/$BRANCH"
        git -C "$REPOSITORY" config "$scope" --unset-all "url.ext::sh -c touch% $CANARY .insteadOf"
    done
}

@test "a configuration that lists the refs of alternates its own way runs nothing" {
    make_repository
    git clone -q --bare "$REPOSITORY" "$BATS_TEST_TMPDIR/other.git"
    echo "$BATS_TEST_TMPDIR/other.git/objects" >"$REPOSITORY/.git/objects/info/alternates"
    git -C "$REPOSITORY" config core.alternateRefsCommand "touch $CANARY; true"
    git -C "$REPOSITORY" rev-list --alternate-refs --count main
    [ -e "$CANARY" ]
    rm "$CANARY"
    write_state
    usual_work
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [ ! -e "$CANARY" ]
    git -C "$REPOSITORY" rev-parse --verify -q "refs/heads/$BRANCH"
}

# bats test_tags=soak
@test "a larger limit than usual is on record" {
    make_repository
    write_state
    usual_work
    "$COLLECT" "$ID" --max-bytes 1000000
    run -1 grep -q override-used "$XDG_STATE_HOME/coding-agents/sessions/$ID/events.jsonl"
    "$COLLECT" "$ID" --max-bytes 3000000000
    grep -q '"event":"override-used".*--max-bytes=3000000000' "$XDG_STATE_HOME/coding-agents/sessions/$ID/events.jsonl"
}

@test "objects that git would refuse from anybody are refused" {
    make_repository
    write_state
    in_volume "git checkout -q -b $BRANCH
        blob=\$(echo evil | git hash-object -w --stdin)
        inner=\$(printf '100644 blob %s\tconfig\n' \$blob | git mktree)
        tree=\$(printf '040000 tree %s\t.git\n' \$inner | git mktree)
        commit=\$(git commit-tree -m Evil -p HEAD \$tree); git update-ref refs/heads/$BRANCH \$commit
        git push -q ../../local.git $BRANCH"
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 208 "hasDotgit"
    run ! git -C "$REPOSITORY" rev-parse --verify -q "refs/heads/$BRANCH"
}

# bats test_tags=soak
@test "old history that git would refuse today does not stand in the way" {
    make_repository
    local tree
    tree=$(git -C "$REPOSITORY" rev-parse 'HEAD^{tree}')
    local bad
    bad=$(printf 'tree %s\nparent %s\nauthor A<a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nbad\n' "$tree" "$BASE" |
        git -C "$REPOSITORY" hash-object -t commit -w --literally --stdin)
    git -C "$REPOSITORY" update-ref refs/heads/main "$bad"
    run ! git -C "$REPOSITORY" fsck --strict
    BASE=$bad
    write_state
    usual_work
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
}

# An image whose git-upload-pack is the script on standard input.
variant_image() {
    VARIANT=coding-agents-test-variant:$ID
    local container=coding-agents-test-$ID
    cat >"$BATS_TEST_TMPDIR/upload-pack"
    chmod 0755 "$BATS_TEST_TMPDIR/upload-pack"
    "$DOCKER" create --name "$container" --entrypoint true "$IMAGE" >/dev/null
    "$DOCKER" cp -q "$BATS_TEST_TMPDIR/upload-pack" "$container:/usr/local/bin/git-upload-pack" 2>/dev/null ||
        "$DOCKER" cp "$BATS_TEST_TMPDIR/upload-pack" "$container:/usr/local/bin/git-upload-pack"
    "$DOCKER" commit "$container" "$VARIANT" >/dev/null
    "$DOCKER" rm "$container" >/dev/null
    IMAGE=$VARIANT
}

@test "a stream that is not git's ends with one line" {
    make_repository
    variant_image <<<'#!/bin/sh
head -c 200000 /dev/urandom'
    write_state
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 208 "was not accepted"
    [[ $stderr != *$'\033'* ]]
}

@test "an endless stream ends with one line" {
    make_repository
    variant_image <<<'#!/bin/sh
while :; do printf "0040%040d refs/heads/endless\n" 1; done'
    write_state
    run --separate-stderr timeout 120 "$COLLECT" "$ID" --max-bytes 5000000
    fails_with 208 "was not accepted"
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$ID-")" ]
}

@test "words of the session reach the terminal escaped" {
    make_repository
    variant_image <<<'#!/bin/sh
text=$(printf "ERR \033]0;owned\007 go away")
printf "%04x%s" $((${#text} + 4)) "$text"; printf "\033[2J" >&2; exit 1'
    write_state
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 208 "go away"
    [[ $stderr != *$'\033'* && $stderr != *$'\007'* ]]
}

# bats test_tags=soak
@test "a name with blanks and percent signs in the installation does not change the command" {
    make_repository
    write_state
    usual_work
    mkdir -p "$BATS_TEST_TMPDIR/a b%Sc"
    cp -r "$TREE/libexec" "$BATS_TEST_TMPDIR/a b%Sc/"
    mkdir -p "$BATS_TEST_TMPDIR/a b%Sc/share/coding-agents"
    cp -r "$TREE/share/coding-agents/policies" "$BATS_TEST_TMPDIR/a b%Sc/share/coding-agents/"
    run --separate-stderr "$BATS_TEST_TMPDIR/a b%Sc/libexec/coding-agents/coding-agents-collect" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
}

# bats test_tags=soak
@test "work on an empty repository arrives" {
    git init -q "$REPOSITORY"
    write_state
    in_volume "git checkout -q -b $BRANCH; echo one >file; echo x >Makefile; git add -A; git commit -q -m First
        git push -q ../../local.git $BRANCH"
    run --separate-stderr "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [[ $output == *"commits:  1"* && $output == *"2 changed"* && $output == *"Makefile  ("* ]]
}

@test "other branches of the repository are not offered to the session" {
    make_repository
    git -C "$REPOSITORY" checkout -q -b private
    git -C "$REPOSITORY" commit -q --allow-empty -m Private
    local private
    private=$(git -C "$REPOSITORY" rev-parse private)
    git -C "$REPOSITORY" checkout -q main
    write_state
    usual_work
    # The real client, with what it reads from us kept.
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/bash\nif [[ "$*" == *git-upload-pack* ]]; then tee %q | %q "$@"; exit; fi\nexec %q "$@"\n' \
        "$BATS_TEST_TMPDIR/sent" "$DOCKER" "$DOCKER" >"$BATS_TEST_TMPDIR/bin/docker"
    chmod 0755 "$BATS_TEST_TMPDIR/bin/docker"
    run --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$COLLECT" "$ID"
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    grep -aq "have $BASE" "$BATS_TEST_TMPDIR/sent"
    run -1 grep -aq "$private" "$BATS_TEST_TMPDIR/sent"
}

@test "a missing volume is said, with nothing else" {
    make_repository
    write_state
    "$DOCKER" rm "coding-agents-$ID" >/dev/null
    "$DOCKER" volume rm "$VOLUME" >/dev/null
    run --separate-stderr "$COLLECT" "$ID"
    fails_with 208 "is gone"
}

#!/usr/bin/env bats
# Every shape of repository that people have: it works, or is refused in one sentence before anything starts.
# runs as: user, root in soak
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
    NAME=shape-$BATS_TEST_NUMBER-$$
}

# session COMMAND: runs it in a session on $REPO with stderr apart.
session() {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -ec "$1"
}

# refused CODE TEXT: the last run was refused with CODE, by one line with TEXT, and left nothing.
refused() {
    [ "$status" -eq "$1" ]
    # shellcheck disable=SC2154 # bats sets stderr
    [[ "$stderr" == *"$2"* ]]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-" --filter "label=coding-agents.repo=$REPO")" ]
    run "$CA" status "$NAME"
    [ "$status" -ne 0 ]
}

@test "submodules, nested ones too, with changes in the superproject" {
    new_repository "$BATS_TEST_TMPDIR/inner"
    new_repository "$BATS_TEST_TMPDIR/sub"
    git -C "$BATS_TEST_TMPDIR/sub" submodule --quiet add "$BATS_TEST_TMPDIR/inner" deep/inner
    git -C "$BATS_TEST_TMPDIR/sub" commit -qm 'With inner'
    new_repository "$REPO"
    git -C "$REPO" submodule --quiet add "$BATS_TEST_TMPDIR/sub" 'libs/sub module'
    git -C "$REPO" submodule --quiet update --init --recursive
    git -C "$REPO" commit -qm 'With sub'
    session 'cat "libs/sub module/file" "libs/sub module/deep/inner/file"; git status --porcelain
        git -C "libs/sub module" log --format=%s -1; git -C "libs/sub module/deep/inner" status --porcelain
        git submodule status --recursive | wc -l; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = $'hello\nhello\nWith inner\n2' ]
    [ "$(git -C "$REPO" show --format= --name-only "shell/$NAME")" = x ]
}

# bats test_tags=soak
@test "a linked work tree" {
    new_repository "$BATS_TEST_TMPDIR/main"
    git -C "$BATS_TEST_TMPDIR/main" worktree add -q -b side "$REPO"
    echo dirty >>"$REPO/file"
    session 'git log --format=%s -1; git diff --stat | tail -1; test -d .git; echo x >x'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 'First commit' ]
    [ "$(git -C "$BATS_TEST_TMPDIR/main" show "shell/$NAME:x")" = x ]
}

@test "a shallow clone" {
    new_repository "$BATS_TEST_TMPDIR/full"
    git -C "$BATS_TEST_TMPDIR/full" commit -q --allow-empty -m 'Second commit'
    git clone -q --depth 1 "file://$BATS_TEST_TMPDIR/full" "$REPO"
    session 'git rev-parse --is-shallow-repository; git rev-list --count HEAD; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = $'true\n1' ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
}

@test "a sparse checkout keeps its shape, and what is outside it is not deleted" {
    new_repository "$REPO"
    mkdir "$REPO/in" "$REPO/out"
    echo in >"$REPO/in/file"
    echo out >"$REPO/out/file"
    git -C "$REPO" add .
    git -C "$REPO" commit -qm 'Two directories'
    git -C "$REPO" sparse-checkout set in
    session 'test ! -e out; git status --porcelain; echo x >in/x'
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(git -C "$REPO" show --format= --name-status "shell/$NAME")" = $'A\tin/x' ]
}

# bats test_tags=soak
@test "borrowed objects become the copy's own" {
    new_repository "$BATS_TEST_TMPDIR/lender"
    git clone -q --shared "$BATS_TEST_TMPDIR/lender" "$REPO"
    session 'git fsck --full --strict 2>&1; test ! -e .git/objects/info/alternates; echo x >x'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
}

# bats test_tags=soak
@test "LFS pointers stay pointers" {
    new_repository "$REPO"
    echo '*.bin filter=lfs diff=lfs merge=lfs -text' >"$REPO/.gitattributes"
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 1\n' 7 >"$REPO/a.bin"
    git -C "$REPO" add .
    git -C "$REPO" commit -qm 'A pointer'
    session 'head -1 a.bin; git status --porcelain; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = 'version https://git-lfs.github.com/spec/v1' ]
    [ "$(git -C "$REPO" show --format= --name-only "shell/$NAME")" = x ]
}

@test "odd names, links that lead nowhere or outside, FIFOs" {
    new_repository "$REPO"
    local odd=$'a\nb "q" \\ \xff, -n'
    echo odd >"$REPO/$odd"
    echo dash >"$REPO/-dash"
    ln -s /etc/shadow "$REPO/outside"
    ln -s nowhere "$REPO/broken"
    mkfifo "$REPO/fifo"
    chmod 0755 "$REPO/-dash"
    git -C "$REPO" add -A 2>/dev/null
    git -C "$REPO" commit -qm 'Odd names'
    session 'cat ./a*; test -x ./-dash; readlink outside broken; test ! -e fifo; git status --porcelain; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = $'odd\n/etc/shadow\nnowhere' ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
}

@test "paths of repositories with commas, quotes and blanks" {
    REPO=$BATS_TEST_TMPDIR/$'a, "b" \'c\' d'
    new_repository "$REPO"
    session 'cat file; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = hello ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
}

# bats test_tags=soak
@test "a detached HEAD" {
    new_repository "$REPO"
    git -C "$REPO" commit -q --allow-empty -m 'Second commit'
    git -C "$REPO" checkout -q HEAD~1
    session 'git log --format=%s -1; git branch --show-current; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = "First commit"$'\n'"shell/$NAME" ]
    [ "$(git -C "$REPO" log --format=%s "shell/$NAME" | tail -1)" = 'First commit' ]
}

@test "an empty repository" {
    mkdir "$REPO"
    git -C "$REPO" init -q
    session 'git branch --show-current; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = "shell/$NAME" ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
    [ "$(git -C "$REPO" rev-list --count "shell/$NAME")" -eq 1 ]
}

# bats test_tags=soak
@test "a subdirectory of a repository stands for the repository" {
    new_repository "$REPO"
    mkdir "$REPO/sub"
    run --separate-stderr "$CA" run shell "$REPO/sub" --name "$NAME" -- sh -c 'cat file; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = hello ]
}

# bats test_tags=soak
@test "a repository cloned from a URL" {
    new_repository "$REPO"
    run --separate-stderr "$CA" run shell "file://$REPO" --name "$NAME" -- sh -c 'cat file; git remote get-url origin; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = "hello"$'\n'"file://$REPO" ]
    local clone
    clone=$("$CA" status "$NAME" --json | jq -r .repository)
    [ "$(git -C "$clone" show "shell/$NAME:x")" = x ]
}

@test "nothing of the source's hooks and configuration runs or travels" {
    new_repository "$REPO"
    git -C "$REPO" remote add origin https://user:token@example.com/x.git
    git -C "$REPO" config core.sshCommand "touch $BATS_TEST_TMPDIR/canary; ssh"
    git -C "$REPO" config filter.x.clean "touch $BATS_TEST_TMPDIR/canary; cat"
    git -C "$REPO" config core.hooksPath hooks
    printf '#!/bin/sh\ntouch %q\n' "$BATS_TEST_TMPDIR/canary" >"$REPO/.git/hooks/post-checkout"
    cp "$REPO/.git/hooks/post-checkout" "$REPO/.git/hooks/reference-transaction"
    chmod +x "$REPO/.git/hooks/"*
    session 'git config --list; ls .git/hooks 2>/dev/null | wc -l; git remote -v; git config remote.pushDefault; echo x >x'
    [ "$status" -eq 0 ]
    [[ "$output" != *sshcommand* ]]
    [[ "$output" != *filter* ]]
    [[ "$output" != *hookspath* ]]
    [[ "$output" != *token* ]]
    [[ "$output" == *"origin"*"https://example.com/x.git"* ]]
    [[ "$output" == *$'\nlocal' ]]
    [ ! -e "$BATS_TEST_TMPDIR/canary" ]
    # The positive control: that hook would have run.
    git -C "$REPO" -c core.hooksPath=.git/hooks update-ref refs/heads/control HEAD
    [ -e "$BATS_TEST_TMPDIR/canary" ]
}

@test "a file that its owner cannot read refuses the session" {
    if [ "$(id -u)" -eq 0 ]; then
        # Root looks with the eyes of the repository's owner, who must be able to get there.
        REPO=$(mktemp -d /var/tmp/coding-agents-locked.XXXXXX)
    fi
    new_repository "$REPO"
    echo x >"$REPO/locked"
    chmod 0 "$REPO/locked"
    if [ "$(id -u)" -eq 0 ]; then
        chown -R 1000:1000 "$REPO"
        chown 0:0 "$REPO/locked"
    fi
    session true
    case $REPO in
    /var/tmp/*) rm -rf "$REPO" ;;
    esac
    refused 202 locked
}

@test "no repository, a bare one, none at all" {
    mkdir "$REPO"
    session true
    refused 202 'is not in a git repository'
    git -C "$REPO" init -q --bare
    session true
    refused 202 bare
    REPO=$BATS_TEST_TMPDIR/missing
    session true
    refused 202 missing
}

# bats test_tags=soak
@test "a split index, whose second file has a name of its own" {
    new_repository "$REPO"
    echo second >"$REPO/second"
    git -C "$REPO" add second
    git -C "$REPO" update-index --split-index
    git -C "$REPO" commit -qm 'Second'
    compgen -G "$REPO/.git/sharedindex.*"
    session 'git status --porcelain; git ls-files; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = $'.gitignore\nfile\nsecond' ]
    [ "$(git -C "$REPO" show --format= --name-only "shell/$NAME")" = x ]
}

@test "what links inside a git directory point to is left out, or refuses the session" {
    new_repository "$REPO"
    mkdir "$BATS_TEST_TMPDIR/outside"
    echo canary >"$BATS_TEST_TMPDIR/outside/canary"
    ln -s "$BATS_TEST_TMPDIR/outside/canary" "$REPO/.git/info/sparse-checkout"
    ln -s "$BATS_TEST_TMPDIR/outside/canary" "$REPO/.git/sharedindex.0"
    session 'grep -r canary . /var/lib/coding-agents || true; cat file; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = hello ]
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = x ]
    mv "$REPO/.git/objects" "$BATS_TEST_TMPDIR/objects"
    ln -s "$BATS_TEST_TMPDIR/objects" "$REPO/.git/objects"
    NAME=$NAME-objects
    session true
    [ "$status" -eq 214 ]
    [[ "$stderr" == *"'objects' of the source: Too many levels of symbolic links"* ]]
}

@test "a .git that points elsewhere is that repository, or refuses the session" {
    new_repository "$BATS_TEST_TMPDIR/elsewhere"
    mkdir "$REPO"
    echo mine >"$REPO/file"
    ln -s "$BATS_TEST_TMPDIR/elsewhere/.git" "$REPO/.git"
    session 'git log --format=%s; cat file'
    [ "$status" -eq 0 ]
    [ "$output" = $'First commit\nmine' ]
    rm "$REPO/.git"
    echo 'gitdir: /etc' >"$REPO/.git"
    NAME=$NAME-etc
    session true
    refused 202 'is not in a git repository'
}

# started STEP: the session's log has the boot step.
started() {
    events_of "$NAME" | grep -q "\"step\":\"$1\""
}

@test "a container that is killed in the middle of the copy makes it anew when it starts again" {
    new_repository "$REPO"
    mkdir "$REPO/sealed"
    echo x >"$REPO/sealed/x"
    chmod 0500 "$REPO/sealed"
    # Seconds of copying, with so little of a processor; gone before anything is committed.
    mkdir "$REPO/many"
    seq 20000 | (cd "$REPO/many" && split --lines=1 --suffix-length=4)
    "$CA" run shell "$REPO" --name "$NAME" --cpus 0.1 --no-push -- sh -c 'rm -r many; cat file; git status --short; echo up; exec sleep 600' \
        >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
    local launcher=$! container
    wait_for 30 started mounts
    container=$(container_of "$NAME")
    # An attached launcher would take back a session that ended before it ran.
    kill -KILL "$launcher"
    wait "$launcher" || true
    run -0 "$DOCKER" run --rm --network none --entrypoint ls -v "$container:/volume" "$SHELL_IMAGE" /volume /volume/workspace
    [[ "$output" == *many* ]]
    [[ "$output" != *copied* ]]
    # It is in the middle of it.
    run ! started workspace
    "$DOCKER" update --cpus 2 "$container"
    "$DOCKER" restart --time 0 "$container"
    wait_for 60 sh -c '"$1" logs "$2" | grep -q "^up"' sh "$DOCKER" "$container"
    run -0 "$DOCKER" logs "$container"
    [[ "$output" == *$'\nhello\n?? sealed/\nup'* ]]
    "$DOCKER" kill "$container"
    chmod 0700 "$REPO/sealed"
}

#!/usr/bin/env bats
# runs as: user
# No file, setting, ref or unfinished merge keeps the rest of the work from the branch, or is lost without a word.
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
    NAME=odd-$BATS_TEST_NUMBER-$$
}

# session COMMANDS: a headless session that ends well; what it said is in $output.
session() {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -ec "$1"
    echo "$output"
    [ "$status" -eq 0 ]
}

in_branch() {
    git -C "$REPO" show "shell/$NAME:$1"
}

not_in_branch() {
    ! git -C "$REPO" cat-file -e "shell/$NAME:$1" 2>/dev/null
}

# left KIND: what the session's last event of that kind says stayed in the volume.
left() {
    events_of "$NAME" | jq -r "select(.event == \"work-left\").fields.$1[]"
}

# remove_asks: it does nothing without --yes, and names the words.
remove_asks() {
    run "$CA" remove "$NAME"
    echo "$output"
    [ "$status" -ne 0 ]
    local word
    for word; do
        [[ $output == *"$word"* ]]
    done
}

# --- files ---------------------------------------------------------------------------------------------------------

@test "files and directories without permissions are committed, and it is said" {
    session 'echo good >good; mkdir d; echo precious >d/f; chmod 0 d; echo x >locked; chmod 0 locked
        mkdir -p e/f; echo deep >e/f/g; chmod 0100 e/f; chmod 0400 e'
    [ "$(in_branch good)" = good ]
    [ "$(in_branch d/f)" = precious ]
    [ "$(in_branch locked)" = x ]
    [ "$(in_branch e/f/g)" = deep ]
    [[ $output == *"was not readable, is now: d"* ]]
    [[ $output == *"was not readable, is now: locked"* ]]
    "$CA" remove "$NAME"
}

# bats test_tags=soak
@test "a name that git does not take is left out and named, and remove asks for it" {
    session 'echo good >good; mkdir d; echo x >"d/git~1"; echo fine >d/fine'
    [ "$(in_branch good)" = good ]
    [ "$(in_branch d/fine)" = fine ]
    not_in_branch 'd/git~1'
    [ "$(left withheld)" = 'd/git~1' ]
    remove_asks 'd/git~1'
}

# bats test_tags=soak
@test "a file whose encoding or filter fails is left out and named, and the others are committed" {
    session 'for i in $(seq 20); do echo $i >a$i; done; printf "a\377" >bad; printf "b\377" >worse
        printf "bad working-tree-encoding=UTF-16\nworse filter=no\n" >.gitattributes
        git config filter.no.clean false; git config filter.no.required true'
    [ "$(in_branch a1)" = 1 ]
    [ "$(in_branch a20)" = 20 ]
    not_in_branch bad
    not_in_branch worse
    [ "$(left withheld | sort)" = $'bad\nworse' ]
}

@test "line ends, a stash in the status and a lost identity stop nothing" {
    git -C "$REPO" config core.autocrlf input
    git -C "$REPO" config core.safecrlf true
    session 'printf "a\r\n" >dos; echo x >file; git stash -q; git config status.showStash true
        git config status.branch true; git config --unset user.name; git config --unset user.email
        git config user.useConfigOnly true'
    [ "$(in_branch dos)" = a ]
    [ "$(git -C "$REPO" log -1 --format='%an <%ae> %cn <%ce>' "shell/$NAME")" = \
        'Test User <test@example.com> Test User <test@example.com>' ]
}

# bats test_tags=soak
@test "work inside a submodule that is to be ignored stays in the volume, is named, and remove asks for it" {
    new_repository "$BATS_TEST_TMPDIR/module"
    git -C "$REPO" submodule -q add "$BATS_TEST_TMPDIR/module" module
    git -C "$REPO" config -f .gitmodules submodule.module.ignore all
    git -C "$REPO" config submodule.module.ignore all
    git -C "$REPO" commit -qam 'Add a module'
    session 'echo precious >module/new; echo good >good'
    [ "$(in_branch good)" = good ]
    [ "$(left withheld)" = module ]
    remove_asks module
}

@test "a submodule that git cannot look into is named, and the others are committed" {
    new_repository "$BATS_TEST_TMPDIR/module"
    git -C "$REPO" submodule -q add "$BATS_TEST_TMPDIR/module" module
    git -C "$REPO" commit -qm 'Add a module'
    local first=$NAME way
    for way in 'echo broken >module/.git' 'rm -rf .git'; do
        NAME=$first-$((${#way}))
        session "echo good >good; $way"
        [ "$(in_branch good)" = good ]
        [ "$(left withheld)" = module ]
        [ "$(git -C "$REPO" rev-parse "shell/$NAME:module")" = "$(git -C "$REPO" rev-parse main:module)" ]
    done
}

# bats test_tags=soak
@test "a tree that is deeper than a path can name is named, and the rest is committed" {
    session 'echo good >good; chain=; for i in $(seq 15); do chain=$chain$(printf %0200d 0)/; done
        mkdir -p "$chain" "more/$chain"; echo x >"more/${chain}x"; cd "$chain"; mv /workspace/more .'
    [ "$(in_branch good)" = good ]
    [[ $(left withheld) == 000* ]]
}

# --- repositories that are gone ------------------------------------------------------------------------------------

@test "without .git, or with a new one, the files are committed on the session's branch" {
    git -C "$REPO" config core.autocrlf true
    printf 'a\r\n' >"$REPO/dos"
    git -C "$REPO" add dos
    git -C "$REPO" commit -qm Second
    local first=$NAME way
    for way in 'true' 'git init -q' 'git init -q; git add n; git -c user.name=a -c user.email=a@b commit -qm Own'; do
        NAME=$first-$((${#way}))
        session "rm -rf .git; echo precious >n; $way"
        [ "$(in_branch n)" = precious ]
        [ "$(in_branch file)" = hello ]
        [ "$(git -C "$REPO" diff --name-only "main..shell/$NAME")" = n ]
        [ "$(git -C "$REPO" log --format=%s "shell/$NAME" | sed 1d)" = $'Second\nFirst commit' ]
        [[ $output == *'git directory stays in the volume'* ]]
    done
    # The history of its own is beside the branch.
    [ "$(left unreached)" = $'refs/heads/master\nHEAD of /workspace' ] ||
        [ "$(left unreached)" = $'refs/heads/main\nHEAD of /workspace' ]
}

@test "a broken index or configuration costs no history" {
    local first=$NAME way
    for way in 'echo broken >.git/index' 'echo "[broken" >~/.gitconfig'; do
        NAME=$first-$((${#way}))
        session "echo one >one; git add one; git commit -qm Own; echo two >two; $way"
        [ "$(in_branch one)" = one ]
        [ "$(in_branch two)" = two ]
        [ "$(git -C "$REPO" log --format=%s "shell/$NAME" | sed -n 2p)" = Own ]
        [ -z "$(left unreached)" ]
    done
}

# --- commits beside the branch -------------------------------------------------------------------------------------

# bats test_tags=soak
@test "commits that only a tag, a note or another work tree has are named; those the user had are not" {
    GIT_COMMITTER_DATE='2037-01-01T00:00:00Z' git -C "$REPO" commit -q --allow-empty -m Aside
    git -C "$REPO" branch theirs
    git -C "$REPO" tag -a -m Old old
    git -C "$REPO" pack-refs --all
    git -C "$REPO" branch loose
    git -C "$REPO" reset -q --hard HEAD~1
    session 'git commit -q --allow-empty -m One; git tag wip; git reset -q --hard HEAD~1
        git commit -q --allow-empty -m Two; git tag -a -m Wip annotated; git reset -q --hard HEAD~1
        git notes add -m note HEAD
        git worktree add -q --detach /tmp/other; git -C /tmp/other commit -q --allow-empty -m Three
        git branch same theirs; git branch older HEAD
        git checkout -q -b pushed; git commit -q --allow-empty -m Four; git push -q local pushed
        git checkout -q -; git branch -qD pushed'
    left unreached
    [ "$(left unreached | sort)" = "$(printf '%s\n' 'HEAD of /tmp/other' refs/heads/pushed refs/notes/commits \
        refs/tags/annotated refs/tags/wip | sort)" ]
    remove_asks refs/tags/wip
}

# --- merges that are not finished ----------------------------------------------------------------------------------

# conflicting: the user's merge of `side` stopped at a conflict in `file`.
conflicting() {
    git -C "$REPO" checkout -q -b side
    echo theirs >"$REPO/file"
    git -C "$REPO" commit -qam Side
    git -C "$REPO" checkout -q main
    echo ours >"$REPO/file"
    git -C "$REPO" commit -qam Main
    run git -C "$REPO" merge side
    [ "$status" -ne 0 ]
}

parents_of() {
    git -C "$REPO" log -1 --format=%P "shell/$NAME"
}

# bats test_tags=soak
@test "a merge in progress can be finished in the session, by the agent or by leaving it resolved" {
    conflicting
    session 'git rev-parse -q --verify MERGE_HEAD; git status --short | grep "^UU"; echo both >file; git add file'
    [ "$(in_branch file)" = both ]
    [ "$(parents_of)" = "$(git -C "$REPO" rev-parse main) $(git -C "$REPO" rev-parse side)" ]
    [ "$(git -C "$REPO" log -1 --format=%s "shell/$NAME")" = "Merge branch 'side'" ]
}

@test "a merge with conflicts left is a snapshot with one parent, and said to be one" {
    conflicting
    session 'echo work >work'
    [ "$(in_branch work)" = work ]
    in_branch file | grep -q '^<<<<<<<'
    [ "$(parents_of)" = "$(git -C "$REPO" rev-parse main)" ]
    [[ $output == *'committed as it stands and without concluding a merge: file'* ]]
}

@test "a rebase, a series of picks or a bisection in progress is refused before anything starts" {
    conflicting
    git -C "$REPO" merge --abort
    local way abort
    for way in 'rebase side' 'cherry-pick main~1 side' 'bisect start'; do
        abort=${way%% *}
        run git -C "$REPO" $way
        run "$CA" run shell "$REPO" --name "$NAME" -- true
        echo "$output"
        [ "$status" -ne 0 ]
        [[ $output == *"in progress in '$REPO': finish it"* ]]
        run ! "$CA" status "$NAME"
        if [ "$abort" = bisect ]; then git -C "$REPO" bisect reset; else git -C "$REPO" "$abort" --abort; fi
    done
    "$CA" run shell "$REPO" --name "$NAME" -- true
}

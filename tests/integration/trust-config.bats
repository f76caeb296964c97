#!/usr/bin/env bats
# coding-agents trust-config: what it shows, what it accepts, what it refuses. Sessions that heed it are in the files of the
# agents.

load common
load session
load terminal

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    # shellcheck disable=SC2034 # for the terminals
    NAME=trust-$BATS_TEST_NUMBER
    new_repository "$REPO"
    mkdir "$REPO/.claude"
    echo '{"hooks": {}}' >"$REPO/.claude/settings.json"
}

teardown() {
    if [ -n "${TERMINALS:-}" ]; then
        terminal_teardown
    fi
}

trust() { "$CA" trust-config "$@"; }

# state [ARGUMENT...]: of Claude's configuration.
state() { trust claude "$REPO" --json "$@" | jq -r .state; }

@test "all of it is shown before it is accepted, a change as a diff, and what was accepted is kept for nobody else" {
    run -1 trust claude "$REPO" --show
    [[ $output == *"$(sha256sum "$REPO/.claude/settings.json" | cut -d' ' -f1)"*'14  .claude/settings.json'* ]]
    [[ $output == *'+{"hooks": {}}'* ]]
    [ "$(state)" = untrusted ]
    run -0 trust claude "$REPO" --yes
    [ "$(state)" = trusted ]
    run -0 trust claude "$REPO" --show
    [[ $output != *'+{'* ]]
    [ -z "$(find "$XDG_STATE_HOME/coding-agents/trust" -type d ! -perm 0700 -o -type f ! -perm 0600)" ]

    echo '{"hooks": 1}' >"$REPO/.claude/settings.json"
    echo new >"$REPO/.claude/other"
    run -1 trust claude "$REPO" --show
    [[ $output == *'-{"hooks": {}}'*'+{"hooks": 1}'* ]]
    [[ $output == *'+new'* ]]
    [ "$(state)" = changed ]
    run -0 trust claude "$REPO" --revoke
    [ "$(state)" = untrusted ]
    run -1 trust claude "$REPO" --show
    [[ $output == *'+{"hooks": 1}'* && $output != *'-{"hooks"'* ]]
}

@test "nobody is taken to have agreed without a terminal, and in one only y accepts" {
    run -200 trust claude "$REPO" </dev/null
    [[ $output == *'say --yes'* ]]
    [ "$(state)" = untrusted ]
    terminal_setup
    terminal one "'$CA' trust-config claude '$REPO'"
    wait_for 10 shows one 'heed these files'
    keys one Enter
    wait_for 10 shows one 'ended=1'
    [ "$(state)" = untrusted ]
    terminal two "'$CA' trust-config claude '$REPO'"
    wait_for 10 shows two 'heed these files'
    keys two y Enter
    wait_for 10 shows two 'ended=0'
    [ "$(state)" = trusted ]
}

@test "what a terminal would obey is shown as text, in contents and in names" {
    local odd
    odd=$REPO/.claude/$(printf 'a\033]0;title\007')
    printf 'one\033[2Jtwo\r\tthree\xe2\x80\xae\n' >"$odd"
    printf 'PNG\0\1\2' >"$REPO/.claude/binary"
    trust claude "$REPO" --show >"$BATS_TEST_TMPDIR/shown" || true
    grep -F 'one\x1b[2Jtwo\x0d' "$BATS_TEST_TMPDIR/shown"
    grep -F '.claude/a\x1b]0;title\x07' "$BATS_TEST_TMPDIR/shown"
    grep -F 'PNG\x00\x01\x02' "$BATS_TEST_TMPDIR/shown"
    [ "$(LC_ALL=C tr -d '\t\n\040-\176' <"$BATS_TEST_TMPDIR/shown" | wc -c)" -eq 0 ]
    trust claude "$REPO" --json | jq -r '.files[0].path' | cmp - <(echo "${odd#"$REPO/"}")
}

@test "nothing of the repository or of the user's git runs when a diff is shown" {
    echo '*.json diff=evil' >"$REPO/.gitattributes"
    git config --global diff.evil.command "touch $BATS_TEST_TMPDIR/ran #"
    git config --global diff.evil.textconv "touch $BATS_TEST_TMPDIR/ran #"
    git config --global diff.external "touch $BATS_TEST_TMPDIR/ran #"
    echo '*.json diff=evil' >"$BATS_TEST_TMPDIR/attributes"
    git config --global core.attributesFile "$BATS_TEST_TMPDIR/attributes"
    run -1 trust claude "$REPO" --show
    [[ $output == *'+{"hooks": {}}'* ]]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    # They would have.
    (cd "$REPO" && git diff --no-index /dev/null .claude/settings.json || true)
    [ -e "$BATS_TEST_TMPDIR/ran" ]
    git config --global --unset diff.external
}

@test "links, agents that do not exist or are not configured, and URLs are refused in a sentence" {
    ln -s file "$REPO/.mcp.json"
    run -202 trust claude "$REPO" --yes
    [[ $output == *"'.mcp.json' is a symbolic link"* ]]
    [ "${#lines[@]}" -eq 1 ]
    rm "$REPO/.mcp.json"
    mv "$REPO/.claude" "$REPO/real"
    ln -s real "$REPO/.claude"
    run -202 trust claude "$REPO" --yes
    [[ $output == *"'.claude' is a symbolic link"* ]]
    run -200 trust nobody "$REPO"
    [[ $output == *"there is no agent 'nobody'"* ]]
    [ "${#lines[@]}" -eq 1 ]
    run -200 trust shell "$REPO"
    [[ $output == *"nothing in a repository configures 'shell'"* ]]
    run -202 trust claude https://example.com/x.git
    [[ $output == *'name the path'* ]]
    run -0 trust codex "$REPO"
    [[ $output == *'nothing in the repository configures codex'* ]]
    run -200 trust claude "$REPO" --revoke --yes
}

@test "ignored files are accepted for the sessions that get them" {
    echo settings.local.json >>"$REPO/.gitignore"
    echo '{}' >"$REPO/.claude/settings.local.json"
    trust claude "$REPO" --yes
    [ "$(trust claude "$REPO" --json | jq '.files | length')" -eq 1 ]
    [ "$(state)" = trusted ]
    [ "$(state --include-ignored)" = untrusted ]
    trust claude "$REPO" --include-ignored --yes
    [ "$(trust claude "$REPO" --include-ignored --json | jq '.files | length')" -eq 2 ]
    echo x >>"$REPO/.claude/settings.local.json"
    [ "$(state)" = trusted ]
    [ "$(state --include-ignored)" = changed ]
}

#!/usr/bin/env bats
# The images with a vendor's programs: what they hold, and what the build does when it cannot have it.

load common

# inside AGENT PROGRAM [ARGUMENT...]: in the image of an agent.
inside() {
    "$DOCKER" run --rm --network none --entrypoint "$2" "coding-agents/$1:$VERSION" "${@:3}"
}

# pinned AGENT PATTERN: the version in the agent's package.tab, which the pattern has in parentheses.
pinned() {
    sed -n "s/^amd64 .*$2.*/\\1/p" "$ROOT/images/$1/package.tab"
}

# is_whole AGENT PROGRAM: the image says whose it is, and holds the programs that were installed.
is_whole() {
    [ "$("$DOCKER" image inspect --format '{{index .Config.Labels "coding-agents.agent"}}' \
        "coding-agents/$1:$VERSION")" = "$1" ]
    run -0 inside "$1" sha256sum --check /usr/share/coding-agents/vendor.sha256
    [ "${lines[0]}" = "$2: OK" ]
}

@test "the image of codex is the base with the vendor's programs, their licence and their digests" {
    is_whole codex /opt/coding-agents/codex/bin/codex
    run -0 inside codex grep -c 'Apache License' /opt/coding-agents/codex/LICENSE
    run -0 inside codex /opt/coding-agents/codex/bin/codex --version
    [ "${lines[-1]}" = "codex-cli $(pinned codex 'codex-\([0-9.]*\)-linux')" ]
}

@test "the image of claude is the base with the vendor's program, its licence and its digest" {
    is_whole claude /opt/coding-agents/claude/bin/claude
    run -0 inside claude grep -c 'Anthropic PBC. All rights reserved' /opt/coding-agents/claude/LICENSE.md
    run -0 inside claude /opt/coding-agents/claude/bin/claude --version
    [ "$output" = "$(pinned claude 'linux-x64-\([0-9.]*\)\.tgz') (Claude Code)" ]
}

@test "the image of copilot is the base with the vendor's program and its parts, their licence and their digests" {
    is_whole copilot /opt/coding-agents/copilot/bin/copilot
    [ "$(grep -c ': OK' <<<"$output")" -eq "${#lines[@]}" ]
    grep -q '/pkg/.*/runtime.node: OK' <<<"$output"
    run -0 inside copilot grep -c 'GitHub Copilot CLI License' /opt/coding-agents/copilot/LICENSE.md
    run -0 inside copilot env HOME=/nonexistent COPILOT_AUTO_UPDATE=false COPILOT_CACHE_HOME=/opt/coding-agents/copilot \
        /opt/coding-agents/copilot/bin/copilot --version
    [ "${lines[0]}" = "GitHub Copilot CLI $(pinned copilot 'linux-x64-\([0-9.]*\)\.tgz')." ]
}

@test "the image of all agents has the programs of each, as they are in its own, and serves all" {
    local agent expected
    expected=$(for agent in codex claude copilot; do inside "$agent" cat /usr/share/coding-agents/vendor.sha256; done | sort)
    run -0 inside all cat /usr/share/coding-agents/vendor.sha256
    [ "$(sort <<<"$output")" = "$expected" ]
    run -0 inside all sha256sum --quiet --check /usr/share/coding-agents/vendor.sha256
    [ "$("$DOCKER" image inspect --format '{{index .Config.Labels "coding-agents.agent"}}' "coding-agents/all:$VERSION" |
        tr , '\n' | sort | xargs)" = 'claude codex copilot shell' ]
    for agent in codex claude copilot; do
        run -0 inside all grep -c " /opt/coding-agents/$agent/bin/$agent\$" /usr/share/coding-agents/programs.tab
    done
    run -0 inside all /opt/coding-agents/codex/bin/codex --version
    run -0 inside all /opt/coding-agents/claude/bin/claude --version
    run -0 inside all env HOME=/nonexistent COPILOT_AUTO_UPDATE=false COPILOT_CACHE_HOME=/opt/coding-agents/copilot \
        /opt/coding-agents/copilot/bin/copilot --version
    # What each is configured with, too.
    run -0 inside all sha256sum /etc/codex/config.toml /etc/codex/requirements.toml /etc/claude-code/managed-settings.json \
        /etc/claude-code/CLAUDE.md
    diff <(cd "$ROOT/images" && sha256sum codex/config.toml codex/requirements.toml claude/managed-settings.json \
        claude/managed-instructions.md | cut -d' ' -f1) \
        <(cut -d' ' -f1 <<<"$output")
}

@test "what the vendor's programs are and read is root's, and nobody else can write it" {
    local image places
    for image in codex:/etc/codex claude:/etc/claude-code copilot:/opt all:/etc/codex; do
        places=(/opt "${image#*:}" /usr/share/coding-agents)
        run -0 inside "${image%:*}" find "${places[@]}" -type f
        [ "${#lines[@]}" -ge 6 ]
        run -0 inside "${image%:*}" find "${places[@]}" ! -user root -o ! -group root -o ! -type l -perm /022 -o -perm /6000
        [ -z "$output" ]
    done
}

@test "what Codex must not do, no option turns on" {
    run -0 --separate-stderr inside codex sh -c 'cd /home/agentuser && HOME=$PWD exec "$@"' sh \
        /opt/coding-agents/codex/bin/codex --enable shell_snapshot --enable plugins features list
    [ "$(awk '/^(apps|plugins|shell_snapshot|daemon_auto_start) / { print $NF }' <<<"$output" | sort | uniq -c | awk '{ print $1, $2 }')" = \
        '4 false' ]
}

@test "nothing of the build is left: no certificates of the builder's host, no archive, no node" {
    local agent
    for agent in codex claude copilot all; do
        run -0 inside "$agent" sh -c 'find /run/secrets /tmp -mindepth 1 2>/dev/null; command -v node npm; true'
        [ -z "$output" ]
    done
}

# fetch ARCHITECTURE INTEGRITY ADDRESS: what images/fetch-package makes of a table with this row for `here`.
fetch() {
    printf '# A table.\nhere  %s  %s\n' "$3" "$2" >"$BATS_TEST_TMPDIR/package.tab"
    "$ROOT/images/fetch-package" "$BATS_TEST_TMPDIR/package.tab" "$1" "$BATS_TEST_TMPDIR/unpacked"
}

@test "a package is unpacked only when it is the one that is pinned" {
    local archive=$BATS_TEST_TMPDIR/package.tgz integrity
    mkdir "$BATS_TEST_TMPDIR/package"
    echo program >"$BATS_TEST_TMPDIR/package/program"
    tar -czf "$archive" -C "$BATS_TEST_TMPDIR" package
    integrity=sha512-$(openssl dgst -sha512 -binary "$archive" | base64 -w 0)
    run -0 fetch here "$integrity" "file://$archive"
    [ "$(<"$BATS_TEST_TMPDIR/unpacked/package/program")" = program ]
    rm -r "$BATS_TEST_TMPDIR/unpacked"

    echo more >>"$archive"
    run -1 fetch here "$integrity" "file://$archive"
    [[ $output == "images/fetch-package: file://$archive is not what was pinned: its SHA-512 is "* ]]
    run -1 fetch here "$integrity" "file:///nonexistent.tgz"
    [[ $output == "images/fetch-package: file:///nonexistent.tgz could not be fetched: "* ]]
    run -1 fetch here "$integrity" "http://127.0.0.1:9/package.tgz"
    [[ $output == *"could not be fetched: "* ]]
    run -1 fetch elsewhere "$integrity" "file://$archive"
    [[ $output == "images/fetch-package: there is no package for elsewhere in "* ]]
    [ ! -e "$BATS_TEST_TMPDIR/unpacked" ]
}

@test "an image whose package cannot be had ends its build with one line" {
    local tree=$BATS_TEST_TMPDIR/tree
    mkdir "$tree"
    tar -c -C "$ROOT" --exclude=./build --exclude=./.git . | tar -x -C "$tree"
    sed -i 's,https://[^ ]*,file:///nonexistent.tgz,' "$tree/images/codex/package.tab"
    run -1 --separate-stderr "$tree/images/build" codex
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "images/build: building coding-agents/codex:$VERSION failed: file:///nonexistent.tgz could not be fetched: "* ]]
}

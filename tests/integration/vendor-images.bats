#!/usr/bin/env bats
# The images with a vendor's programs: what they hold, and what the build does when it cannot have it.

load common

CODEX_IMAGE=coding-agents/codex:$VERSION

inside() {
    local program=$1
    shift
    "$DOCKER" run --rm --network none --entrypoint "$program" "$CODEX_IMAGE" "$@"
}

@test "the image of codex is the base with the vendor's programs, their licence and their digests" {
    [ "$("$DOCKER" image inspect --format '{{index .Config.Labels "coding-agents.agent"}}' "$CODEX_IMAGE")" = codex ]
    run -0 inside sha256sum --check /usr/share/coding-agents/vendor.sha256
    [ "${lines[0]}" = '/opt/coding-agents/codex/bin/codex: OK' ]
    run -0 inside grep -c 'Apache License' /opt/coding-agents/codex/LICENSE
    # The version is the one that is pinned.
    local pinned
    pinned=$(sed -n 's/^amd64 .*codex-\([0-9.]*\)-linux.*/\1/p' "$ROOT/images/codex/package.tab")
    run -0 inside /opt/coding-agents/codex/bin/codex --version
    [ "${lines[-1]}" = "codex-cli $pinned" ]
}

@test "what the vendor's programs are and read is root's, and nobody else can write it" {
    run -0 inside find /opt /etc/codex /usr/share/coding-agents -type f
    [ "${#lines[@]}" -ge 8 ]
    run -0 inside find /opt /etc/codex /usr/share/coding-agents ! -user root -o ! -group root -o ! -type l -perm /022 \
        -o -perm /6000
    [ -z "$output" ]
}

@test "what Codex must not do, no option turns on" {
    run -0 --separate-stderr inside sh -c 'cd /home/agentuser && HOME=$PWD exec "$@"' sh \
        /opt/coding-agents/codex/bin/codex --enable shell_snapshot --enable plugins features list
    [ "$(awk '/^(apps|plugins|shell_snapshot|daemon_auto_start) / { print $NF }' <<<"$output" | sort | uniq -c | awk '{ print $1, $2 }')" = \
        '4 false' ]
}

@test "nothing of the build is left: no certificates of the builder's host, no archive, no node" {
    run -0 inside sh -c 'find /run/secrets /tmp -mindepth 1 2>/dev/null; command -v node npm; true'
    [ -z "$output" ]
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

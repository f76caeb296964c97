#!/usr/bin/env bats
# make install and make uninstall: everything arrives, works from there, and goes away again.

load common

setup() {
    bats_require_minimum_version 1.5.0
    destination=$BATS_TEST_TMPDIR/destination
    # In a copy, because the checkout may belong to another account.
    tree=$BATS_TEST_TMPDIR/tree
    cp -a "$ROOT" "$tree" 2>/dev/null || cp -R "$ROOT" "$tree"
}

# make with what the tests' own make left in the environment taken out.
plain_make() {
    env -u MAKEFLAGS -u MAKELEVEL -u BUILD make --silent -C "$tree" "$@"
}

@test "install puts programs, policies, pages and the source where they belong" {
    run -0 plain_make install DESTDIR="$destination" PREFIX=/opt/agents
    local prefix=$destination/opt/agents
    [ "$("$prefix/bin/coding-agents" version | head -1 | tr -s " ")" = "coding-agents $VERSION" ]
    cmp "$ROOT/policies/seccomp/agent.json" "$prefix/share/coding-agents/policies/seccomp/agent.json"
    cmp "$ROOT/images.lock" "$prefix/share/coding-agents/images.lock"
    [ -f "$prefix/share/man/man1/coding-agents.1" ]
    [ -x "$prefix/share/coding-agents/source/images/build" ]
    [ -x "$prefix/libexec/coding-agents/coding-agents-keeper" ]
    # Nothing points back into the checkout.
    run grep -rlF "$tree" "$destination"
    [ -z "$output" ]
    run find "$destination" -type l -lname '/*'
    [ -z "$output" ]
}

@test "the installed source builds the very image that the checkout builds" {
    run -0 plain_make install DESTDIR="$destination" PREFIX=/opt/agents
    local before
    before=$("$DOCKER" image inspect --format '{{.Id}}' "$SHELL_IMAGE")
    run -0 "$destination/opt/agents/share/coding-agents/source/images/build" shell
    [ "$("$DOCKER" image inspect --format '{{.Id}}' "$SHELL_IMAGE")" = "$before" ]
}

@test "uninstall leaves nothing but what others put there" {
    run -0 plain_make install DESTDIR="$destination" PREFIX=/opt/agents
    echo mine >"$destination/opt/agents/bin/mine"
    run -0 plain_make uninstall DESTDIR="$destination" PREFIX=/opt/agents
    run find "$destination" ! -type d
    [ "$output" = "$destination/opt/agents/bin/mine" ]
}

#!/usr/bin/env bats
# The images: what is in them, what is not, and what others build on them.

load common

setup() {
    bats_require_minimum_version 1.5.0
    EXTENDED=coding-agents-test/extended:$$
}

teardown() {
    "$DOCKER" rmi --force "$EXTENDED" >/dev/null 2>&1 || true
}

# inside COMMAND...: runs it in the shell image without its entry point.
inside() {
    local program=$1
    shift
    "$DOCKER" run --rm --network none --entrypoint "$program" "$SHELL_IMAGE" "$@"
}

inspect() {
    "$DOCKER" image inspect --format "$1" "$SHELL_IMAGE"
}

@test "labels, entry point, stop signal and directory are as documented" {
    [ "$(inspect '{{index .Config.Labels "coding-agents.version"}}')" = "$VERSION" ]
    [ "$(inspect '{{index .Config.Labels "coding-agents.wire"}}')" = 1 ]
    [ "$(inspect '{{index .Config.Labels "coding-agents.agent"}}')" = shell ]
    [ "$(inspect '{{json .Config.Entrypoint}}')" = '["agent-init","--boot","--"]' ]
    [ "$(inspect '{{.Config.StopSignal}}')" = SIGTERM ]
    [ "$(inspect '{{.Config.WorkingDir}}')" = /workspace ]
    [ "$(inspect '{{.Config.User}}')" = "" ]
}

@test "no file is setuid or setgid or has capabilities" {
    run -0 inside find / -xdev -type f -perm /6000
    [ -z "$output" ]
    # The positive control: find sees such files when there are some.
    run -0 inside sh -c 'cp /bin/true /tmp/x && chmod u+s /tmp/x && find / -xdev -type f -perm /6000'
    [ "$output" = /tmp/x ]
    run -0 inside python3 -c '
import os
for top, _, names in os.walk("/usr"):
    for name in names:
        path = os.path.join(top, name)
        if "security.capability" in os.listxattr(path, follow_symlinks=False):
            print(path)'
    [ -z "$output" ]
}

@test "our programs and policies are root's, and nobody else can write them" {
    run -0 inside find /usr/local/bin /usr/libexec/coding-agents /etc/coding-agents ! -user root -o ! -group root -o ! -type l -perm /022
    [ -z "$output" ]
    run -0 inside sh -c 'test -x /usr/local/bin/agent-init && test -x /usr/libexec/coding-agents/agent-boot'
}

@test "the image holds exactly the programs and policies that the build staged" {
    run -0 inside find /usr/local/bin /usr/libexec/coding-agents /etc/coding-agents -type f
    diff <(sort <<<"$output") <(cd "$BUILD/image" && find . -type f | sed 's/^\.//' | sort)
}

@test "nothing of the tests ships" {
    local names
    names=$(cd "$BUILD/tests" && find . -type f -perm /111 -printf '%f\n' | sort -u)
    [ -n "$names" ]
    run -0 inside find / -xdev -type f -printf '%f\n'
    run comm -12 <(sort -u <<<"$output") - <<<"$names"
    [ -z "$output" ]
}

@test "identities are those of users.tab" {
    while read -r name uid gid home _; do
        [ "$(inside id -u "$name")" = "$uid" ]
        [ "$(inside id -g "$name")" = "$gid" ]
        [ "$(inside sh -c "getent passwd $name | cut -d: -f6")" = "$home" ]
    done < <(grep -v '^#' "$ROOT/policies/users.tab" | grep .)
    [ "$(inside stat -c '%U %a' /home/agentuser)" = "agentuser 700" ]
    [ "$(inside stat -c %U /workspace)" = agentuser ]
}

@test "the image says which package versions it was made of" {
    run -0 inside cat /usr/share/coding-agents/packages.txt
    while read -r package _; do
        grep -q "^$package " <<<"$output" || { echo "$package is missing"; false; }
    done < <(grep -v '^#' "$ROOT/images/packages/base")
}

@test "no compiler and no package list is left in the image" {
    run -1 inside sh -c 'command -v gcc || command -v cc || command -v musl-gcc || exit 1'
    run -0 inside find /var/lib/apt/lists /var/cache/apt -type f
    [ -z "$output" ]
}

@test "the pinned base is a whole digest" {
    grep -qE '^debian:bookworm-slim@sha256:[0-9a-f]{64}$' "$ROOT/images/base.digest"
    [ "$(grep -vc '^#' "$ROOT/images/base.digest")" -eq 1 ]
}

@test "building again without a change makes the same image" {
    local before
    before=$(inspect '{{.Id}}')
    run -0 "$ROOT/images/build" shell
    [ "$(inspect '{{.Id}}')" = "$before" ]
}

@test "an agent without an image is refused by name" {
    run -2 "$ROOT/images/build" nonesuch
    [ "$output" = "images/build: there is no image 'nonesuch': name some of shell,codex,claude,copilot, all, base" ]
    run -2 "$ROOT/images/build" build
}

@test "an image builder extends the base in three lines" {
    DOCKER_BUILDKIT=1 "$DOCKER" build --quiet --tag "$EXTENDED" - <<DOCKERFILE
FROM $SHELL_IMAGE
RUN echo greeting >/usr/share/greeting
LABEL example.extended=yes
DOCKERFILE
    run -0 --separate-stderr "$DOCKER" run --rm "$EXTENDED" sh -c 'cat /usr/share/greeting && id -un'
    [ "${lines[0]}" = greeting ]
    [ "${lines[1]}" = agentuser ]
}

@test "a container that could not make agentuser of the command is refused by name" {
    run -211 "$DOCKER" run --rm --network none --user 1000 "$SHELL_IMAGE" id
    [[ $output == *'identity: started as user 1000, not as root; start the container as root, with SETUID'* ]]
    run -211 "$DOCKER" run --rm --network none --cap-drop ALL "$SHELL_IMAGE" id
    [[ $output == *'identity: CAP_SETUID is missing; start the container as root, with SETUID'* ]]
    run -211 "$DOCKER" run --rm --network none --cap-drop SETPCAP "$SHELL_IMAGE" id
    [[ $output == *'identity: CAP_SETPCAP is missing;'* ]]
    run -0 --separate-stderr "$DOCKER" run --rm --network none --cap-drop ALL --cap-add SETUID --cap-add SETGID \
        --cap-add SETPCAP "$SHELL_IMAGE" id -un
    [ "${lines[-1]}" = agentuser ]
}

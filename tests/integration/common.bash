# What the end-to-end tests share: where things are, and one name for everything made in the engine.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}
VERSION=$(cat "$ROOT/VERSION")
DOCKER=${DOCKER:-$("$ROOT/images/docker-client")}
BASE_IMAGE=coding-agents/base:$VERSION
SHELL_IMAGE=coding-agents/shell:$VERSION
# Not BUILD: a make that a test starts would take it for its own.
export ROOT VERSION DOCKER BASE_IMAGE SHELL_IMAGE

# The flags of a hardened container without the launcher, for tests that look at one fence alone.
hardened_run() {
    "$DOCKER" run --rm --network none --cap-drop ALL --security-opt no-new-privileges:true \
        --security-opt "seccomp=$ROOT/policies/seccomp/agent.json" --security-opt apparmor=coding-agents "$@"
}

# holds [OPTION...] FILTER: whether what comes in is JSON of which the filter is true; jq 1.6 takes nothing at all for that.
holds() {
    local said
    said=$(jq --exit-status "$@") && [ -n "$said" ]
}

# lacks TEXT CONTROL COMMAND...: what the command says has CONTROL somewhere, and TEXT nowhere; it must end well, so that
# there was all of it to look at.
lacks() {
    local found
    found=$(set -o pipefail; "${@:3}" 2>&1 | grep -aoF -e "$1" -e "$2" | sort -u) || return
    [ "$found" = "$2" ]
}

# wait_for SECONDS COMMAND...: until the command succeeds. As long as it takes passes between two tries, a second at most:
# what asks the engine takes the processor from what is waited for.
wait_for() {
    local end=$((SECONDS + $1)) start pause
    shift
    while start=${EPOCHREALTIME//[!0-9]/} && ! "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "gave up waiting for: $*" >&2
            return 1
        fi
        pause=$((${EPOCHREALTIME//[!0-9]/} - start))
        if [ "$pause" -lt 200000 ]; then pause=200000; fi
        if [ "$pause" -gt 999999 ]; then pause=999999; fi
        sleep "0.$(printf %06d "$pause")"
    done
}

# Skips the test, or fails it where everything is meant to work.
skip_unless() {
    local reason=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        skip "$reason"
    fi
}

# passes_unit_tests_in IMAGE: builds the tree and runs its unit tests in a container that has only what is installed for that.
# With what root has on a machine of its own: unit tests make namespaces and look into processes.
# shellcheck disable=SC2154 # bats sets output and status
passes_unit_tests_in() {
    run "$DOCKER" run --rm --volume "$ROOT:/checkout:ro" --env MUST_WORK --security-opt seccomp=unconfined \
        --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add SYS_BOOT --cap-add SYS_PACCT \
        --cap-add SYSLOG "$1" sh -euc '
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends git make
        mkdir /tree
        cd /checkout && tar -c --exclude=./build --exclude=./.git . | tar -x -C /tree
        cd /tree
        images/install-packages build check
        make --silent -j"$(nproc)" check' </dev/null
    grep -vE '^  [A-Z]+ |passed   0 failed   0 skipped' <<<"$output" | tail -40
    [ "$status" -eq 0 ]
    grep -qE '^[1-9][0-9]* passed, 0 failed' <<<"$output"
}

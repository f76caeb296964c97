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
        --security-opt "seccomp=$ROOT/policies/seccomp/agent.json" "$@"
}

# Skips the test, or fails it where everything is meant to work.
skip_unless() {
    local reason=$1
    shift
    if ! "$@" >/dev/null 2>&1; then
        skip "$reason"
    fi
}

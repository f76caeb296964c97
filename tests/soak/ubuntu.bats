#!/usr/bin/env bats
# Ubuntu 24.04: the build and the unit tests in a root made from its archive.
# runs as: root

load ../integration/common

# The archive's keys, by digest: Debian does not package them.
KEYRING_URL=https://archive.ubuntu.com/ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb
KEYRING_SHA256=36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8
IMAGE=coding-agents-test-ubuntu:24.04

setup_file() {
    "$ROOT/images/install-packages" bootstrap
    # apt verifies as an account of its own, which must reach the keys.
    directory=$(mktemp -d /var/tmp/ubuntu-root.XXXXXX)
    chmod 0755 "$directory"
    cd "$directory" || return
    curl --silent --show-error --fail --output keyring.deb "$KEYRING_URL"
    echo "$KEYRING_SHA256  keyring.deb" | sha256sum --check --quiet
    dpkg-deb --extract keyring.deb keyring
    mmdebstrap --quiet --mode=root --variant=minbase --include=apt,ca-certificates \
        --keyring="$PWD/keyring/usr/share/keyrings/ubuntu-archive-keyring.gpg" noble root.tar \
        "deb http://archive.ubuntu.com/ubuntu noble main universe" \
        "deb http://archive.ubuntu.com/ubuntu noble-updates main universe" \
        "deb http://archive.ubuntu.com/ubuntu noble-security main universe"
    "$DOCKER" import --change 'CMD ["bash"]' root.tar "$IMAGE" >/dev/null
    cd "$ROOT" || return
    rm -r "$directory"
}

teardown_file() {
    "$DOCKER" image rm --force "$IMAGE" >/dev/null
}

@test "a fresh Ubuntu 24.04 builds everything and passes the unit tests" {
    passes_unit_tests_in "$IMAGE"
}

#!/usr/bin/env bats
# Two builds give the same bytes, wherever they were made: what images hold, and with SOAK=1 what the host has as well.
# takes long

load common

setup() {
    bats_require_minimum_version 1.5.0
    tree=$BATS_TEST_TMPDIR/another/place
    mkdir -p "$tree"
    (cd "$ROOT" && tar -c --exclude=./build --exclude=./.git .) | tar -x -C "$tree"
}

# digests BUILD PART...: of every staged file there, in order.
digests() {
    (cd "$1" && find "${@:2}" -type f -print0 | sort -z | xargs -0 sha256sum)
}

@test "a clean build in another directory, at another time, equals this one" {
    local target=image-tree parts=(image)
    if [ "${SOAK:-0}" = 1 ]; then target=all parts=(host image); fi
    run env -u BUILD -u MAKEFLAGS -u MAKELEVEL make -C "$tree" --silent -j"$(nproc)" "$target"
    [ "$status" -eq 0 ] || { echo "$output" | tail -20; false; }
    diff <(digests "$BUILD" "${parts[@]}") <(digests "$tree/build" "${parts[@]}")
    [ "$(digests "$BUILD" "${parts[@]}" | wc -l)" -gt 30 ]
    # The positive control: another version is another program.
    echo 9.9.9 >"$tree/VERSION"
    run -0 env -u BUILD -u MAKEFLAGS -u MAKELEVEL make -C "$tree" --silent build/image/usr/local/bin/agent-init
    run cmp -s "$BUILD/image/usr/local/bin/agent-init" "$tree/build/image/usr/local/bin/agent-init"
    [ "$status" -eq 1 ]
}

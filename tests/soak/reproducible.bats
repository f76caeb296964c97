#!/usr/bin/env bats
# Two builds give the same bytes, wherever they were made.

load ../integration/common

setup() {
    tree=$BATS_TEST_TMPDIR/another/place
    mkdir -p "$tree"
    (cd "$ROOT" && tar -c --exclude=./build --exclude=./.git .) | tar -x -C "$tree"
}

# digests BUILD PART...: of every staged file there, in order.
digests() {
    (cd "$1" && find "${@:2}" -type f -print0 | sort -z | xargs -0 sha256sum)
}

@test "a clean build in another directory, at another time, equals this one" {
    run env -u BUILD -u MAKEFLAGS -u MAKELEVEL make -C "$tree" --silent -j"$(nproc)" all
    [ "$status" -eq 0 ] || { echo "$output" | tail -20; false; }
    diff <(digests "$BUILD" host image) <(digests "$tree/build" host image)
    [ "$(digests "$BUILD" host image | wc -l)" -gt 30 ]
    # The positive control: another version is another program.
    echo 9.9.9 >"$tree/VERSION"
    run -0 env -u BUILD -u MAKEFLAGS -u MAKELEVEL make -C "$tree" --silent build/image/usr/local/bin/agent-init
    run cmp -s "$BUILD/image/usr/local/bin/agent-init" "$tree/build/image/usr/local/bin/agent-init"
    [ "$status" -eq 1 ]
}

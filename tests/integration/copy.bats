#!/usr/bin/env bats
# The engine of the workspace copy, run by itself on trees: as exact as rsync, and contained when the source moves. And what
# a session says while it copies.
# runs as: root

load common
load session

setup_file() {
    session_setup_file
    make -C "$ROOT" --no-print-directory -s BUILD="$BUILD" "$BUILD/tests/copy-tree"
}

teardown_file() {
    session_teardown_file
}

setup() {
    COPY=$BUILD/tests/copy-tree
    TREE=$ROOT/tests/copy/tree.py
    RACE=$ROOT/tests/copy/race.py
    # Below /tmp there may be a tmpfs; what is tested is what a volume has.
    WORK=$(mktemp -d /var/tmp/coding-agents-copy.XXXXXX)
    chmod 0755 "$WORK"
    # What is compared must not change by being read.
    mount --bind "$WORK" "$WORK"
    mount -o remount,bind,noatime "$WORK"
    mkdir "$WORK/source" "$WORK/peer" "$WORK/copy"
}

teardown() {
    # Lazily: whoever makes a copy of the machine's mounts meanwhile holds them for a moment.
    umount --recursive --lazy "$WORK" || true
    rm -rf "$WORK"
}

# figure NAME: of the lines the last run printed.
figure() {
    # shellcheck disable=SC2154 # bats sets output
    awk -v name="$1" '$1 == name { print $2 }' <<<"$output"
}

# copied READER WRITER [--listed]: the source, copied whole or as a list of all its files.
copied() {
    chown "$2:$2" "$WORK/copy"
    (cd "$WORK/source" && find . -mindepth 1 ! -type d -printf '%P\0') >"$WORK/list"
    run "$COPY" "${@:3}" "$WORK/source" "$WORK/copy" "$1" "$2" <"$WORK/list"
}

# as_rsync SEED READER WRITER: the copy of a random tree is what rsync makes of it, in both modes.
as_rsync() {
    local special mode
    special=$("$TREE" make "$1" "$WORK/source" "$2")
    rsync -aHAX "$WORK/source/" "$WORK/peer/"
    for mode in '' --listed; do
        # shellcheck disable=SC2086 # an option or none
        copied "$2" "$3" $mode
        if [ "$status" -ne 0 ] || [ "$(figure special)" -ne "$special" ] || [ "$(figure missing)" -ne 0 ] ||
            [ "$(figure attributes)" -ne 0 ] ||
            ! "$TREE" compare "$WORK/source" "$WORK/peer" "$WORK/copy" "$3" "${mode#--}"; then
            echo "seed $1, reader $2, writer $3, mode '$mode': $output"
            return 1
        fi
        rm -rf "$WORK/copy"
        mkdir "$WORK/copy"
    done
    rm -rf "$WORK/source" "$WORK/peer"
    mkdir "$WORK/source" "$WORK/peer"
}

@test "random trees, whole and listed: the copy is what rsync -aHAX makes, but for owners, special files and privileged bits" {
    local seeds=12 seed
    [ "${SOAK:-0}" != 1 ] || seeds=600
    for ((seed = 1; seed <= seeds; seed++)); do
        as_rsync "$seed" 0 0
        as_rsync "$((seed + 100000))" 54321 54322
    done
}

@test "the comparison sees each difference it is there for" {
    local change
    for change in 'rm victim' 'chmod 0640 victim' 'touch -m -d @1.5 victim' 'touch -m -d @2 .' \
        'touch -a -d @1.5 victim' 'touch -h -a -d @1.5 link' 'echo x >>victim' \
        "$TREE attribute user.x victim" "$TREE attribute trusted.x victim" 'setfacl -b guarded' \
        'setfacl -m d:u:7:r guarded' 'setfacl -m u:7:rwx guarded' 'chown 7 victim' 'chmod u+s victim' \
        'cp -a --remove-destination victim twin' 'ln -sfn other link' 'mkdir extra' \
        'ln -sfn text again; touch -h -r link again' \
        'cp --sparse=never holes new; touch -r holes new; mv new holes'; do
        rm -rf "$WORK/source" "$WORK/peer" "$WORK/copy"
        mkdir "$WORK/source"
        (cd "$WORK/source" && echo one >victim && ln victim twin && ln -s text link && ln -P link again && truncate -s 4M holes)
        chmod 0644 "$WORK/source/victim"
        mkdir "$WORK/source/guarded"
        setfacl -m u:7:r "$WORK/source/guarded"
        cp -a "$WORK/source" "$WORK/peer"
        cp -a "$WORK/source" "$WORK/copy"
        "$TREE" compare "$WORK/source" "$WORK/peer" "$WORK/copy" 0
        (cd "$WORK/copy" && sh -c "$change" && case $change in *.) ;; *) touch -r ../source . ;; esac)
        run "$TREE" compare "$WORK/source" "$WORK/peer" "$WORK/copy" 0
        echo "$change"
        [ "$status" -eq 1 ]
    done
}

@test "directories 10,000 levels deep are copied" {
    "$TREE" deep 10000 "$WORK/source"
    # With no more descriptors than the smallest usual limit.
    run -0 sh -c 'ulimit -n 1024; exec "$@"' sh "$COPY" "$WORK/source" "$WORK/copy"
    [ "$(figure files)" -eq 1 ]
    run -0 "$TREE" follow 10000 "$WORK/copy"
    [ "$output" = '10000 levels down' ]
}

@test "a source and a target that change under the copy: nothing outside is read or written, no pipe or device opened" {
    local seconds=3 mode
    [ "${SOAK:-0}" != 1 ] || seconds=120
    for mode in '' --listed; do
        mkdir "$WORK/race$mode"
        # shellcheck disable=SC2086 # an option or none
        run -0 "$RACE" "$seconds" "$WORK/race$mode" "$COPY" $mode
        echo "$mode $output"
        [ "$(figure runs)" -gt 10 ]
        [ "$(figure exchanged)" -gt 1000 ]
        [ "$(figure copied)" -gt 100 ]
        [ "$(figure read)" -eq 0 ]
        [ "$(figure written)" -eq 0 ]
        [ "$(figure opened)" -eq 0 ]
    done
    mkdir "$WORK/control"
    # The control: in the same race a copier that goes by names reads, writes and opens all of it.
    run -0 "$RACE" "$seconds" "$WORK/control" naive
    echo "$output"
    [ "$(figure read)" -gt 0 ]
    [ "$(figure written)" -gt 0 ]
    [ "$(figure opened)" -gt 0 ]
}

# blocks FILE: how many of 512 bytes it takes.
blocks() {
    sync "$1"
    stat -c %b "$1"
}

@test "holes stay holes, and what was allocated and never written becomes one, inside a file and at its end" {
    local file
    truncate -s 8M "$WORK/source/hole"
    fallocate -l 8M "$WORK/source/allocated"
    fallocate -l 8M "$WORK/source/written"
    head -c 300000 /dev/urandom | dd of="$WORK/source/written" bs=1M seek=3 conv=notrunc status=none
    head -c 300000 /dev/urandom >"$WORK/source/ahead"
    fallocate -n -o 1M -l 4M "$WORK/source/ahead"
    # The control: the source has what the copy shall not have.
    [ "$(blocks "$WORK/source/allocated")" -ge 16384 ]
    [ "$(blocks "$WORK/source/ahead")" -ge 8192 ]
    run -0 "$COPY" "$WORK/source" "$WORK/copy"
    for file in hole allocated written ahead; do
        cmp "$WORK/source/$file" "$WORK/copy/$file"
        echo "$file: $(blocks "$WORK/source/$file") blocks became $(blocks "$WORK/copy/$file")"
    done
    [ "$(blocks "$WORK/copy/hole")" -eq 0 ]
    [ "$(blocks "$WORK/copy/allocated")" -eq 0 ]
    [ "$(blocks "$WORK/copy/written")" -lt 700 ]
    [ "$(blocks "$WORK/copy/ahead")" -lt 700 ]
}

# shares FILE: every extent of it is another file's too.
shares() {
    sync "$1"
    filefrag -v "$1" | awk '$1 ~ /^[0-9]+:$/ { all++; shared += /shared/ } END { exit !(all > 0 && all == shared) }'
}

@test "where the file system can, a large file shares its extents with the source" {
    mkdir "$WORK/mounted"
    truncate -s 320M "$WORK/image"
    mkfs.xfs -q -m reflink=1 "$WORK/image"
    mount -o loop "$WORK/image" "$WORK/mounted" || skip "this kernel mounts no image of xfs"
    mkdir "$WORK/mounted/source" "$WORK/mounted/copy"
    head -c 5000000 /dev/urandom >"$WORK/mounted/source/file"
    cp --reflink=never "$WORK/mounted/source/file" "$WORK/mounted/control"
    run -0 "$COPY" "$WORK/mounted/source" "$WORK/mounted/copy"
    cmp "$WORK/mounted/source/file" "$WORK/mounted/copy/file"
    shares "$WORK/mounted/copy/file"
    ! shares "$WORK/mounted/control" || return 1
}

@test "a file system that holds neither user attributes nor ACLs: left out, counted, and no mode is wider for it" {
    mkdir "$WORK/mounted" "$WORK/source/directory"
    mount -t ramfs none "$WORK/mounted"
    echo x | tee "$WORK/source/file" "$WORK/source/wide" "$WORK/source/narrow" >/dev/null
    "$TREE" attribute user.a "$WORK/source/file"
    "$TREE" attribute user.b "$WORK/source"
    # What ls shows for the group is the mask, and the group has less: or the mask is less.
    setfacl --set u::rw,g::r,o::-,u:12345:rwx,m::rwx "$WORK/source/wide"
    setfacl --set u::rw,g::rwx,o::-,u:12345:rwx,m::r "$WORK/source/narrow"
    setfacl --set u::rwx,g::-,o::x,u:12345:rwx,m::rwx "$WORK/source/directory"
    [ "$(stat -c %a "$WORK/source/wide")" = 670 ]
    run "$COPY" "$WORK/source" "$WORK/mounted"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(figure attributes)" -eq 5 ]
    run -0 stat -c %a "$WORK"/mounted/{wide,narrow,directory}
    echo "$output"
    [ "$output" = $'640\n640\n701' ]
}

@test "a directory that the reader may only search keeps its ACL" {
    mkdir "$WORK/source/directory"
    chown 54321 "$WORK/source/directory"
    setfacl --set u::x,g::-,o::-,u:12345:rwx "$WORK/source/directory"
    echo x >"$WORK/source/directory/file"
    chown 54322 "$WORK/copy"
    copied 54321 54322 --listed
    [ "$status" -eq 0 ]
    run -0 getfacl -cn "$WORK/copy/directory"
    echo "$output"
    [[ "$output" == *$'group::---\n'* && "$output" == *user:12345:rwx* ]]
}

@test "where a group shares the copy, it gets what the owner may, and no ACL of the source is in its way" {
    echo x >"$WORK/source/file"
    setfacl --set u::rw,g::-,o::-,u:12345:rwx "$WORK/source/file"
    run -0 "$COPY" --shared "$WORK/source" "$WORK/copy"
    run -0 getfacl -cn "$WORK/copy/file"
    echo "$output"
    [[ "$output" == *$'user::rw-\ngroup::rw-\nother::---'* ]]
}

@test "a default ACL of the place where the copy is made gives nobody rights that the source does not" {
    mkdir "$WORK/source/directory"
    echo x | tee "$WORK/source/file" "$WORK/source/directory/file" >/dev/null
    setfacl -m d:u:12345:rwx "$WORK/copy"
    touch "$WORK/copy/control"
    getfacl -cn "$WORK/copy/control" | grep -q '^user:12345:rwx'
    run -0 "$COPY" "$WORK/source" "$WORK/copy"
    run -0 getfacl -Rcn "$WORK/copy/file" "$WORK/copy/directory"
    echo "$output"
    [[ "$output" != *12345* ]]
}

@test "nor do plain directories, as those of git, keep one, and their files have the mode of the source" {
    mkdir -p "$WORK/source/a/b" "$WORK/link"
    echo x | tee "$WORK/source/a/file" "$WORK/source/a/b/file" >/dev/null
    chmod 0640 "$WORK/source/a/file"
    setfacl -m u:7:r "$WORK/source/a/b/file"
    setfacl -m d:u:12345:rwx "$WORK/copy" "$WORK/link"
    mkdir "$WORK/copy/control" "$WORK/link/control"
    getfacl -cn "$WORK/copy/control" "$WORK/link/control" | grep -c '^default:user:12345:rwx' | grep -qx 2
    rmdir "$WORK/copy/control" "$WORK/link/control"
    run -0 "$COPY" --plain "$WORK/link" "$WORK/source" "$WORK/copy"
    run -0 getfacl -Rcn "$WORK/copy/a" "$WORK/link/a"
    echo "$output"
    [[ "$output" != *12345* && "$output" != *default* ]]
    # What the source has of its own is there.
    [ "$(grep -c '^user:7:r--' <<<"$output")" -eq 2 ]
    [ "$(stat -c %a "$WORK/copy/a" "$WORK/copy/a/b" "$WORK/link/a" "$WORK/copy/a/file" | tr '\n' ' ')" = "755 755 755 640 " ]
}

@test "a default ACL of the volume is on nothing that a session has there" {
    local place
    place=$(mktemp -d /dev/shm/copy-test.XXXXXX)
    chmod 0755 "$place"
    "$ROOT/tests/fault/prepare" "$place" "$SHELL_IMAGE"
    mkdir -p "$place/session/volume"
    setfacl -m d:u:12345:rwx "$place/session/volume"
    mkdir "$place/session/volume/control"
    getfacl -cn "$place/session/volume/control" | grep -q '^default:user:12345:rwx'
    "$ROOT/tests/fault/session" "$place" "$place/session"
    cat "$place/session/log"
    grep -qx code=7 "$place/session/result"
    run getfacl -Rcn "$place/session/volume/workspace" "$place/session/volume/local.git"
    rm -rf "$place"
    [[ "$output" == *user::* && "$output" != *12345* ]]
}

# session OPTION...: a session on $REPO; MS is what its copy took, SAID how many lines of progress there were.
session() {
    run --separate-stderr "$CA" run shell "$REPO" --name "copy-$BATS_TEST_NUMBER-$$" "$@" -- true
    # shellcheck disable=SC2154 # bats sets stderr
    echo "$stderr"
    [ "$status" -eq 0 ]
    MS=$(awk '$1 == "workspace" && $2 == "up" { print int($3) }' <<<"$stderr")
    SAID=$(grep -cE '^  workspace +[0-9]+ files, [0-9]+ MiB copied$' <<<"$stderr") || true
    "$CA" remove "copy-$BATS_TEST_NUMBER-$$" --yes --no-push
}

# bats test_tags=soak
@test "a copy that takes longer than a second says once a second how far it is, a shorter one nothing" {
    local tries
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    # On a busy machine a short one can take long too.
    for ((tries = 0; tries < 20; tries++)); do
        session
        [ "$SAID" -le "$((MS / 1000))" ]
        [ "$MS" -ge 1000 ] || break
    done
    [ "$tries" -lt 20 ]
    mkdir "$REPO/many"
    (cd "$REPO/many" && seq 2500 | split -l 1 -a 4 -)
    git -C "$REPO" add .
    git -C "$REPO" commit -qm 'Many files'
    session --cpus 0.05
    echo "$SAID lines in $MS ms"
    [ "$MS" -gt 1200 ]
    [ "$SAID" -ge 1 ]
    [ "$SAID" -le "$((MS / 1000))" ]
}

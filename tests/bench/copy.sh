#!/bin/bash
# The workspace copy's engine against cp -a, rsync -a and git clone --local, interleaved, on three trees. On a file
# system of its own where one can be mounted: ext4 is several times slower where files were deleted a short while ago.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

LARGE='32 files, 2 GiB'
COPY=build/tests/copy-tree
make -C "$ROOT" --no-print-directory -s "$COPY"
COPY=$ROOT/$COPY
COPIES=$(mktemp -d /var/tmp/coding-agents-bench.XXXXXX)
clean_up() {
    umount "$COPIES/mounted" 2>/dev/null || true
    rm -rf "$COPIES"
}
place=$COPIES
mkdir "$COPIES/mounted"
truncate -s 60G "$COPIES/image"
if mkfs.ext4 -q -E lazy_itable_init=1 "$COPIES/image" && mount -o loop "$COPIES/image" "$COPIES/mounted"; then
    place=$COPIES/mounted
fi

# make_tree NAME FILES BYTES: so many files of so many random bytes, in directories of 100, and a repository of them.
make_tree() {
    local i
    mkdir "$place/$1"
    head -c "$3" /dev/urandom >"$WORK/content"
    for ((i = 0; i < $2; i += 100)); do
        mkdir "$place/$1/$((i / 100))"
        (cd "$place/$1/$((i / 100))" && seq "$i" "$((i + 99 < $2 ? i + 99 : $2 - 1))" >"$WORK/names" &&
            xargs -a "$WORK/names" tee <"$WORK/content" >/dev/null)
    done
    # Beside the tree, which all the others copy without it.
    git init -q --separate-git-dir "$place/$1.git" "$place/$1"
    git -C "$place/$1" add .
    git -C "$place/$1" -c user.name=bench -c user.email=bench@example.com commit -q -m 'Files'
    rm "$place/$1/.git"
}

ours() { "$COPY" "$1" "$2" >/dev/null; }
cp_a() { cp -a "$1/." "$2"; }
rsync_a() { rsync -a "$1/" "$2"; }
git_clone() { git clone -q --local "$1.git" "$2"; }

# timed TREE WAY TIMES: milliseconds a copy, with nothing left to be written back from before.
timed() {
    local i start
    for ((i = 0; i < $3; i++)); do
        mkdir "$place/copy-$((copies + i))"
    done
    sync -f "$place"
    sync -f "$COPIES"
    start=$EPOCHREALTIME
    for ((i = 0; i < $3; i++)); do
        "$2" "$place/$1" "$place/copy-$((copies + i))"
    done
    awk -v a="$start" -v b="$EPOCHREALTIME" -v n="$3" 'BEGIN { printf "%.2f\n", (b - a) * 1000 / n }' >>"$WORK/$1-$2"
    copies=$((copies + $3))
}

# race NAME NOTE REPEATS TIMES: all ways in turn, whose order changes.
race() {
    local i way ways=(ours cp_a rsync_a git_clone)
    for ((i = 0; i < $3; i++)); do
        ways=("${ways[@]:1}" "${ways[0]}")
        for way in "${ways[@]}"; do
            timed "$1" "$way" "$4"
        done
        # A few large files are another matter than many small ones, and there is not room for all.
        [ "$2" != "$LARGE" ] || rm -rf "$place"/copy-*
    done
    for way in ours cp_a rsync_a git_clone; do
        tell "copy, $1 tree, $way" ms "$2" <"$WORK/$1-$way"
    done
    tell_ratio "copy, $1 tree, against cp -a" "$2, paired" "$WORK/$1-ours" "$WORK/$1-cp_a"
}

copies=0
make_tree small 200 4000
race small '200 files' 9 10
make_tree many 50000 4000
race many '50,000 files' 5 1
make_tree large 32 $((64 << 20))
race large "$LARGE" 5 1

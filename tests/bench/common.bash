# What benchmarks share: a repository of known size, times in milliseconds, medians with their spread.
# shellcheck shell=bash
set -eu -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CA=$ROOT/build/host/bin/coding-agents
DOCKER=$("$ROOT/images/docker-client")
IMAGE=coding-agents/shell:$(cat "$ROOT/VERSION")
REPEATS=${REPEATS:-9}
WORK=$(mktemp -d)
XDG_STATE_HOME=$WORK/state
export ROOT CA DOCKER IMAGE REPEATS XDG_STATE_HOME
# A benchmark that makes more of its own in the engine says how it goes.
clean_up() { :; }
trap 'clean_up; "$CA" remove --all --yes --no-push >/dev/null 2>&1; rm -rf "$WORK"' EXIT

# make_repository PATH FILES: a commit of so many files of 4 KiB, in directories of 100.
make_repository() {
    git init -q "$1"
    local i
    for ((i = 0; i < $2; i++)); do
        mkdir -p "$1/$((i / 100))"
        head -c 4096 /dev/urandom >"$1/$((i / 100))/$i"
    done
    git -C "$1" add .
    git -C "$1" -c user.name=bench -c user.email=bench@example.com commit -q --allow-empty -m 'Files'
}

# first_byte COMMAND...: milliseconds from the start of COMMAND to the first byte of its output.
first_byte() {
    local start=$EPOCHREALTIME end rest
    "$@" 2>/dev/null </dev/null | {
        IFS= read -r -N 1 rest
        end=$EPOCHREALTIME
        cat >/dev/null
        echo "$end" >"$WORK/first-byte-at"
        awk -v a="$start" -v b="$end" 'BEGIN { printf "%.1f\n", (b - a) * 1000 }'
    }
}

# tell NAME UNIT NOTE: the median of the numbers on standard input as a JSON line, least and most in the note.
tell() {
    sort -n | jq -cs --arg name "$1" --arg unit "$2" --arg note "$3" \
        '{name: $name, unit: $unit, value: .[length / 2 | floor],
          note: "\($note); \(length) runs, \(.[0]) to \(.[-1])", runs: .}'
}

# tell_ratio NAME NOTE FILE PEER: the median of the paired ratios of two files of numbers.
tell_ratio() {
    paste "$3" "$4" | awk '{ printf "%.3f\n", $1 / $2 }' | tell "$1" x "$2"
}

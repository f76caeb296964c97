#!/bin/bash
# `make run` once everything is installed and built: the whole of the README's first command.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

for ((i = 0; i < (REPEATS + 1) / 2; i++)); do
    start=$EPOCHREALTIME
    make -C "$ROOT" --no-print-directory run >/dev/null 2>&1 </dev/null
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", b - a }'
done | tell 'make run, warm' s 'dependencies, build, image, session on the sample'

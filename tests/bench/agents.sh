#!/bin/bash
# Each vendor's CLI in a session against the same CLI untrapped in a plain container of the same image, interleaved: the
# same model plays a script of AGENTS_BENCH_CALLS calls. Timed from the CLI's start: until the model has its first
# result, and until the CLI ends. Boot, commit and collecting are other benchmarks' and not in it.
# shellcheck source-path=SCRIPTDIR
REPEATS=${REPEATS:-5}
. "$(dirname "$0")/common.bash"
BUILD=$ROOT/build
VERSION=$(cat "$ROOT/VERSION")
export BUILD VERSION
. "$ROOT/tests/integration/session.bash"
. "$ROOT/tests/integration/vendor.bash"

BATS_TEST_TMPDIR=$WORK
CALLS=${AGENTS_BENCH_CALLS:-20}
WAYS=(untrapped trapped)
REPO=$WORK/repository
PLAIN=coding-agents-bench-$$
clean_up() { vendor_teardown; }

# A plain container has nobody who notes when the CLI began and ended.
watch_program() {
    cat <<'PROGRAM'
import subprocess, sys, time
begin = time.monotonic_ns()
subprocess.run(sys.argv[1:])
print("watched", begin, time.monotonic_ns())
PROGRAM
}

# began_and_ended WAY: of the CLI, in nanoseconds of CLOCK_MONOTONIC, which the host and its containers share.
began_and_ended() {
    if [ "$1" = untrapped ]; then
        awk '/^watched / { print $2, $3 }' "$WORK/said"
    else
        events_of "$NAME" | jq -r 'select(.event == "service" and .fields.service == "agent") | .fields
            | select(.kind == "service-started" or .kind == "service-exited") | .init_monotonic_ns' | xargs
    fi
}

# play AGENT WAY: one script, timed, in milliseconds.
play() {
    local began ended first
    NAME=$1-$((++played))
    "$2" "$SCRIPT" >"$WORK/said" 2>&1
    read -r began ended < <(began_and_ended "$2")
    first=$(jq -s 'map(select(.outputs and (.outputs | length) == 1)) | first.at' "$MODEL_RECORD")
    if [ "$(jq -s 'map(select(.outputs)) | last.outputs | length' "$MODEL_RECORD")" -ne "$CALLS" ]; then
        echo "bench: $1 $2 did not make its $CALLS calls:" >&2
        tail -20 "$WORK/said" >&2
        return 1
    fi
    echo $(((first - began) / 1000000)) >>"$WORK/first-$1-$2"
    echo $(((ended - began) / 1000000)) >>"$WORK/whole-$1-$2"
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
}

make_repository "$REPO" 10
SCRIPT=$(jq -nc --argjson count "$CALLS" '[range($count) | {run: "echo \(.)"}]')
played=0
for agent in claude codex copilot; do
    # shellcheck source=/dev/null # one of tests/vendor
    . "$ROOT/tests/vendor/$agent.bash"
    # shellcheck disable=SC2034 # for the file above
    WATCH=(python3 -c "$(watch_program)")
    for ((i = 0; i < REPEATS; i++)); do
        # The other one goes first each time.
        for ((j = 0; j < ${#WAYS[@]}; j++)); do
            play "$agent" "${WAYS[(i + j) % ${#WAYS[@]}]}"
        done
    done
    for what in first whole; do
        name="$agent, $([ $what = first ] && echo 'to the first result' || echo "whole, $CALLS calls")"
        for way in "${WAYS[@]}"; do
            tell "$name, $way" ms "from the CLI's start" <"$WORK/$what-$agent-$way"
        done
        tell_ratio "$name, trapped to untrapped" paired "$WORK/$what-$agent-trapped" "$WORK/$what-$agent-untrapped"
    done
done

# What benchmarks share: a repository of known size, times in milliseconds, a session whose agent is a probe that spawns
# and measures, medians with their spread.
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
PROBE=/usr/local/bin/exec_probe
PROBE_IMAGE=coding-agents/bench-$(basename "$0" .sh):$(cat "$ROOT/VERSION")
PROBE_REQUEST=/workspace/.request
# A benchmark that makes more of its own in the engine says how it goes.
clean_up() { :; }
trap 'clean_up; "$CA" remove --all --yes --no-push >/dev/null 2>&1; "$DOCKER" rmi "$PROBE_IMAGE" >/dev/null 2>&1 || true
    rm -rf "$WORK"' EXIT

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

# probe_image FILE...: an image that has the probe as its agent: agentcli may become it, and what it executes is trapped.
# Lines of a Dockerfile on standard input come on top; the files lie beside it.
probe_image() {
    local context=$WORK/image
    mkdir -p "$context"
    cp "$ROOT/build/tests/bench/exec_probe" "$@" "$context"
    cat >"$context/agents.tab" <<TABLE
shell  agentcli  agentcli.bpf  idmapped  $PROBE  $PROBE  none
TABLE
    cat >"$context/bench.json" <<POLICY
{"version": 1, "direct": [{"id": "bench", "agent": "shell", "from": "/usr/libexec/coding-agents/agentcli-exec",
 "program": "$PROBE", "arguments": ["$PROBE", "serve", "$PROBE_REQUEST"], "environment": "any"}]}
POLICY
    cat >"$context/Dockerfile" <<DOCKERFILE
FROM $IMAGE
COPY exec_probe /usr/local/bin/
COPY agents.tab /etc/coding-agents/agents.tab
COPY bench.json /etc/coding-agents/exec.d/bench.json
RUN /usr/libexec/coding-agents/record-programs
$(cat)
DOCKERFILE
    "$DOCKER" build --quiet --tag "$PROBE_IMAGE" "$context" >/dev/null
}

# inside USER COMMAND...: untrapped, in the session's container.
inside() {
    "$DOCKER" exec --user "$1" "$CONTAINER" "${@:2}"
}

# A session named bench, which serves requests until it is stopped.
probe_start_session() {
    make_repository "$WORK/repository" 1
    : >"$WORK/session"
    "$CA" run shell "$WORK/repository" --name bench --no-push --image "$PROBE_IMAGE" -- "$PROBE" serve "$PROBE_REQUEST" \
        >"$WORK/session" 2>&1 </dev/null &
    SESSION=$!
    local i
    for ((i = 0; i < 300; i++)); do
        if grep -q '^serving' "$WORK/session"; then
            CONTAINER=$("$CA" status bench --json | jq -r .container)
            return
        fi
        sleep 0.2
    done
    echo "bench: the session did not start:" >&2
    cat "$WORK/session" >&2
    return 1
}

probe_stop_session() {
    inside 10000 sh -c "echo stop >$PROBE_REQUEST"
    wait "$SESSION" || true
}

# probe_measure untrapped|trapped COUNT CALLERS PROGRAM...: the probe's answer. It is looked for 15,000 times, each
# PROBE_LOOK seconds, by default a fiftieth; a look takes a little of the processor.
probe_measure() {
    local way=$1 count=$2 callers=$3 answer=/workspace/.answer
    shift 3
    inside 10000 rm -f "$answer"
    if [ "$way" = untrapped ]; then
        inside 10000 "$PROBE" measure "$count" "$callers" "$answer" "$@"
    else
        # shellcheck disable=SC2016 # expanded inside
        inside 10000 sh -c 'look=$1; shift; printf "%s\n" "$@" >"$0.new" && mv "$0.new" "$0"
            i=0; until [ -e "$3" ]; do sleep "$look"; i=$((i + 1)); [ $i -lt 15000 ]; done' \
            "$PROBE_REQUEST" "${PROBE_LOOK:-0.02}" "$count" "$callers" "$answer" "$@"
    fi
    inside 10000 cat "$answer"
}

# keep NAME WAY: the numbers of an answer on standard input into files KEY-NAME-WAY.
keep() {
    local key value
    while read -r key value; do
        echo "$value" >>"$WORK/$key-$1-$2"
    done
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

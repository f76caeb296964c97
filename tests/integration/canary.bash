# Looks for a login's word, at a point of a session, in every place where it could lie: docs/secrets.md says where it may.
# Beside vendor.bash and kill-points.bash.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests, and of the files beside this one

FIND=$BUILD/tests/helpers/find-canary

# canary_setup: a word that nothing else has. Only its halves stand in arguments and in the environment.
canary_setup() {
    local random
    random=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
    export WORD_FIRST=c4n4ry-${random:0:12} WORD_SECOND=-${random:12}
    ENGINE_ROOT=$("$DOCKER" info --format '{{.DockerRootDir}}')
    CGROUPS=$("$DOCKER" info --format '{{.CgroupDriver}} {{.CgroupVersion}}')
    export POINTS=$BATS_TEST_TMPDIR/points AGENT=$1 FIND OUT SESSION STATE PROCS CONTAINER_ID ENGINE_ROOT
    : >"$POINTS"
    # For who would have it in his arguments.
    printf '%s%s\n' "$WORD_FIRST" "$WORD_SECOND" >"$BATS_TEST_TMPDIR/word"
}

# places: directories on the host in which something of the session lies, and what is mounted in its container. Its layer and
# what the engine keeps of it: logs, and all that `docker inspect` says.
places() {
    local first
    printf '%s\n' "$REPO" "$XDG_STATE_HOME/coding-agents" "${XDG_RUNTIME_DIR:-/nonexistent}/coding-agents" \
        "/dev/shm/coding-agents-$(id -u)" "$ENGINE_ROOT/containers/$CONTAINER_ID" "$LAYER" "$VOLUME"
    first=$(head -n 1 "$PROCS" 2>/dev/null) || true
    if [ -n "$first" ]; then
        printf "/proc/$first/root/%s\n" run tmp home root workspace dev/shm etc var
    fi
}

# learn_places: what is not known before there is a container, and not any more once it is removed. Each look is a process of
# its own, and the first one is while the first row waits.
learn_places() {
    if [ -e "$BATS_TEST_TMPDIR/places" ]; then
        # shellcheck source=/dev/null # written below
        . "$BATS_TEST_TMPDIR/places"
        return
    fi
    CONTAINER=coding-agents-$SESSION
    LAYER=$("$DOCKER" inspect --format '{{.GraphDriver.Data.UpperDir}}' "$CONTAINER")
    VOLUME=$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$CONTAINER")
    declare -p CONTAINER LAYER VOLUME | sed 's/^declare --/declare -g/' >"$BATS_TEST_TMPDIR/places"
}

# pids: whose memory is looked into: all of the container, all of the session on the host, the engine.
pids() {
    cat "$PROCS" 2>/dev/null || true
    pgrep -f -- "$SESSION" || true
    pgrep -x 'dockerd|containerd|containerd-shim.*' || true
}

# broker_state: how much of it is locked, what is not and is there, and what it may dump.
broker_state() {
    local pid
    pid=$(broker_of "$SESSION") || return 0
    sed -n 's/^\(VmLck\|VmSwap\):\t *\([0-9]*\) kB/broker \1 \2/p' "/proc/$pid/status"
    awk '/^[0-9a-f]+-/ { name = $6 } /^Rss:/ { there = $2 } /^VmFlags:/ && there > 0 && !/ lo/ { print "broker unlocked " name }' \
        "/proc/$pid/smaps"
    sed -n 's/^Max core file size *\([^ ]*\) .*/broker core \1/p' "/proc/$pid/limits"
}

# look POINT: notes what is found.
look() {
    local found=$BATS_TEST_TMPDIR/found.$$ listed=$BATS_TEST_TMPDIR/pids.$$
    learn_places
    pids >"$listed"
    # shellcheck disable=SC2046 # directories
    "$FIND" "$WORD_FIRST" "$WORD_SECOND" "$listed" $(places) >"$found"
    {
        "$DOCKER" inspect "$CONTAINER" 2>&1
        "$DOCKER" logs "$CONTAINER" 2>&1
    } | grep -qFf "$BATS_TEST_TMPDIR/word" && echo 'said by the engine' >>"$found"
    broker_state >>"$found"
    sed "s|^|$1: |" "$found" >>"$POINTS"
}

# look_at_row REPORT: of agent-boot, which stands still.
look_at_row() {
    local words
    read -r -a words <<<"$1"
    if [ "${words[0]}" = boot ]; then words=(agent up); fi
    look "${words[1]/skipped/$WAY}-${words[0]}"
}

# watch_rows up|down: looks at each row of that way, in the background. Sets WATCHER.
watch_rows() {
    export WAY=$1
    export -f look look_at_row places learn_places pids broker_state broker_of
    "$KILL_IN_ROW" "$PROCS" --each bash -c 'look_at_row "$1"' - 3>&- &
    WATCHER=$!
}

# found POINT: what was found there, without the count; of processes the names.
found() {
    sed -n "s/^$1: //p" "$POINTS" | grep -v '^looked at \|^broker ' | sed -E 's/ [0-9]+$//; s|/proc/[0-9]+/root||' | sort -u
}

# looked: the points at which there was a look.
looked() {
    sed -n 's/: looked at .*//p' "$POINTS"
}

held() {
    "$DOCKER" exec "$CONTAINER" test -e "/workspace/held-$1"
}

# look_in_call NUMBER [WAY]: while the model's command waits; from before it goes on the rows of WAY are looked at.
look_in_call() {
    learn_places
    wait_for 300 held "$1"
    look "call-$1"
    "$DOCKER" exec --user 10001 "$CONTAINER" /workspace/find-canary "$WORD_FIRST" "$WORD_SECOND" all /run /home /tmp /workspace |
        sed "s|^|holder-$1: |" >>"$POINTS"
    if [ $# -gt 1 ]; then watch_rows "$2"; fi
    "$DOCKER" exec --user 10000 "$CONTAINER" touch "/workspace/go-$1"
}

# canary_script [ARGUMENTS]: two calls that wait until they were looked at, and between them one that looks itself, as a command, for the
# word and for one that it planted, with the program grep: Claude's shells have a function of that name. ARGUMENTS of the CLI's tool keep it
# waiting for a command.
canary_script() {
    local with=${1:-'{}'}
    jq -nc --arg first "$WORD_FIRST" --arg second "$WORD_SECOND" --argjson with "$with" '
        def hold(n): {run: "touch held-\(n); while [ ! -e go-\(n) ]; do sleep 0.1; done", with: $with};
        [hold(1),
         {run: "cd /tmp && /workspace/find-canary \($first) \($second) all /workspace /tmp /run /home /root /var /etc /dev/shm; echo END"},
         {run: "echo pl4nted-word >planted; X=pl4nted-word sleep 20 & until /usr/bin/grep -qs pl4nted-word /proc/$!/environ; do sleep 0.1; done; ./find-canary pl4nted -word all /workspace; echo END"},
         hold(2)]'
}

# find_created: a container that has just been made; the launcher notes its id once it runs. Its PROCS come into being.
find_created() {
    local config path=/sys/fs/cgroup
    [ -n "$SESSION" ] || find_session || return 1
    config=$(grep -ls "\"/coding-agents-$SESSION\"" "$ENGINE_ROOT"/containers/*/config.v2.json) || return 1
    config=${config%/*}
    CONTAINER_ID=${config##*/}
    case $CGROUPS in
    'cgroupfs 1') path+=/pids/docker/$CONTAINER_ID ;;
    'cgroupfs 2') path+=/docker/$CONTAINER_ID ;;
    'systemd 1') path+=/pids/system.slice/docker-$CONTAINER_ID.scope ;;
    *) path+=/system.slice/docker-$CONTAINER_ID.scope ;;
    esac
    PROCS=$path/cgroup.procs
}

# canary_session COMMAND...: a session of the CLI that COMMAND starts, looked at from its first row to after its removal.
canary_session() {
    local code=0
    NAME=canary-$AGENT
    OUT=$BATS_TEST_TMPDIR/session.out SESSION='' STATE='' PROCS='' IS_ALONE=no
    cp "$FIND" "$REPO/find-canary"
    git -C "$REPO" add find-canary
    git -C "$REPO" commit -q -m 'What looks'
    : >"$OUT"
    "$@" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
    soon find_created
    watch_rows up
    wait "$WATCHER"
    look_in_call 1
    look_in_call 2 down
    wait "$WATCHER"
    wait "$LAUNCHER" || code=$?
    cat "$OUT"
    [ "$code" -eq 0 ]
    look end
    "$CA" remove "$NAME" --yes
    look removed
}

# Every row of boot and shutdown, and what lies between and behind them.
BOOT_POINTS=(up-kernel up-manifest up-mounts up-capabilities up-workspace up-git up-data up-runner up-broker)
HELD_POINTS=(up-secrets up-history up-drop up-setup up-agent call-1 call-2)
END_POINTS=(down-history down-data down-git down-capabilities down-mounts end removed)

# judge_canary PROGRAM PLACE: the word is with the broker until it is redeemed, then in PLACE, with who holds that, and with
# PROGRAM; and there it is found.
judge_canary() {
    local point elsewhere expected=$2
    # On a busy machine the first rows are over before there is somebody to look.
    [ "$(looked | grep -v holder | sort -u | wc -l)" -ge 20 ]
    [ "$(found up-broker)" = 'memory coding-agents-b' ]
    for point in "${BOOT_POINTS[@]}"; do
        [ "$(found "$point" | grep -vx 'memory coding-agents-b')" = '' ]
    done
    for point in "${HELD_POINTS[@]}"; do
        # Who holds it has it in its memory for a moment; the program has it from its start on, and where it is a variable
        # the file is gone by then.
        elsewhere=$(found "$point" | grep -vxF "$expected" | grep -vE "^(memory|environ) $1$|^memory prepare-$AGENT" || true)
        [ -z "$elsewhere" ]
    done
    found up-secrets | grep -qxF "$expected"
    for point in call-1 call-2; do
        found "$point" | grep -qE "^memory $1$"
        # Who is the agent's identity reads the file, where there is one, and nobody's memory.
        [ "$(found "${point/call/holder}")" = "$(found "$point" | grep '^file')" ]
    done
    for point in "${END_POINTS[@]}"; do
        [ -z "$(found "$point")" ]
    done
    judge_broker
    judge_command
}

# judge_broker: all that it has is locked but for the kernel's own pages, nothing of it is swapped out, none may be dumped.
judge_broker() {
    grep -qx 'up-broker: broker VmLck [1-9][0-9]*' "$POINTS"
    grep -qx 'up-broker: broker VmSwap 0' "$POINTS"
    grep -qx 'up-broker: broker core 0' "$POINTS"
    run -1 grep -E ': broker (VmLck 0|VmSwap [1-9].*|core [^0].*|unlocked ([^[]|\[[^v]).*)$' "$POINTS"
}

# judge_command: the command that looked found nothing, and what it had planted itself everywhere that it could.
judge_command() {
    local said
    said=$(outputs | jq -r '.[1]')
    grep -q '^looked at [1-9]' <<<"$said"
    run -1 grep -E '^(argv|environ|memory|file|name) ' <<<"$said"
    said=$(outputs | jq -r '.[2]')
    for kind in argv environ memory file; do grep -q "^$kind " <<<"$said"; done
}

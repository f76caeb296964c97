#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # what stands in single quotes is for the shell inside; bats sets output and status
# The task runner at work: profiles, detached commands and their logs, changes of the policy, and floods that a container
# with little of everything has to outlive.

load common
load services
load terminal

setup_file() {
    export CONTAINER=coding-agents-runner-test-$$
    # 32 MiB and 400 files in /tmp, 300 MiB of memory, 120 processes.
    "$DOCKER" volume create --driver local --opt type=tmpfs --opt device=tmpfs \
        --opt o=size=32m,nr_inodes=400,mode=1777 "$CONTAINER-tmp" >/dev/null
    # Looked at from here: in a full container nobody can be asked.
    export SHARED=$BATS_FILE_TMPDIR/shared
    mkdir "$SHARED"
    chmod 0777 "$SHARED"
    services_container --volume "$SHARED:/shared" --memory 300m --memory-swap 300m --pids-limit 120
    services_policy test <<'EOF'
{
  "version": 1,
  "profiles": {"brief": {"network": "inherit", "linger_seconds": 0, "warm": 0}},
  "rules": [
    {"id": "away", "match": {"program": "dash", "arguments": ["-c", "*", "away", "..."]},
     "action": "sandbox", "profile": "offline", "tier": "network"},
    {"id": "no-yes", "match": {"program": "yes", "arguments": ["please"]}, "action": "deny", "tier": "read", "message": "enough"}
  ]
}
EOF
    start_services
}

teardown_file() {
    services_remove
}

setup() {
    # shellcheck disable=SC2034 # names the terminals
    NAME=task-runner-$BATS_TEST_NUMBER-$$
    SERVICES=$(services)
}

# The same processes before a test and after it: nothing was restarted, nobody restarts them here.
teardown() {
    terminal_show_all
    terminal_teardown
    [ "$(services)" = "$SERVICES" ]
}

services() { as_root sh -c 'pgrep -ox agent-task-runn; cat /run/sandbox.pid; kill -0 "$(cat /run/sandbox.pid)" && echo alive'; }

ctl() { as_user agent-task-runnerctl "$@"; }
# started COMMAND...: detached; its id is in $ID.
started() { ID=$(ctl run -- "$@"); }
on_record() { as_root grep -q "exec $1" /run/runner.log; }

@test "a rule with another profile: another sandbox judges and runs it, with the caller's streams, arguments and end" {
    run -5 "$DOCKER" exec --interactive --user 10000:10000 "$CONTAINER" agent-task-runnerctl exec -- \
        sh -c 'cat; grep -c : /proc/net/dev; printf "%s|" "$0" "$@"; exit 5' away 'b c' '' <<<hello
    [ "$output" = $'hello\n1\naway|b c||' ]
    on_record 'start t[0-9]* uid 10000 pid [0-9]* rule away '
    on_record 'end t[0-9]* uid 10000 pid [0-9]* rule away status 1280 '
    # The same command by no rule: with the container's network.
    run -5 "$DOCKER" exec --interactive --user 10000:10000 "$CONTAINER" agent-task-runnerctl exec -- \
        sh -c 'cat; grep -c : /proc/net/dev; printf "%s|" "$0" "$@"; exit 5' here 'b c' '' <<<hello
    [ "$output" = $'hello\n2\nhere|b c||' ]
    # Detached as well.
    started sh -c 'grep -c : /proc/net/dev; exec sleep 30' away
    eventually sh -c "'$DOCKER' exec --user 10000 '$CONTAINER' agent-task-runnerctl logs $ID | grep -x 1"
    [ "$(ctl --json ps | jq -r ".tasks[] | select(.id == \"$ID\").profile")" = offline ]
    ctl kill "$ID"
}

@test "a detached command: listed, followed, signalled and read by its own uid alone" {
    started sh -c 'echo out; echo err >&2; read -r line; echo "read $?"; until test -e /tmp/go; do sleep 0.1; done; echo late; exit 7'
    eventually sh -c "'$DOCKER' exec --user 10000 '$CONTAINER' agent-task-runnerctl logs $ID | grep 'read 1'"
    [ "$(ctl logs "$ID")" = $'out\nerr\nread 1' ]
    [ "$(ctl --json ps | jq -r '.tasks[] | "\(.id) \(.state) \(.detached) \(.caller_uid)"')" = "$ID running true 10000" ]
    local stranger=("$DOCKER" exec --user 10001:10001 "$CONTAINER" agent-task-runnerctl)
    [ "$("${stranger[@]}" --json ps | jq '.tasks | length')" = 0 ]
    run -225 "${stranger[@]}" logs "$ID"
    run -225 "${stranger[@]}" kill "$ID"
    [ "$(as_root agent-task-runnerctl --json ps | jq -r '.tasks[] | select(.state == "running").id')" = "$ID" ]
    ctl --follow logs "$ID" >"$BATS_TEST_TMPDIR/followed" 3>&- &
    eventually grep -q 'read 1' "$BATS_TEST_TMPDIR/followed"
    as_user touch /tmp/go
    wait "$!"
    [ "$(cat "$BATS_TEST_TMPDIR/followed")" = $'out\nerr\nread 1\nlate' ]
    on_record "end $ID uid 10000 pid [0-9]* rule [a-z-]* status 1792 "
    run -225 ctl logs "$ID"
    [[ "$output" = *'no such task'* ]]
    # Root's are root's alone, whatever they run as.
    ID=$(as_root agent-task-runnerctl run -- sleep 4716)
    [ "$(ctl --json ps | jq '.tasks | length')" = 0 ]
    run -225 ctl kill "$ID"
    as_root agent-task-runnerctl kill "$ID"
    started sleep 4715
    ctl kill "$ID" TERM
    eventually on_record "end $ID uid 10000 pid [0-9]* rule read-shell status 15 "
    as_user rm /tmp/go
}

# A person's shell, which runs commands in sandboxes.
shell_in_terminal() {
    terminal_setup
    terminal one "$DOCKER exec -it --user 10000:10000 --workdir /workspace --env TERM=xterm-256color --env PS1='outer> ' \
        $CONTAINER bash --norc"
    eventually shows one '^outer> '
    keys one "alias x='agent-task-runnerctl exec --'" Enter
}

@test "a command in a terminal: it is the command's own, interrupted, stopped, gone on with, resized, drawn upon" {
    shell_in_terminal
    keys one "x sh -c 'tty; test -t 2 && stty size; echo direct >/dev/tty'" Enter
    eventually shows one '^/dev/pts/'
    eventually shows one '^30 100'
    eventually shows one '^direct'
    keys one 'clear; x sleep 4719' Enter
    eventually as_root pgrep -f '^sleep 4719'
    keys one C-c
    eventually shows one '^\^C'
    # What is typed before the shell has its terminal back is thrown away.
    eventually shows one '^outer>'
    keys one 'echo code=$?' Enter
    eventually shows one '^code=130'
    run -1 as_root pgrep -f '^sleep 4719'
    keys one 'clear; x cat' Enter
    eventually as_root pgrep -x cat
    keys one C-z
    eventually shows one 'Stopped'
    as_root sh -c 'grep -q "^State:.T" "/proc/$(pgrep -x cat)/status"'
    keys one 'fg' Enter 'typed' Enter
    eventually sh -c "[ \"\$(tmux -L '$TERMINALS' capture-pane -p -t one | grep -cx typed)\" -eq 2 ]"
    keys one C-d
    eventually ended cat
    keys one 'echo code=$?' Enter
    eventually shows one '^code=0'
    keys one "clear; printf 'first\\nlast\\n' | x less" Enter
    eventually shows one 'END'
    keys one q
    eventually ended less
    keys one "clear; x env PS1='inner> ' bash --norc" Enter
    eventually shows one '^inner> '
    resize one 80 24
    eventually resized
    keys one 'clear; exit 7' Enter
    eventually shows one '^outer> '
    keys one 'echo code=$?' Enter
    eventually shows one '^code=7'
    # The terminal is as it was.
    keys one 'exit 0' Enter
    eventually shows one 'ended=0 icanon'
}

ended() { as_root sh -c "! pgrep -x $1"; }

resized() {
    keys one 'stty size' Enter
    sleep 0.3
    shows one '^24 80'
}

@test "a shell: bash in a sandbox, on the caller's streams or its terminal, and the code is its own" {
    run -7 "$DOCKER" exec --interactive --user 10000:10000 "$CONTAINER" agent-task-runnerctl shell <<<'readlink /proc/$$/exe; id -u; echo inside >&2; exit 7'
    # The engine brings the two streams in any order.
    [ "$(sort <<<"$output")" = "$(printf '%s\n' /usr/bin/bash 10000 inside | sort)" ]
    on_record 'start t[0-9]* uid 10000 pid [0-9]* rule [a-z-]* status 0 /usr/bin/bash$'
    shell_in_terminal
    keys one 'clear; agent-task-runnerctl shell' Enter
    eventually shows one '^agentuser@'
    keys one 'clear; tty; exit 5' Enter
    eventually shows one '^/dev/pts/'
    eventually shows one '^outer>'
    keys one 'echo code=$?' Enter
    eventually shows one '^code=5'
    keys one 'exit 0' Enter
    eventually shows one 'ended=0 icanon'
    run -200 ctl shell -c true
}

@test "AGENT_TASK_RUNNER_SOCKET says where the runner listens" {
    local elsewhere=("$DOCKER" exec --user 10000:10000 --env AGENT_TASK_RUNNER_SOCKET=/tmp/elsewhere "$CONTAINER" agent-task-runnerctl)
    local command code said pids=()
    # Each waits a while for a runner that may be about to come.
    for command in 'exec true' 'run true' shell ps 'kill t1' 'logs t1' status; do
        said=$BATS_TEST_TMPDIR/${command%% *}
        # shellcheck disable=SC2086 # words
        { code=0; "${elsewhere[@]}" $command || code=$?; echo "ended with $code"; } >"$said" 2>&1 </dev/null 3>&- &
        pids+=("$!")
    done
    wait "${pids[@]}"
    for command in exec run shell ps kill logs status; do
        cat "$BATS_TEST_TMPDIR/$command"
        grep -q "'/tmp/elsewhere'" "$BATS_TEST_TMPDIR/$command"
        grep -qx 'ended with 225' "$BATS_TEST_TMPDIR/$command"
    done
    as_user ln -s /run/agent-task-runner/runner.sock /tmp/elsewhere
    run -0 "${elsewhere[@]}" exec echo there
    [ "$output" = there ]
    run -0 "${elsewhere[@]}" --json status
    [ "$(jq -r .pid <<<"$output")" = "$(ctl --json status | jq -r .pid)" ]
    as_user rm /tmp/elsewhere
    # Unset, it is where everybody looks.
    run -0 ctl exec -- echo there
    [ "$output" = there ]
}

# outcome CODE COMMAND...: what exec said in its last line.
outcome() {
    local code=$1
    shift
    run "-$code" --separate-stderr ctl --json exec -- "$@"
    OUTCOME=${stderr_lines[-1]}
    echo "$OUTCOME"
}

@test "what a script reads: the end of a command, why there was none, a signal that was sent, a log" {
    outcome 5 sh -c 'echo out; echo err >&2; exit 5'
    [ "$output" = out ]
    [ "${stderr_lines[0]}" = err ]
    holds '.outcome == "exited" and .exit_code == 5 and (.id | test("^t[0-9]+$")) and (has("signal") | not)' <<<"$OUTCOME"
    outcome 137 sh -c 'kill -KILL $$'
    holds '.outcome == "signalled" and .signal == 9 and (has("exit_code") | not)' <<<"$OUTCOME"
    outcome 126 yes please
    [ "${#stderr_lines[@]}" = 1 ]
    holds '.outcome == "denied" and .exit_code == 126 and .reason == "denied by rule no-yes: enough"' <<<"$OUTCOME"
    outcome 127 /no/such
    holds '.outcome == "failed" and .exit_code == 127 and (.reason | test("/no/such"))' <<<"$OUTCOME"
    # Without the option the same is said in words, and of a good end nothing.
    run -126 --separate-stderr ctl exec -- yes please
    [ "$stderr" = 'denied by rule no-yes: enough' ]
    run -0 --separate-stderr ctl exec -- true
    [ -z "$stderr" ]
    run -126 ctl --json run -- yes please
    holds '.outcome == "denied" and .exit_code == 126' <<<"$output"
    local id
    id=$(ctl --json run -- sh -c 'printf "a\\377b\\n"; exec sleep 4718' | jq -r .id)
    eventually sh -c "'$DOCKER' exec --user 10000 '$CONTAINER' agent-task-runnerctl --json logs $id | jq -e '.size == 4'"
    run -0 ctl --json logs "$id"
    holds --arg id "$id" '.id == $id and .size == 4 and .log == "a?b\n"' <<<"$output"
    run -0 ctl --json kill "$id" TERM
    holds --arg id "$id" '.id == $id and .signal == 15 and .ends_sandbox == false' <<<"$output"
    eventually on_record "end $id uid 10000 pid [0-9]* rule [a-z-]* status 15 "
    id=$(ctl run -- sleep 4716)
    run -0 ctl --json kill "$id"
    holds --arg id "$id" '.id == $id and .ends_sandbox and (has("signal") | not)' <<<"$output"
    run -225 ctl --json kill t999999
    run -200 ctl --json shell
}

@test "a detached command that is denied, or is not there, has no id" {
    run -126 ctl run -- yes please
    [ "$output" = 'denied by rule no-yes: enough' ]
    run -127 ctl run -- nonesuch
    [[ "$output" = "cannot run 'nonesuch'"* ]]
}

@test "of a detached command that floods, one mebibyte is kept, and that is said; the command goes on" {
    started sh -c 'head -c 3000000 /dev/zero | tr "\0" x; echo end; touch /tmp/flooded; exec sleep 30'
    eventually as_root test -e /tmp/flooded
    ctl logs "$ID" >"$BATS_TEST_TMPDIR/log"
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/log")" = '[the rest was not kept]' ]
    [ "$(head -c -25 "$BATS_TEST_TMPDIR/log" | tr -d x | wc -c)" = 0 ]
    [ "$(head -c -25 "$BATS_TEST_TMPDIR/log" | wc -c)" = 1048576 ]
    ctl kill "$ID"
    # One that says little is kept whole.
    started sh -c 'head -c 100000 /dev/zero; echo end; exec sleep 30'
    eventually sh -c "'$DOCKER' exec --user 10000 '$CONTAINER' agent-task-runnerctl logs $ID | grep -aq end"
    [ "$(ctl logs "$ID" | wc -c)" = 100004 ]
    ctl kill "$ID"
    as_user rm /tmp/flooded
}

@test "the policy is read again when root asks; a broken one is named, and the one in force stays" {
    local generation
    generation=$(ctl --json status | jq .policy_generation)
    run -225 ctl reload
    [[ "$output" = *"root's to ask"* ]]
    started sleep 4716
    services_policy aa <<<'{"version": 1, "rules": [{"id": "no-seq", "match": {"program": "seq"}, "action": "deny", "tier": "read", "message": "count yourself"}]}'
    [ "$(sandboxed seq 1)" = 1 ]
    as_root agent-task-runnerctl reload
    eventually generation_is $((generation + 1))
    run -126 sandboxed seq 1
    [ "$output" = 'denied by rule no-seq: count yourself' ]
    services_policy zz <<<'{"version": 1, "modes": "observe"}'
    run -225 as_root agent-task-runnerctl reload
    [[ "$output" = *'the policy in force stays: /run/coding-agents/exec.d/zz.json:1: modes: is not a known key'* ]]
    run -126 sandboxed seq 1
    generation_is $((generation + 1))
    as_root rm /run/coding-agents/exec.d/aa.json /run/coding-agents/exec.d/zz.json
    as_root agent-task-runnerctl reload
    eventually generation_is $((generation + 2))
    [ "$(sandboxed seq 1)" = 1 ]
    # What ran all the while was not touched.
    [ "$(ctl --json ps | jq -r ".tasks[] | select(.id == \"$ID\").state")" = running ]
    ctl kill "$ID"
}

@test "a full disk: said, work beside it goes on, and it is over when there is room" {
    as_user sh -c 'echo kept >/workspace/kept'
    run -1 sandboxed sh -c 'head -c 64M /dev/zero >/tmp/full'
    [[ "$output" = *'No space left on device'* ]]
    run -0 sandboxed sh -c 'cat /workspace/kept; echo more >/workspace/more'
    [ "$output" = kept ]
    # One file too many as well.
    run -0 sandboxed perl -e 'my $i = 0; $i++ while open(my $f, ">", "/tmp/i$i"); print "$!\n"; unlink "/tmp/i$_" for 0 .. $i'
    [ "$output" = 'No space left on device' ]
    run -0 sandboxed sh -c 'rm /tmp/full && echo room >/tmp/room && cat /tmp/room /workspace/more; rm /tmp/room'
    [ "$output" = $'room\nmore' ]
}

@test "a flood of output ends at its reader, and one of memory with the flood" {
    started sleep 4717
    [ "$(sandboxed sh -c 'yes | head -c 100000000' | wc -c)" = 100000000 ]
    run -0 sandboxed sh -c 'yes | head -n 1'
    run -137 sandboxed tail /dev/zero
    run -137 sandboxed tail /dev/zero
    run -0 sandboxed echo next
    [ "$output" = next ]
    [ "$(ctl --json ps | jq -r ".tasks[] | select(.id == \"$ID\").state")" = running ]
    ctl kill "$ID"
}

@test "a fork bomb: the container is full, who asks is told so, and everything is well after its end" {
    # Callers that are there already: in a full container nothing new can be started to ask.
    local i
    started sleep 4718
    local other=$ID
    as_user sh -c 'for i in 1 2 3 4 5 6 never; do mkfifo /shared/$i; done'
    for i in 1 2 3 4 5 6; do
        "$DOCKER" exec --detach --user 10000:10000 "$CONTAINER" sh -c \
            "read x </shared/$i; exec agent-task-runnerctl exec -- sh -c 'true; /bin/true && echo ran' >/shared/out$i 2>&1"
    done
    "$DOCKER" exec --detach --user 10000:10000 "$CONTAINER" bash -c \
        'exec 3<>/shared/never; until [ -e /workspace/bombed ]; do read -rt 0.1 -u 3; done; for i in {1..6}; do echo go >/shared/$i; done'
    started perl -e 'while (defined(my $p = fork)) { if ($p == 0) { sleep 600; exit } } open(F, ">/workspace/bombed"); close F; sleep 600'
    for i in 1 2 3 4 5 6; do eventually test -s "$SHARED/out$i"; done
    cat "$SHARED"/out? >"$BATS_TEST_TMPDIR/said"
    cat "$BATS_TEST_TMPDIR/said"
    # More than the warm sandboxes can serve: who gets none, or cannot fork in it, is told in a line.
    grep -q 'Resource temporarily unavailable\|Cannot fork' "$BATS_TEST_TMPDIR/said"
    [ -z "$(grep -vE '^ran$|Resource temporarily unavailable|Cannot fork' "$BATS_TEST_TMPDIR/said")" ]
    eventually ctl kill "$ID"
    run -0 sandboxed sh -c '/bin/true && echo well'
    [ "$output" = well ]
    [ "$(ctl --json ps | jq -r ".tasks[] | select(.id == \"$other\").state")" = running ]
    ctl kill "$other"
}

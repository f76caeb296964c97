#!/usr/bin/env bats
# runs as: user, root in soak
# The commands around a session, on sessions of the real launcher.
# shellcheck disable=SC2016,SC2154 # what stands in single quotes is for the shell inside; bats sets stderr

bats_require_minimum_version 1.5.0
load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=commands-$BATS_TEST_NUMBER-$$
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# A session that works until it is stopped, with a change that is not committed yet.
start_working() {
    "$CA" launch shell "$REPO" --name "$NAME" "$@" -- sh -c 'echo work >work; echo started; exec sleep 600'
    wait_for 30 sh -c "'$CA' logs '$NAME' | grep -q started || $DOCKER exec '$(container_of "$NAME")' test -e /workspace/work"
}

phase_of() {
    "$CA" list --json | jq -r --arg name "$1" '.sessions[] | select(.name == $name).phase'
}

@test "help, table and programs agree; every command explains itself" {
    run "$CA" help
    [ "$status" -eq 0 ]
    for name in $("$CA" help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
        run "$CA" help "$name"
        [ "$status" -eq 0 ]
        [[ $output == "usage: coding-agents $name "* ]]
        case $name in run | launch) continue ;; esac
        run "$CA" "$name" --help
        [ "$status" -eq 0 ]
        [[ $output == "usage: coding-agents $name "* ]]
    done
    run --separate-stderr "$CA" help nosuch
    [ "$status" -eq 200 ]
}

# bats test_tags=soak
@test "the completion of bash completes commands, options and sessions" {
    start_working
    cat >"$BATS_TEST_TMPDIR/complete" <<'EOF'
PATH=$(dirname "$CA"):$PATH
source <(coding-agents completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_coding_agents
printf '%s\n' "${COMPREPLY[@]}"
EOF
    run bash "$BATS_TEST_TMPDIR/complete" coding-agents sta
    [ "$output" = status ]
    run bash "$BATS_TEST_TMPDIR/complete" coding-agents remove --keep
    [ "$output" = --keep-branch ]
    run bash "$BATS_TEST_TMPDIR/complete" coding-agents run shell --network ''
    [ "$output" = $'allow-all\nrestricted' ]
    run bash "$BATS_TEST_TMPDIR/complete" coding-agents stop ''
    [[ $output == *"$(id_of "$NAME")"* ]]
    run bash "$BATS_TEST_TMPDIR/complete" coding-agents policy rep
    [ "$output" = replay ]
    run bash "$BATS_TEST_TMPDIR/complete" coding-agents policy --json replay ''
    [[ $output == *"$(id_of "$NAME")"* ]]
}

@test "the other completion scripts are accepted by their shells" {
    skip_unless 'needs zsh and fish' sh -c 'command -v zsh && command -v fish'
    "$CA" completion zsh >"$BATS_TEST_TMPDIR/_coding-agents"
    zsh -n "$BATS_TEST_TMPDIR/_coding-agents"
    "$CA" completion fish >"$BATS_TEST_TMPDIR/coding-agents.fish"
    fish --no-execute "$BATS_TEST_TMPDIR/coding-agents.fish"
    run fish --no-config --command "source $BATS_TEST_TMPDIR/coding-agents.fish; complete --do-complete 'coding-agents sta'"
    [[ $output == status* ]]
}

@test "version and doctor answer, for people and as JSON" {
    run --separate-stderr "$CA" version --json
    [ "$status" -eq 0 ]
    [ "$(jq -r .coding_agents <<<"$output")" = "$VERSION" ]
    run --separate-stderr "$CA" doctor --json
    [ "$status" -eq 0 ]
    [ "$(jq -r .ok <<<"$output")" = true ]
    [ "$(jq -r '.checks[] | select(.name == "landlock").verdict' <<<"$output")" = ok ]
    # What the broker needs, each tried: its confinement, its socket, who comes there.
    for check in logins git-proxy host-socket login-peer; do
        [ "$(jq -r --arg check "$check" '.checks[] | select(.name == $check).verdict' <<<"$output")" = ok ]
    done
    run "$CA" doctor
    [ "$status" -eq 0 ]
    [ -z "$("$DOCKER" volume ls -q --filter name=coding-agents-doctor)" ]
}

# with_lockable BYTES COMMAND...: that may lock so much memory. Root may lock what it likes, but for this.
with_lockable() {
    local bytes=$1 drop=()
    shift
    [ "$(id -u)" -ne 0 ] || drop=(setpriv --bounding-set=-ipc_lock)
    "${drop[@]}" prlimit --memlock="$bytes:$bytes" "$@"
}

@test "doctor says why a session could get no login, and is content with the machine otherwise" {
    run with_lockable $((1 << 20)) "$CA" doctor --json
    [ "$status" -eq 0 ]
    holds '.checks[] | select(.name == "logins") | .verdict == "warn" and (.detail | contains("locked memory")) and
        (.remedy | contains("memlock"))' <<<"$output"
    # Enough for a broker that holds nothing, and less than one may need.
    run with_lockable $((6 << 20)) "$CA" doctor
    [[ $output == *"warn  logins"*"6144 KiB of memory can be locked"*"8192"* ]]
}

@test "doctor notices a container that does not reach the sockets of the host" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/docker" <<END
#!/bin/bash
for argument; do
    shift
    case \$argument in
    type=bind,*/run/coding-agents/sockets,*) set -- "\$@" type=tmpfs,target=/run/coding-agents/sockets ;;
    *) set -- "\$@" "\$argument" ;;
    esac
done
exec "$DOCKER" "\$@"
END
    chmod +x "$BATS_TEST_TMPDIR/bin/docker"
    run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$CA" doctor --json
    [ "$status" -eq 0 ]
    [ "$(jq -r '.checks[] | select(.name == "host-socket" or .name == "login-peer").verdict' <<<"$output")" = $'warn\nwarn' ]
}

@test "doctor names a missing engine and what to do" {
    run env DOCKER_HOST=unix:///nonexistent "$CA" doctor
    [ "$status" -eq 201 ]
    [[ $output == *"fail  engine"*"/nonexistent"* ]]
}

# What runc says where the kernel has AppArmor and nobody has loaded the profiles.
@test "doctor says how to load the AppArmor profiles when they are missing" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/docker" <<END
#!/bin/sh
if [ "\$1" = run ]; then
    echo "docker: Error response from daemon: unable to apply apparmor profile: apparmor failed to apply profile: no such file" >&2
    exit 127
fi
exec "$DOCKER" "\$@"
END
    chmod +x "$BATS_TEST_TMPDIR/bin/docker"
    run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$CA" doctor
    [ "$status" -ne 0 ]
    [[ $output == *"fail  container"*"failed to apply profile"*"apparmor_parser --replace /"*"/policies/apparmor/*"* ]]
}

@test "list and status show a running session; connect refuses one without a terminal" {
    start_working
    [ "$(phase_of "$NAME")" = running ]
    run --separate-stderr "$CA" status "$NAME" --json
    [ "$status" -eq 0 ]
    [ "$(jq -r .is_running <<<"$output")" = true ]
    [ "$(jq -r '.init | type' <<<"$output")" = object ]
    run "$CA" list
    [[ $output == *"$NAME"* ]]
    run --separate-stderr "$CA" connect "$NAME"
    [ "$status" -eq 206 ]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
}

@test "logs show what the program printed; a terminal gets no orders from it" {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'printf "one\ntwo\n\033]0;owned\007\033[31mred\033[0m\n"' >/dev/null
    run "$CA" logs "$NAME"
    [[ $output == *$'one\ntwo\n\033]0;owned\007'* ]]
    run "$CA" logs "$NAME" --tail 1
    [[ $output != *two* ]]
    run script -qec "'$CA' logs '$NAME'" /dev/null
    [[ $output == *'\x1b]0;owned\x07'* && $output != *$'\033]0'* && $output == *$'\033[31mred'* ]]
}

# bats test_tags=soak
@test "sync fetches what a running session pushed" {
    "$CA" launch shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; git add work; git commit -qm Work
        git push -q local HEAD && touch /tmp/pushed; exec sleep 600'
    wait_for 30 "$DOCKER" exec "$(container_of "$NAME")" test -e /tmp/pushed
    run "$CA" sync "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    [ "$(phase_of "$NAME")" = running ]
}

@test "stop ends a session in order and brings its work" {
    start_working
    run "$CA" stop "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    [ "$(phase_of "$NAME")" = collected ]
}

# bats test_tags=soak
@test "stop --no-push leaves the work in the volume, and list says how to get it" {
    start_working
    run "$CA" stop "$NAME" --no-push
    [ "$status" -eq 0 ]
    [ "$(phase_of "$NAME")" = ended ]
    run "$CA" list
    [[ $output == *"coding-agents sync $(id_of "$NAME")"* ]]
    run ! git -C "$REPO" cat-file -e "shell/$NAME:work"
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

@test "what a killed session had not committed is fetched all the same" {
    start_working
    run "$CA" kill "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"coding-agents sync $(id_of "$NAME")"* ]]
    run ! git -C "$REPO" cat-file -e "shell/$NAME:work"
    run "$CA" sync "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *recovered:* ]]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    run "$CA" sync "$NAME"
    [ "$status" -eq 0 ]
    [[ $output == *"had it all already"* && $output != *recovered:* ]]
    run --separate-stderr "$CA" kill "$NAME"
    [ "$status" -eq 206 ]
}

# bats test_tags=soak
@test "a session whose keeper and container were killed is shown as ended, and its work is fetched" {
    start_working
    local id
    id=$(id_of "$NAME")
    kill -KILL "$(pgrep -o -f -- "coding-agents-keeper --session $id")"
    "$DOCKER" kill "coding-agents-$id" >/dev/null
    [ "$(phase_of "$NAME")" = ended ]
    run "$CA" sync "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

@test "remove collects first and leaves nothing but the branch" {
    start_working
    local id
    id=$(id_of "$NAME")
    run "$CA" remove "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$id")" ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/sessions/$id" ]
}

# bats test_tags=soak
@test "remove takes an empty branch of its own with it, unless told not to" {
    "$CA" run shell "$REPO" --name "$NAME" -- true
    git -C "$REPO" rev-parse -q --verify "shell/$NAME"
    "$CA" remove "$NAME"
    run ! git -C "$REPO" rev-parse -q --verify "shell/$NAME"
    "$CA" run shell "$REPO" --name "$NAME" -- true
    "$CA" remove "$NAME" --keep-branch
    git -C "$REPO" rev-parse -q --verify "shell/$NAME"
}

# bats test_tags=soak
@test "remove keeps a branch that was there before the session" {
    git -C "$REPO" branch mine
    "$CA" run shell "$REPO" --name "$NAME" --branch mine -- true
    "$CA" remove "$NAME"
    git -C "$REPO" rev-parse -q --verify mine
}

@test "remove refuses to lose work without --yes, in one sentence" {
    start_working
    local id
    id=$(id_of "$NAME")
    run --separate-stderr "$CA" remove "$NAME" --no-push
    [ "$status" -eq 206 ]
    [[ $stderr == *"--yes"* ]]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    [ -n "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    run "$CA" remove "$NAME" --no-push --yes
    [ "$status" -eq 0 ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
}

# An engine that has nothing: whatever it is asked, it answers 404. Its address is in $OTHER.
start_other_engine() {
    OTHER=unix://$BATS_TEST_TMPDIR/other.sock
    perl -MIO::Socket::UNIX -e '
        my $listener = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 16) or die;
        while (my $client = $listener->accept) {
            while (my $line = <$client>) { last if $line =~ /^\r?$/ }
            my $body = q({"message":"No such thing"});
            print $client "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n",
                "Content-Length: ", length $body, "\r\n\r\n", $body;
            close $client;
        }' "$BATS_TEST_TMPDIR/other.sock" 3>&- &
    OTHER_PID=$!
    wait_for 10 test -S "$BATS_TEST_TMPDIR/other.sock"
}

# bats test_tags=soak
@test "another engine or context in force changes nothing for a session, and proves nothing about it" {
    start_working
    local id choice
    id=$(id_of "$NAME")
    start_other_engine
    mkdir "$BATS_TEST_TMPDIR/docker"
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker "$DOCKER" context create other --docker "host=$OTHER" >/dev/null
    # The control: that engine has no such container.
    run env DOCKER_HOST="$OTHER" "$DOCKER" inspect --type container "coding-agents-$id"
    [ "$status" -ne 0 ]
    for choice in "DOCKER_HOST=$OTHER" "DOCKER_CONTEXT=other" "DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker"; do
        echo "$choice"
        if [[ $choice == DOCKER_CONFIG=* ]]; then
            DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker "$DOCKER" context use other
        fi
        run --separate-stderr env DOCKER_CONFIG="$BATS_TEST_TMPDIR/docker" "$choice" "$CA" status "$NAME" --json
        [ "$(jq -r .phase <<<"$output")" = running ]
        run env DOCKER_CONFIG="$BATS_TEST_TMPDIR/docker" "$choice" "$CA" list
        [[ $output == *"running"*"$NAME"* ]]
    done
    # It is ended, and asked for, where it is.
    run --separate-stderr env "DOCKER_HOST=$OTHER" "$CA" remove "$NAME" --no-push
    echo "$stderr"
    [ "$status" -eq 206 ]
    [[ $stderr == *"--yes"* ]]
    [ "$("$DOCKER" inspect --format '{{.State.Running}}' "coding-agents-$id")" = false ]
    [ -e "$XDG_STATE_HOME/coding-agents/sessions/$id/state.json" ]
    run "$CA" sync "$NAME"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    kill "$OTHER_PID"
}

@test "an engine that took the place of a session's own is refused" {
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- sh -c 'echo work >work'
    local id command
    id=$(id_of "$NAME")
    edit_json "$XDG_STATE_HOME/coding-agents/sessions/$id/state.json" '.engine_id = "AAAA:BBBB"'
    for command in status sync stop "remove --yes"; do
        # shellcheck disable=SC2086 # a command and its options
        run --separate-stderr "$CA" $command "$id"
        echo "$command: $status $stderr"
        [ "$status" -eq 201 ]
        [[ $stderr == *"is not the one that session $id was started on"* ]]
        [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    done
    [ -n "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    edit_json "$XDG_STATE_HOME/coding-agents/sessions/$id/state.json" '.engine_id = ""'
    "$CA" sync "$id"
}

@test "a volume that is gone is no proof that nothing was in it" {
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- sh -c 'echo work >work'
    local id
    id=$(id_of "$NAME")
    "$DOCKER" rm "coding-agents-$id"
    "$DOCKER" volume rm "coding-agents-$id"
    run --separate-stderr "$CA" remove "$NAME"
    [ "$status" -eq 206 ]
    [[ $stderr == *"never fetched"*"--yes"* ]]
    "$CA" remove "$NAME" --yes
}

# bats test_tags=soak
@test "a session that ended is not said to be stopped; a name of two is asked about" {
    "$CA" run shell "$REPO" --name "$NAME" -- true
    run --separate-stderr "$CA" stop "$NAME"
    [ "$status" -eq 0 ]
    [ "$stderr" = "$(id_of "$NAME") had ended already" ]
    new_repository "$BATS_TEST_TMPDIR/second"
    "$CA" run shell "$BATS_TEST_TMPDIR/second" --name "$NAME" -- true
    run --separate-stderr "$CA" sync "$NAME"
    [ "$status" -eq 206 ]
    [[ $stderr == *"more than one session is called '$NAME': name the one you mean by its id"* ]]
    "$CA" list --json | jq -r --arg name "$NAME" '.sessions[] | select(.name == $name).session' | xargs "$CA" remove --yes
}

# bats test_tags=soak
@test "a state directory of any name does not stand in the way of a recovery" {
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/'state, "of" mine'
    start_working
    "$CA" kill "$NAME" --no-push 2>/dev/null || "$CA" kill "$NAME"
    run "$CA" sync "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

# bats test_tags=soak
@test "a session whose record was lost is listed by the engine's labels and can be removed" {
    start_working
    local id
    id=$(id_of "$NAME")
    "$CA" stop "$NAME"
    rm -r "$XDG_STATE_HOME/coding-agents/sessions/$id"
    run "$CA" list --json
    [ "$(jq -r --arg id "$id" '.sessions[] | select(.session == $id).phase' <<<"$output")" = lost ]
    run --separate-stderr "$CA" remove "$id"
    [ "$status" -eq 206 ]
    "$CA" remove "$id" --yes
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
}

@test "list shows what is recorded when the engine does not answer" {
    "$CA" run shell "$REPO" --name "$NAME" -- true
    run --separate-stderr env DOCKER_HOST=unix:///nonexistent "$CA" list
    [ "$status" -eq 0 ]
    [[ $output == *"$NAME"* ]]
    [[ $stderr == *"did not answer"* ]]
}

@test "bad lines get one sentence and 200" {
    local line
    while read -r line; do
        # shellcheck disable=SC2086 # each line is several words
        run --separate-stderr "$CA" $line
        echo "$line: $status $stderr"
        [ "$status" -eq 200 ]
        [ "$(grep -c . <<<"$stderr")" -eq 1 ]
        [[ $stderr == "coding-agents "* && $stderr != *" " && $stderr != *coding-agents-collect* ]]
    done <<'EOF'
sync x --as a..b
sync x --max-bytes 0
list extra
status
status a b
logs --tail=x a
logs --nope a
stop
stop --all a
remove
kill
completion tcsh
connect
EOF
    run --separate-stderr "$CA" status nosuchid
    [ "$status" -eq 206 ]
}

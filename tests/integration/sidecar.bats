#!/usr/bin/env bats
# A session whose container is given no socket of the host: everything that it has to do with the host goes through its
# sidecar, as it is with sockets otherwise, and ends with that.
# runs as: root
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session
load git-server

CANARY=c4n4ry-sidecar-31d7-not-a-real-token
LOGIN="{\"claudeAiOauth\":{\"accessToken\":\"$CANARY\",\"refreshToken\":\"$CANARY\"}}"

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
    export LOGIN_IMAGE=coding-agents-sidecar-$$:test SERVER=$BATS_FILE_TMPDIR/server SSH_KEY=$BATS_FILE_TMPDIR/key
    claude_stand_in "$LOGIN_IMAGE"
    start_git_server "$SERVER" "$CANARY"
    ssh-keygen -q -t ed25519 -N '' -C canary -f "$SSH_KEY"
    echo "test@example.com $(cut -d' ' -f1,2 "$SSH_KEY.pub")" >"$BATS_FILE_TMPDIR/signers"
    git config --global gpg.ssh.allowedSignersFile "$BATS_FILE_TMPDIR/signers"
    git config --global "http.https://$SITE/.sslCAInfo" "$SERVER.ca.pem"
}

teardown_file() {
    stop_git_server "$SERVER"
    session_teardown_file
    "$DOCKER" rmi -f "$LOGIN_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p -m 700 "$HOME/.claude" "$XDG_CONFIG_HOME/coding-agents"
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=sidecar-$BATS_TEST_NUMBER
    SAID=$BATS_TEST_TMPDIR/said
    new_repository "$REPO"
}

teardown() {
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
}

has_login() {
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
}

has_remote() {
    export GIT_CONFIG_GLOBAL=$BATS_TEST_TMPDIR/gitconfig
    cp "$BATS_FILE_TMPDIR/gitconfig" "$GIT_CONFIG_GLOBAL"
    git config --global credential.helper "store --file $HOME/passwords"
    echo "https://jane:$CANARY@$SITE" >"$HOME/passwords"
    git init -q --bare "$SERVER/team/$NAME.git"
    git -C "$SERVER/team/$NAME.git" config http.receivepack true
    git -C "$REPO" remote add origin "https://$SITE/team/$NAME.git"
    git -C "$REPO" push -q -u origin main
}

signs() {
    git -C "$REPO" config gpg.format ssh
    git -C "$REPO" config user.signingKey "$SSH_KEY"
    git -C "$REPO" config commit.gpgSign true
}

# start [OPTION...]: the agent runs, and has said what it has.
start() {
    : >"$SAID"
    "$CA" run claude "$REPO" --name "$NAME" --image "$LOGIN_IMAGE" --broker sidecar "$@" -- /workspace/enough \
        >"$SAID" 2>"$SAID.err" 3>&- &
    RUN=$!
    wait_for 120 grep -q '^key' "$SAID" || { cat "$SAID" "$SAID.err"; false; }
}

finish() {
    inside 10000 touch /workspace/enough
    wait "$RUN" || { cat "$SAID" "$SAID.err"; false; }
}

inside() {
    "$DOCKER" exec --user "$1" "$(container_of "$NAME")" "${@:2}"
}

# command COMMAND...: of the session's, in its sandbox.
command_inside() {
    "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl exec -- "$@"
}

event() {
    events_of "$NAME" | jq -c --arg event "$1" 'select(.event == $event)' | grep .
}

sidecar_of() {
    echo "$(container_of "$1")-sidecar"
}

no_sidecar() { ! "$DOCKER" inspect "$1"; }

# has_no_socket_of_the_host: nothing that is mounted of the host has a socket in it; the host has some for this session.
has_no_socket_of_the_host() {
    local sources source runtime
    runtime=$(dirname "$("$DOCKER" inspect -f '{{range .Mounts}}{{if eq .Destination "/run/coding-agents/host"}}{{.Source}}{{end}}{{end}}' \
        "$(container_of "$NAME")")")
    [ -n "$(find "$runtime" -type s -name root.sock)" ]
    sources=$("$DOCKER" inspect -f '{{range .Mounts}}{{if eq .Type "bind"}}{{println .Source}}{{end}}{{end}}' "$(container_of "$NAME")")
    [ -n "$sources" ]
    while read -r source; do
        [ -z "$source" ] || [ -z "$(find "$source" -type s)" ] || { echo "$source has a socket"; return 1; }
    done <<<"$sources"
    [ "$("$DOCKER" inspect -f '{{range .Mounts}}{{if eq .Destination "/run/coding-agents/sockets"}}{{.Type}} {{.Name}} {{.RW}}{{end}}{{end}}' \
        "$(container_of "$NAME")")" = "volume $(container_of "$NAME")-sockets false" ]
}

@test "a whole session: login, history, https remote, signature and record" {
    local talk=.claude/projects/-workspace/11111111-1111-4111-8111-111111111111.jsonl
    has_login
    has_remote
    signs
    start
    has_no_socket_of_the_host
    grep -qx "key 0 login ${#LOGIN}" "$SAID"
    [ "$(inside 10001 cat /run/agent-secrets/claude/.credentials.json)" = "$LOGIN" ]
    [ "$(event capability-redeemed | jq -c '[.fields.uid, .fields.pid]')" = '[10001,0]' ]
    [ "$(event session-config | jq -r .fields.broker)" = sidecar ]
    # Its https remote, there and back.
    git clone -q "https://$SITE/team/$NAME.git" "$BATS_TEST_TMPDIR/other"
    git -C "$BATS_TEST_TMPDIR/other" commit -q --no-gpg-sign --allow-empty -m 'Made elsewhere'
    git -C "$BATS_TEST_TMPDIR/other" push -q origin main
    command_inside git fetch -q origin
    [ "$(command_inside git log -1 --format=%s origin/main)" = 'Made elsewhere' ]
    command_inside sh -euc 'head -c 3000000 /dev/urandom >large; git add large; git commit -q -m "Made inside"'
    command_inside git push -q origin "HEAD:refs/heads/claude/$NAME"
    git -C "$SERVER/team/$NAME.git" cat-file -e "claude/$NAME:large"
    event git-proxied | holds --slurp 'map(.fields) | all(.outcome == "served" and .has_credential)'
    # What the agent leaves.
    inside 10001 sh -c "mkdir -p /home/agentcli/${talk%/*} && echo talk >/home/agentcli/$talk"
    local renewed=${LOGIN//$CANARY/$CANARY-2}
    inside 10000 sh -c 'printf "%s" "$1" >/workspace/enough.renew' - "$renewed"
    finish
    [ "$(cat "$XDG_STATE_HOME/coding-agents/data/claude/$talk")" = talk ]
    [ "$(<"$HOME/.claude/.credentials.json")" = "$renewed" ]
    # Both commits are signed: the command's, and the one at the end.
    [ "$(git -C "$REPO" rev-list --count "main..claude/$NAME")" -eq 2 ]
    local commit
    for commit in $(git -C "$REPO" rev-list "main..claude/$NAME"); do
        git -C "$REPO" verify-commit "$commit"
        event commit-signed | holds --slurp --arg id "$commit" 'any(.fields.id == $id and .fields.uid == 10000)'
    done
    chain_holds "$NAME"
    run -0 "$CA" audit verify "$NAME"
    [[ $output == *'whole, closed and signed'* ]]
    event session-end
    # Nothing of it is left, and the volume goes with the session.
    wait_for 20 no_sidecar "$(sidecar_of "$NAME")"
    local volume
    volume=$(container_of "$NAME")-sockets
    "$DOCKER" volume inspect "$volume"
    "$CA" remove "$NAME" --yes --no-push
    run ! "$DOCKER" volume inspect "$volume"
}

@test "who somebody is is known through it: another uid is refused, and the right one served" {
    has_login
    has_remote
    signs
    start
    local socket
    # The agent is not who says hello to the signer.
    run -0 "$DOCKER" exec --interactive --user 10001 "$(container_of "$NAME")" python3 - <<'PYTHON'
import socket, struct
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.connect("/run/agent-services/signer.sock")
peer.settimeout(20)
peer.send(struct.pack("=IHH16s", 0x53474143, 1, 1, b"whatever"))
print("heard", len(peer.recv(1000)))
PYTHON
    [[ $output == 'heard '* ]]
    event signing-refused | holds --slurp 'any(.fields.reason == "peer" and .fields.uid == 10001)'
    # Nor is root of the container the end of the git proxy.
    run ! inside 0 curl -s --max-time 20 --unix-socket /run/coding-agents/private/sockets/git-proxy.sock \
        'http://x/origin.git/info/refs?service=git-upload-pack'
    event limit-hit | holds --slurp 'any(.fields.what == "git-peer" and (.fields.detail | startswith("uid 0:")))'
    # Nobody but root comes to the others' sockets at all.
    for socket in root broker git-proxy; do
        run ! inside 10000 test -e "/run/coding-agents/private/sockets/$socket.sock"
        inside 0 test -S "/run/coding-agents/private/sockets/$socket.sock"
    done
    # The controls.
    command_inside git commit -q --allow-empty -m 'Made inside'
    event commit-signed | holds --slurp 'any(.fields.uid == 10000)'
    command_inside git fetch -q origin
    finish
}

@test "the sidecar has nothing that it could give away or be used for" {
    has_login
    start --network restricted
    local sidecar pid
    sidecar=$(sidecar_of "$NAME")
    "$DOCKER" inspect "$sidecar" | holds '.[0] | .HostConfig.ReadonlyRootfs and .HostConfig.NetworkMode == "none" and
        .HostConfig.CapDrop == ["ALL"] and .HostConfig.CapAdd == null and (.Mounts | length) == 1 and
        .Mounts[0].Type == "volume" and (.HostConfig.SecurityOpt | index("no-new-privileges:true") != null)'
    pid=$("$DOCKER" inspect -f '{{.State.Pid}}' "$sidecar")
    grep -q '^CapPrm:	0000000000000000$' "/proc/$pid/status"
    grep -q '^CapBnd:	0000000000000000$' "/proc/$pid/status"
    grep -q '^NoNewPrivs:	1$' "/proc/$pid/status"
    [ "$(awk '/^Seccomp_filters:/ {print $2}' "/proc/$pid/status")" -ge 2 ]
    # The other end.
    echo "$pid" >"$BATS_TEST_TMPDIR/pids"
    pid=$(pgrep -o -f "^[^ ]*coding-agents-sidecar .*--session $(id_of "$NAME") ")
    grep -q '^Seccomp:	2$' "/proc/$pid/status"
    echo "$pid" >>"$BATS_TEST_TMPDIR/pids"
    # The login has gone through both, encrypted; who read it on the host is the control.
    run -0 "$BUILD/tests/helpers/find-canary" "${CANARY:0:9}" "${CANARY:9}" "$BATS_TEST_TMPDIR/pids" "$HOME/.claude"
    echo "$output"
    grep -qx "file $HOME/.claude/.credentials.json" <<<"$output"
    grep -q '^looked at 2 processes' <<<"$output"
    run ! grep '^memory' <<<"$output"
    finish
}

# lose: the sidecar of a session is killed; what follows is what follows from the end of a broker.
lose() {
    has_login
    start --network restricted
    inside 10000 sh -c 'echo made >/workspace/made'
    "$DOCKER" kill "$(sidecar_of "$NAME")"
}

@test "when the sidecar dies the login goes, and the session is stopped with its work" {
    lose
    wait "$RUN" || true
    event broker-lost | holds --slurp 'length == 1 and .[0].fields.consequence == "stop" and
        .[0].fields.cause == "the broker'\''s sidecar ended before the session"'
    run ! event capability-released
    grep -q 'the secret was taken away: the broker of the session is gone' "$SAID.err"
    [ "$(git -C "$REPO" show "claude/$NAME:made")" = made ]
    run ! broker_of "$(id_of "$NAME")"
    event session-end
    chain_holds "$NAME"
    run -0 "$CA" audit verify "$NAME"
}

# bats test_tags=soak
@test "a session that may go on without its broker does when the sidecar dies" {
    echo '{"version": 1, "when_lost": "continue"}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    lose
    wait_for 20 test -z "$(inside 10001 ls -A /run/agent-secrets/claude)"
    wait_for 20 event broker-lost
    [ "$(event broker-lost | jq -r .fields.consequence)" = continue ]
    sleep 1
    [ "$("$CA" status "$NAME" --json | jq -r .phase)" = running ]
    finish
    grep -qx 'at the end login -1' "$SAID"
}

# bats test_tags=soak
@test "a session of nobody's login is stopped too: nothing of it could be recorded" {
    : >"$SAID"
    "$CA" run shell "$REPO" --name "$NAME" --broker sidecar --network restricted -- \
        sh -c 'echo made >made; echo through; sleep 600' >"$SAID" 2>"$SAID.err" 3>&- &
    RUN=$!
    wait_for 120 grep -qx through "$SAID"
    "$DOCKER" kill "$(sidecar_of "$NAME")"
    wait "$RUN" || true
    [ "$(event broker-lost | jq -r .fields.consequence)" = stop ]
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = made ]
    chain_holds "$NAME"
}

# bats test_tags=soak
@test "a thousand connections exhaust nothing" {
    signs
    cp "$BUILD/tests/helpers/socket-storm" "$REPO"
    has_login
    start --network restricted --include-ignored
    run inside 0 /workspace/socket-storm /run/coding-agents/private/sockets/broker.sock \
        /run/coding-agents/private/sockets/root.sock "$(id_of "$NAME")" 4 1000
    echo "$output"
    [ "$status" -eq 0 ]
    # Commands have one socket, and hold what they can of it.
    command_inside python3 - <<'PYTHON' || true
import socket, time
held = []
for i in range(1000):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.setblocking(False)
    try:
        s.connect("/run/agent-services/signer.sock")
        held.append(s)
    except OSError:
        s.close()
print(len(held))
PYTHON
    "$DOCKER" inspect -f '{{.State.Running}}' "$(sidecar_of "$NAME")" | grep -qx true
    [ "$(inside 10001 cat /run/agent-secrets/claude/.credentials.json)" = "$LOGIN" ]
    command_inside git commit -q --allow-empty -m 'After the storm'
    run -0 "$CA" secrets revoke claude
    [[ $output == *'which had it in use'* ]]
    wait "$RUN" || true
    chain_holds "$NAME"
}

# engine_with SCRIPT: a docker command that SCRIPT changes the words of, or the answer.
engine_with() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/bash\n%s\n' "$1" >"$BATS_TEST_TMPDIR/bin/docker"
    chmod +x "$BATS_TEST_TMPDIR/bin/docker"
}

@test "doctor says which way applies, and the remedy, having tried" {
    run -0 "$CA" doctor --json
    holds '.checks[] | select(.name == "broker") | .verdict == "ok" and (.detail | startswith("socket: "))' <<<"$output"
    engine_with "for argument; do
    shift
    case \$argument in
    type=bind,*/run/coding-agents/sockets,*) set -- \"\$@\" type=tmpfs,target=/run/coding-agents/sockets ;;
    *) set -- \"\$@\" \"\$argument\" ;;
    esac
done
exec '$DOCKER' \"\$@\""
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 "$CA" doctor --json
    holds '.checks[] | select(.name == "broker") | .verdict == "warn" and (.detail | startswith("sidecar: ")) and
        .remedy == "start sessions with --broker sidecar"' <<<"$output"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 "$CA" doctor
    [[ $output == *"warn  broker"*"start sessions with --broker sidecar"* ]]
    # And no sidecar either.
    sed -i "s|^exec .*|[[ \" \$* \" != *agent-broker-relay* ]] \|\| { echo 'docker: no such volume' >\&2; exit 125; }\n&|" \
        "$BATS_TEST_TMPDIR/bin/docker"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run "$CA" doctor --json
    [ "$status" -ne 0 ]
    holds '.checks[] | select(.name == "broker") | .verdict == "fail" and (.detail | contains("no such volume"))' <<<"$output"
}

# bats test_tags=soak
@test "an engine of another kernel is refused in one line with the remedy, and not with a sidecar" {
    engine_with "[ \"\$*\" = 'info --format {{json .}}' ] || exec '$DOCKER' \"\$@\"
'$DOCKER' \"\$@\" | jq -c '.KernelVersion = \"5.15.0-elsewhere\"'"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -201 "$CA" run shell "$REPO" --name "$NAME" --network restricted -- true
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *'another kernel (5.15.0-elsewhere'*'start with --broker sidecar' ]]
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 "$CA" run shell "$REPO" --name "$NAME" --network restricted --broker sidecar -- true
    run -200 "$CA" run shell "$REPO" --broker elsewhere -- true
    [[ $output == *"--broker 'elsewhere': write socket or sidecar"* ]]
}

@test "a sidecar that cannot start ends the launch by its reason, and leaves nothing" {
    engine_with "[[ \" \$* \" != *agent-broker-relay* ]] || { echo 'docker: Error response from daemon: no room for it.' >&2; exit 125; }
exec '$DOCKER' \"\$@\""
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -209 "$CA" run shell "$REPO" --name "$NAME" --network restricted --broker sidecar -- true
    [[ $output == *"the broker's sidecar did not start: "*'no room for it'* ]]
    [ -z "$("$DOCKER" volume ls --quiet --filter dangling=true --filter label=coding-agents.sidecar)" ]
}

# Where a session is killed with all that is its own on the host nothing is told, and what it held goes all the same.
# bats test_tags=soak
@test "a killed keeper takes the sidecar with it, and what is left is swept" {
    local sidecar volume
    "$CA" launch shell "$REPO" --name "$NAME" --network restricted --broker sidecar
    sidecar=$(sidecar_of "$NAME")
    volume=$(container_of "$NAME")-sockets
    "$DOCKER" inspect "$sidecar" >/dev/null
    pkill -KILL -f "^[^ ]*coding-agents-keeper --session $(id_of "$NAME") "
    wait_for 30 no_sidecar "$sidecar"
    # The container that had it is taken away by hand: the next session with a sidecar finds the volume.
    "$DOCKER" rm -f "$(container_of "$NAME")"
    "$DOCKER" volume inspect "$volume" >/dev/null
    "$CA" run shell "$REPO" --name "$NAME-next" --network restricted --broker sidecar -- true
    run ! "$DOCKER" volume inspect "$volume"
}

#!/usr/bin/env bats
# What bad input gets: one sentence that says what, why and what to do, the documented code, nothing started.
# runs as: user, root in soak
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

setup_file() {
    session_setup_file
}

setup() {
    # A state for each test, so that nothing but what a refusal leaves can be in it.
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    REPO=$BATS_TEST_TMPDIR/bad-input
    NAME=bad-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
    git -C "$REPO" branch taken
    git -C "$REPO" branch shell/taken-name
    cd "$REPO" || return
    spy_on_docker
}

teardown() {
    "$BUILD/host/bin/coding-agents" remove --all --yes --no-push >/dev/null 2>&1 || true
    "$DOCKER" rmi "$NAME:wire" "$NAME:agent" "$NAME:none" >/dev/null 2>&1 || true
}

# A docker first in PATH that writes down what it is asked and asks the real one.
spy_on_docker() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    : >>"$BATS_TEST_TMPDIR/asked"
    printf '#!/bin/sh\necho "$1 $2" >>%q\nexec %q "$@"\n' "$BATS_TEST_TMPDIR/asked" "$DOCKER" >"$BATS_TEST_TMPDIR/bin/docker"
    chmod 0755 "$BATS_TEST_TMPDIR/bin/docker"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    REFS=$(git for-each-ref)
}

# left_nothing: nothing was asked to be made, and no trace is left where sessions live.
left_nothing() {
    run -1 grep -E '^(run|create|start|build|network create|volume create)' "$BATS_TEST_TMPDIR/asked"
    [ -z "$(ls "$XDG_STATE_HOME/coding-agents/sessions" 2>/dev/null)" ]
    [ -z "$(find "$XDG_STATE_HOME/coding-agents/branches" -type f 2>/dev/null)" ]
    [ "$(git -C "$REPO" for-each-ref)" = "$REFS" ]
}

# refused CODE TEXT COMMAND...: ends with CODE and exactly one line, which contains TEXT.
refused() {
    local code=$1 text=$2
    shift 2
    run --separate-stderr "$@" </dev/null
    echo "$* -> $status: $stderr"
    [ "$status" -eq "$code" ]
    [ -z "$output" ]
    [[ "$stderr" == "coding-agents: "* ]]
    [[ "$stderr" == *"$text"* ]]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    left_nothing
}

# refuse_each: each line of standard input is CODE|TEXT|WORDS OF THE COMMAND LINE.
refuse_each() {
    local code text words
    while IFS='|' read -r code text words; do
        [ -n "$code" ] || continue
        eval "set -- $words"
        refused "$code" "$text" "$CA" "$@"
    done
}

# works [WORD...]: the same line without what is bad.
works() {
    run --separate-stderr "$CA" run shell "$REPO" --no-push "$@" -- echo it works
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$output" = 'it works' ]
}

@test "options and their values" {
    refuse_each <<'END'
200|which agent|run
200|there is no agent|run nobody . -- true
200|one argument too many|run shell . extra -- true
200|--nonsense|run shell . --nonsense -- true
200|--name|run shell . --name
200|--yes=no|run shell . --yes=no -- true
200|-x|run shell . -x -- true
200|--help|run shell . --cp -- true
200|a name has|run shell . --name Upper -- true
200|a name has|run shell . --name -dash -- true
200|a name has|run shell . --name "" -- true
200|a name has|run shell . --name a/b -- true
200|a name has|run shell . --name abcdefghijklmnopqrstuvwxyzabcdefg -- true
200|allow-all or restricted|run shell . --network squid -- true
200|number of processors|run shell . --cpus two -- true
200|number of processors|run shell . --cpus -1 -- true
200|at least 0.01|run shell . --cpus 0 -- true
200|ask for less|run shell . --cpus 9999 -- true
200|this is no size|run shell . --memory 1T -- true
200|this is no size|run shell . --memory "" -- true
200|at least 64m|run shell . --memory 1m -- true
200|more memory than|run shell . --memory 999999999999g -- true
200|ask for less|run shell . --memory 900000g -- true
200|a whole number|run shell . --pids 0 -- true
200|a whole number|run shell . --pids 1e3 -- true
200|a whole number|run shell . --pids 99999999 -- true
200|DEVICE:RATE|run shell . --device-read-bps /dev/null -- true
200|no block device|run shell . --device-read-bps /dev/null:1mb -- true
200|DEVICE:RATE|run shell . --device-write-bps "/dev/../etc/passwd:1mb" -- true
200|write all, a number|run shell . --gpu "all,capabilities=compute" -- true
200|write all, a number|run shell . --gpu 0 -- true
200|channel of .NET|run shell . --dotnet-preview "10;id" -- true
200|channel of .NET|run shell . --dotnet-preview ../x -- true
200|the text must have|run shell . --prompt ""
200|two commands|run shell . --prompt id -- true
200|the text must have|run shell . --commit-message "" -- true
200|two branches|run shell . --use-current-branch --branch x -- true
200|give one of them|run shell . --from-source --image x -- true
200|--json prints --dry-run|run shell . --json -- true
200|needs a terminal|run shell .
200|there is no command 'rnu'; the nearest is run|rnu shell .
END
    works --name "$NAME" --network restricted --cpus 1.5 --memory 100m --pids 100 --yes
}

# bats test_tags=soak
@test "branches" {
    git checkout -q -b here
    REFS=$(git for-each-ref)
    refuse_each <<'END'
200|git does not allow|run shell . --branch "two words" -- true
200|git does not allow|run shell . --branch a..b -- true
200|git does not allow|run shell . --branch -x -- true
200|git does not allow|run shell . --branch x.lock -- true
200|git does not allow|run shell . --branch "a~1" -- true
203|is checked out here|run shell . --branch here -- true
203|is checked out here|run shell . --branch main/x --branch here -- true
203|exists: choose another --name|run shell . --name taken-name -- true
203|cannot be made, choose another with --branch|run shell . --branch taken/below -- true
END
    git checkout -q --detach
    refused 203 'HEAD is detached' "$CA" run shell . --use-current-branch -- true
    git checkout -q taken
    git commit -q --allow-empty -m 'More than main'
    git checkout -q main
    REFS=$(git for-each-ref)
    refused 203 'has commits that HEAD lacks' "$CA" run shell . --branch taken -- true
    works --branch here
}

@test "sources" {
    # A repository that is the home directory, one below which it lies, and one with the engine's socket in it.
    export HOME=$BATS_TEST_TMPDIR/homes/me
    new_repository "$HOME"
    refused 202 'contains the home directory' "$CA" run shell "$HOME" -- true
    new_repository "$BATS_TEST_TMPDIR/homes" 2>/dev/null
    refused 202 'contains the home directory' "$CA" run shell "$BATS_TEST_TMPDIR/homes" -- true
    new_repository "$BATS_TEST_TMPDIR/broken"
    printf '%040d\n' 7 >"$BATS_TEST_TMPDIR/broken/.git/refs/heads/main"
    refuse_each <<END
202|/|run shell / -- true
202|is not in a git repository|run shell $BATS_TEST_TMPDIR/bin -- true
202|name the path of a repository|run shell ./missing -- true
202|an https, ssh or file URL|run shell ext::sh -- true
202|an https, ssh or file URL|run shell git://example.com/x.git -- true
202|see git fsck|run shell $BATS_TEST_TMPDIR/broken -- true
END
}

@test "paths that no engine can mount, and a work tree that is elsewhere" {
    local odd=$BATS_TEST_TMPDIR/odd$'\377'
    new_repository "$odd"
    refused 202 'is not UTF-8: rename it' "$CA" run shell "$odd" -- true
    git -C "$odd" worktree add -q --detach "$BATS_TEST_TMPDIR/linked"
    refused 202 'is not UTF-8: rename it' "$CA" run shell "$BATS_TEST_TMPDIR/linked" -- true
    git clone -q --shared "$odd" "$BATS_TEST_TMPDIR/shared"
    refused 202 'is not UTF-8: rename it' "$CA" run shell "$BATS_TEST_TMPDIR/shared" -- true
    local broken=$BATS_TEST_TMPDIR/broken
    new_repository "$broken"
    git -C "$broken" config core.worktree ../nowhere
    refused 202 'core.worktree' "$CA" run shell "$broken" -- true
    git config --file "$broken/.git/config" core.worktree /nonexistent/below
    refused 202 'core.worktree' "$CA" run shell "$broken" -- true
    works --name "$NAME"
}

@test "a source with the engine's socket in it" {
    local proxy
    perl "$ROOT/tests/integration/fixtures/socket-proxy" "$REPO/docker.sock" /var/run/docker.sock 3>&- &
    proxy=$!
    wait_for 5 test -S "$REPO/docker.sock"
    DOCKER_HOST=unix://$REPO/docker.sock refused 202 "contains the engine's socket" "$CA" run shell "$REPO" -- true
    # The positive control: that engine is good for a repository elsewhere.
    new_repository "$BATS_TEST_TMPDIR/elsewhere"
    DOCKER_HOST=unix://$REPO/docker.sock run "$CA" run shell "$BATS_TEST_TMPDIR/elsewhere" --dry-run -- true
    kill "$proxy"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "arguments for the engine" {
    local argument
    for argument in --privileged --privileged=true --pid=host --ipc=host --uts=host --userns=host --network=host \
        --net=host '--network host' --volume=/:/h -v=/:/h '-v /:/h' --mount=type=bind,source=/,target=/h \
        --volumes-from=x --security-opt=seccomp=unconfined --security-opt=no-new-privileges:false --cap-add=ALL \
        --cap-add=SYS_PTRACE --device=/dev/sda --device-cgroup-rule=a --gpus=all --user=0 --group-add=0 --entrypoint=sh \
        --env=LD_PRELOAD=/x --env-file=/etc/shadow --runtime=runc --cgroup-parent=/ --read-only=false --rm \
        --label=coding-agents.session=x --publish=80:80 --tmpfs=/etc --pids-limit=-1 --memory=1t --stop-signal=KILL \
        --ulimit=core=-1 --dns=x --hostname=-x --oom-score-adj=-1000 --shm-size=0 -- '' x; do
        refused 200 'engine-arg' "$CA" run shell . "--engine-arg=$argument" -- true
    done
    works --engine-arg=--hostname=box --engine-arg=--label=team=x
}

# bats test_tags=soak
@test "images" {
    local image
    for image in wire agent none; do
        case $image in
        wire) echo "LABEL coding-agents.wire=99" ;;
        agent) echo "LABEL coding-agents.agent=other" ;;
        none) echo "LABEL coding-agents.wire=" ;;
        esac | cat <(echo "FROM $SHELL_IMAGE") - | "$DOCKER" build -q -t "$NAME:$image" -
    done
    refuse_each <<END
204|there is no local image|run shell . --image no-such-image:1 -- true
204|speaks version 99|run shell . --image $NAME:wire -- true
204|is for the agent 'other'|run shell . --image $NAME:agent -- true
204|is none of coding-agents|run shell . --image $NAME:none -- true
200|NAME@sha256:|run shell . --image x@sha256:123 -- true
200|NAME@sha256:|run shell . --image --privileged -- true
END
    works --image "$SHELL_IMAGE"
}

@test "policy files" {
    staged_installation "$BATS_TEST_TMPDIR/installed"
    # FILE|sed script|TEXT
    local file script text
    while IFS='|' read -r file script text; do
        cp "$POLICIES/$file" "$BATS_TEST_TMPDIR/good"
        sed -i "$script" "$POLICIES/$file"
        refused 205 "$text" "$CA" run shell . -- true
        [[ "$stderr" == *"$file"* ]]
        rm "$POLICIES/$file"
        refused 205 "$file" "$CA" run shell . -- true
        cp "$BATS_TEST_TMPDIR/good" "$POLICIES/$file"
    done <<'END'
seccomp/agent.json|1s/{/[/|line 
seccomp/agent.json|s/"defaultAction"/"defaultaction"/|defaultAction
seccomp/agent.json|$d|line 
capabilities.tab|s/^container *SETUID/container SETUDI/|there is no capability 'SETUDI'
capabilities.tab|s/ granted / grantd /|there is no set of capabilities 'grantd'
capabilities.tab|$s/.*/agent-init KILL/|fields
engine-args.tab|s/^--hostname .*/--hostname [ - x/|is no regular expression
engine-args.tab|$s/.*/--ulimit/|fields
agents.tab|s/^shell.*/shell/|fields
agent-config.tab|s/^claude *file .*/claude file/|fields
agent-config.tab|s/^codex *file /codex flie /|'flie' is none of file, untrusted, unasked, trusted and variable
END
    works --name "$NAME"
}

# engine_is CONTEXT VERSION: a client that answers these two questions with the output of these commands.
engine_is() {
    cat >"$BATS_TEST_TMPDIR/bin/docker" <<END
#!/bin/sh
echo "\$1 \$2" >>$(printf %q "$BATS_TEST_TMPDIR/asked")
case \$1 in
context) $1 ;;
version) $2 ;;
*) exec $(printf %q "$DOCKER") "\$@" ;;
esac
END
}

# bats test_tags=soak
@test "engines" {
    DOCKER_HOST=tcp://127.0.0.1:1 refused 201 "the engine 'tcp://127.0.0.1:1' is remote" "$CA" run shell . -- true
    DOCKER_HOST=ssh://somebody@example.com refused 201 'is remote' "$CA" run shell . -- true
    DOCKER_HOST=unix:///nonexistent/docker.sock refused 201 'does not run' "$CA" run shell . -- true
    local real="exec $DOCKER \"\$@\""
    # What podman 4.3 answers under the name of docker.
    engine_is : 'echo '\''{"Client":{"APIVersion":"4.3.1","Version":"4.3.1","GoVersion":"go1.19.8","OsArch":"linux/amd64"}}'\'
    refused 201 'Podman' "$CA" run shell . -- true
    # Podman's engine behind Docker's client.
    engine_is "$real" "$DOCKER \"\$@\" | sed 's/\"Name\":\"Engine\"/\"Name\":\"Podman Engine\"/'"
    refused 201 'Podman' "$CA" run shell . -- true
    engine_is "$real" "$DOCKER \"\$@\" | jq -c '(.Server.Components[] | select(.Name == \"Engine\")).Version = \"19.03.15\"'"
    refused 201 'Docker Engine 19.03.15 is too old: install 20.10.0 or newer' "$CA" run shell . -- true
    engine_is "$real" "$DOCKER \"\$@\" | jq -c '(.Server.Components[] | select(.Name == \"runc\")).Version = \"1.1.4\"'"
    refused 201 'runc 1.1.4 is too old: install 1.1.5 or newer' "$CA" run shell . -- true
    engine_is "$real" 'echo nonsense'
    refused 201 'docker version' "$CA" run shell . -- true
    # No client at all, but git.
    rm "$BATS_TEST_TMPDIR/bin/docker"
    ln -s "$(command -v git)" "$BATS_TEST_TMPDIR/bin/git"
    refused 201 'there is no docker command: install Docker Engine' env "PATH=$BATS_TEST_TMPDIR/bin" "$CA" run shell . -- true
    spy_on_docker
    works --name "$NAME"
}

# bats test_tags=soak
@test "a pool of networks that is none" {
    CODING_AGENTS_NETWORK_POOL=10.0.0.0/99 refused 200 'CODING_AGENTS_NETWORK_POOL' "$CA" run shell . -- true
    CODING_AGENTS_NETWORK_POOL=10.231.0.0/24 works --name "$NAME"
}

@test "what only the engine can refuse leaves nothing either" {
    run --separate-stderr "$CA" run shell . --engine-arg=--cpuset-cpus=4000 -- true </dev/null
    echo "$stderr"
    [ "$status" -eq 207 ]
    local id
    id=$(sed -n 's/^coding-agents: session [^ ]* (\([a-z2-7]*\)) works on.*/\1/p' <<<"$stderr")
    [ -n "$id" ]
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$id")" ]
    rm "$BATS_TEST_TMPDIR/asked"
    touch "$BATS_TEST_TMPDIR/asked"
    left_nothing
}

# by_hand COMMAND...: the docker run of an ended session once more, on a copy of its files that the command has changed,
# with ARGUMENTS behind the image.
by_hand() {
    local argv=() item state=$XDG_STATE_HOME/coding-agents/sessions/$ID host=$BATS_TEST_TMPDIR/host
    rm -rf "$host"
    install -d -m 0755 "$host" "$host/sockets"
    install -m 0644 "$state/manifest.json" "$host/manifest.json"
    printf '.gitignore\0file\0' >"$host/files.list"
    "$@"
    while IFS= read -r -d '' item; do
        case $item in
        type=bind,source=*,target=/tmp/source-repo,*) ;;
        type=bind,*/host,*) item=type=bind,source=$host,${item#*/host,} ;;
        type=bind,*/sockets,*) item=type=bind,source=$host/sockets,${item#*/sockets,} ;;
        "coding-agents-$ID" | *source=coding-agents-"$ID"*) item=${item/coding-agents-$ID/$NAME-hand} ;;
        --manifest-sha256) break ;;
        esac
        argv+=("$item")
    done < <(jq -j '.[] | . + "\u0000"' "$state/docker-argv.json")
    set -- "${argv[@]:1}"
    run --separate-stderr "$DOCKER" "$@" "${ARGUMENTS[@]}"
    "$DOCKER" rm -f "$NAME-hand" >/dev/null 2>&1 || true
    "$DOCKER" volume rm -f "$NAME-hand" >/dev/null 2>&1 || true
    echo "$status: $stderr"
}

@test "a manifest that is not what the launcher planned is refused at boot" {
    "$CA" run shell "$REPO" --name "$NAME" --network restricted --no-push -- echo it works
    ID=$(id_of "$NAME")
    local manifest=$BATS_TEST_TMPDIR/host/manifest.json good
    good=$(sha256sum <"$XDG_STATE_HOME/coding-agents/sessions/$ID/manifest.json" | cut -d' ' -f1)
    # refused_at_boot TEXT: with 212 and one line of refusal, before anything was mounted or copied.
    refused_at_boot() {
        [ "$status" -eq 212 ]
        [ -z "$output" ]
        [ "$(grep -c '^agent-boot: ' <<<"$stderr")" -eq 1 ]
        [[ "$(grep '^agent-boot: ' <<<"$stderr")" == "agent-boot: manifest: "*"$1"* ]]
        [[ "$stderr" != *'mounts '* && "$stderr" != *'workspace '* ]]
    }
    change() { sed -i "$1" "$manifest"; }
    digest() { ARGUMENTS=(--manifest-sha256 "$(sha256sum <"$manifest" | cut -d' ' -f1)"); }
    changed_with_digest() { change "$1" && digest; }

    ARGUMENTS=(--manifest-sha256 "$good")
    by_hand true
    [ "$status" -eq 0 ]
    [ "$output" = 'it works' ]
    by_hand change 's/works/plays/'
    refused_at_boot "not the $good of the command line"
    by_hand change '$s/$/ /'
    refused_at_boot "not the $good of the command line"
    by_hand changed_with_digest 's/"version": *[0-9]*/"version":99/'
    refused_at_boot 'version'
    by_hand changed_with_digest 's/^{/[/'
    refused_at_boot 'manifest'
    by_hand changed_with_digest 's/"session"/"sesion"/'
    refused_at_boot 'sesion'
    by_hand rm "$manifest"
    refused_at_boot 'manifest.json'
    ARGUMENTS=()
    by_hand true
    refused_at_boot '--manifest-sha256 is missing'
    run --separate-stderr "$DOCKER" run --rm --network none "$SHELL_IMAGE" --manifest-sha256 "$good" true
    echo "$status: $stderr"
    # Without the flags of a session that is noticed even earlier.
    [ "$status" -eq 211 ]
}

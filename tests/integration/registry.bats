#!/usr/bin/env bats
# Images by digest from a real registry on the loopback address.
# runs as: user

load common
load session

setup_file() {
    session_setup_file
    skip_unless 'needs docker-registry' command -v docker-registry
    start_registry
    # An image that only the registry has once its tags here are gone; most of its layers are shared.
    printf 'FROM %s\nCOPY marker /usr/share/marker\n' "$SHELL_IMAGE" >"$BATS_FILE_TMPDIR/Dockerfile"
    echo "published $$" >"$BATS_FILE_TMPDIR/marker"
    "$DOCKER" build -q -t "$REGISTRY/agents/shell:1" "$BATS_FILE_TMPDIR"
    "$DOCKER" push -q "$REGISTRY/agents/shell:1"
    export REFERENCE
    REFERENCE=$("$DOCKER" image inspect --format '{{index .RepoDigests 0}}' "$REGISTRY/agents/shell:1")
    forget_image
}

# A free port: between choosing and listening another may take it, so it is tried again.
start_registry() {
    local try port
    for try in 1 2 3 4 5; do
        port=$((20000 + (RANDOM + try) % 10000))
        cat >"$BATS_FILE_TMPDIR/registry.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $BATS_FILE_TMPDIR/registry}}
http: {addr: "127.0.0.1:$port"}
END
        docker-registry serve "$BATS_FILE_TMPDIR/registry.yml" >"$BATS_FILE_TMPDIR/registry.log" 2>&1 3>&- &
        export REGISTRY=127.0.0.1:$port REGISTRY_PID=$!
        if wait_for 5 bash -c "echo >/dev/tcp/127.0.0.1/$port" && kill -0 "$REGISTRY_PID"; then
            return
        fi
    done
    return 1
}

# The engine knows neither the tag nor the digest any more.
forget_image() {
    "$DOCKER" rmi -f "$REGISTRY/agents/shell:1" "$REFERENCE" >/dev/null 2>&1 || true
}

teardown_file() {
    session_teardown_file
    if [ -n "${REGISTRY_PID:-}" ]; then
        forget_image
        kill "$REGISTRY_PID" 2>/dev/null || true
    fi
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=registry-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
    PUBLISHED=$(cat "$BATS_FILE_TMPDIR/marker")
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
    forget_image
}

# How often the registry was asked for a manifest by digest.
pulls() {
    grep -c 'GET /v2/agents/shell/manifests/sha256:' "$BATS_FILE_TMPDIR/registry.log" || true
}

# refused TEXT: with 204, one line with TEXT behind the progress of the pull, and nothing is left.
refused() {
    echo "$status: $stderr"
    [ "$status" -eq 204 ]
    [ -z "$output" ]
    local said
    said=$(grep '^coding-agents: ' <<<"$stderr" | grep -v '^coding-agents: pulling ')
    [[ "$said" == "coding-agents: "*"$1"* ]]
    [ "$(grep -c . <<<"$said")" -eq 1 ]
    [ -z "$(ls "$XDG_STATE_HOME/coding-agents/sessions" 2>/dev/null)" ]
    [ "$(git -C "$REPO" for-each-ref --format='%(refname)')" = refs/heads/main ]
}

@test "--image NAME@sha256:DIGEST is pulled by digest and runs" {
    local before
    before=$(pulls)
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$REFERENCE" -- cat /usr/share/marker
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$output" = "$PUBLISHED" ]
    [ "$(pulls)" -gt "$before" ]
    [[ "$stderr" == *"coding-agents: pulling $REFERENCE"* ]]
    # What was checked is on record before the session began.
    run jq -r 'select(.event == "integrity-check").fields | .expected + " " + .outcome' <<<"$(events_of "$NAME")"
    [ "$output" = "${REFERENCE#*@} same" ]
    # It is here now: no registry is asked again.
    before=$(pulls)
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-again" --no-push --image "$REFERENCE" -- cat /usr/share/marker
    [ "$status" -eq 0 ]
    [ "$(pulls)" -eq "$before" ]
    "$CA" remove "$NAME-again" --yes --no-push
}

@test "images.lock names what a run without --image uses" {
    staged_installation "$BATS_TEST_TMPDIR/installed"
    local lock=$BATS_TEST_TMPDIR/installed/share/coding-agents/images.lock
    echo "shell $REFERENCE" >>"$lock"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- cat /usr/share/marker
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$output" = "$PUBLISHED" ]
    "$CA" remove "$NAME" --yes --no-push
    # The positive control: without that line it is the image of this machine, which has no such file.
    sed -i '/^shell/d' "$lock"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push -- cat /usr/share/marker
    [ "$status" -eq 1 ]
}

@test "a digest that the registry does not have is refused" {
    local wrong
    wrong=${REFERENCE%%@*}@sha256:$(printf '%064d' 0)
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$wrong" -- true
    refused "the image $wrong cannot be pulled"
    staged_installation "$BATS_TEST_TMPDIR/installed"
    echo "shell $wrong" >>"$BATS_TEST_TMPDIR/installed/share/coding-agents/images.lock"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- true
    refused "the image $wrong cannot be pulled"
    # It is on record that something was not what it should be.
    run jq -r 'select(.event == "integrity-check").fields | .expected + " " + .outcome' \
        "$XDG_STATE_HOME/coding-agents/security-events.log"
    [[ "$output" == *"sha256:$(printf '%064d' 0) refused"* ]]
}

@test "a registry that gives something else under the digest is refused" {
    local hex=${REFERENCE#*@sha256:} blob
    blob=$BATS_FILE_TMPDIR/registry/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data
    cp "$blob" "$BATS_TEST_TMPDIR/data"
    sed -i 's/"schemaVersion": 2/"schemaVersion":  2/' "$blob"
    run ! cmp -s "$blob" "$BATS_TEST_TMPDIR/data"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$REFERENCE" -- true
    cp "$BATS_TEST_TMPDIR/data" "$blob"
    refused "the image $REFERENCE cannot be pulled"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$REFERENCE" -- true
    [ "$status" -eq 0 ]
}

@test "a registry that does not answer is refused" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "127.0.0.1:1/agents/shell@${REFERENCE#*@}" -- true
    refused 'cannot be pulled'
}

@test "a tag of a registry is never pulled, and what is here under it is used by its id" {
    local before
    before=$(pulls)
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$REGISTRY/agents/shell:1" -- true
    refused 'NAME@sha256:DIGEST'
    [ "$(pulls)" -eq "$before" ]
    "$DOCKER" pull -q "$REGISTRY/agents/shell:1"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$REGISTRY/agents/shell:1" -- cat /usr/share/marker
    [ "$status" -eq 0 ]
    [ "$output" = "$PUBLISHED" ]
    [[ "$("$CA" status "$NAME" --json | jq -r .image)" == sha256:* ]]
}

@test "a line of images.lock that names no digest is refused with its number" {
    staged_installation "$BATS_TEST_TMPDIR/installed"
    echo "shell ${REFERENCE%%@*}:1" >"$BATS_TEST_TMPDIR/installed/share/coding-agents/images.lock"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- true
    refused 'images.lock'
    [[ "$stderr" == *'line 1'* ]]
}

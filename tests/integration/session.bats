#!/usr/bin/env bats
# A headless session from a person's repository to a branch in it.
# runs as: user, root in soak
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

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
    NAME=test-$BATS_TEST_NUMBER-$$
}

@test "the work comes back as a commit on the agent's branch" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo more >>file; echo new >untracked; echo no >x.ignored'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" log --format=%s -1 "shell/$NAME")" = "Save the work of shell/$NAME" ]
    [ "$(git -C "$REPO" show "shell/$NAME:file")" = $'hello\nmore' ]
    [ "$(git -C "$REPO" show "shell/$NAME:untracked")" = new ]
    run git -C "$REPO" cat-file -e "shell/$NAME:x.ignored"
    [ "$status" -ne 0 ]
    # Nothing else of the repository has changed.
    [ "$(git -C "$REPO" branch --show-current)" = main ]
    [ -z "$(git -C "$REPO" status --porcelain)" ]
    [ "$(git -C "$REPO" for-each-ref --format='%(refname)' | wc -l)" -eq 2 ]
    [ "$(git -C "$REPO" log --format='%an <%ae>' -1 "shell/$NAME")" = 'Test User <test@example.com>' ]
}

@test "uncommitted and untracked files travel, ignored ones only when asked" {
    echo dirty >>"$REPO/file"
    echo untracked >"$REPO/untracked"
    echo secret >"$REPO/a.ignored"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'cat file untracked; ls a.ignored'
    [ "$status" -eq 2 ]
    [ "$output" = $'hello\ndirty\nuntracked' ]
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-all" --include-ignored -- cat a.ignored
    [ "$status" -eq 0 ]
    [ "$output" = secret ]
}

@test "files that look like credentials stay in the volume and are named" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo KEY=1 >.env; mkdir d; echo k >d/id_rsa; echo x >code'
    [ "$status" -eq 0 ]
    [[ "$output" == *".env"* ]]
    [[ "$output" == *"d/id_rsa"* ]]
    [ "$(git -C "$REPO" show --format= --name-only "shell/$NAME")" = code ]
    # The positive control: without the guard they are committed.
    run "$CA" run shell "$REPO" --name "$NAME-secrets" --commit-secrets -- sh -c 'echo KEY=1 >.env'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show "shell/$NAME-secrets:.env")" = KEY=1 ]
}

# bats test_tags=soak
@test "the commit message is the one that was asked for" {
    run "$CA" run shell "$REPO" --name "$NAME" --commit-message $'A "subject"\n\nand a body' -- sh -c 'echo x >x'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" log --format=%B -1 "shell/$NAME")" = $'A "subject"\n\nand a body' ]
}

# bats test_tags=soak
@test "--no-push keeps the work in the volume" {
    run "$CA" run shell "$REPO" --name "$NAME" --no-push -- sh -c 'echo x >x'
    [ "$status" -eq 0 ]
    run git -C "$REPO" cat-file -e "shell/$NAME:x"
    [ "$status" -ne 0 ]
    run hardened_run --user 10000:10004 --mount "type=volume,source=$(container_of "$NAME"),destination=/volume,readonly" \
        --entrypoint git "$SHELL_IMAGE" -C /volume/workspace show HEAD:x
    [ "$status" -eq 0 ]
    [ "$output" = x ]
}

# bats test_tags=soak
@test "exit codes of the command pass through" {
    for code in 0 1 7 125 126 127 128 199 255; do
        run "$CA" run shell "$REPO" --name "$NAME-$code" --no-push -- sh -c "exit $code"
        [ "$status" -eq "$code" ]
    done
}

@test "a program of the repository is a command, and found where the agent itself could not execute it" {
    printf '#!/bin/sh\necho "$0 $1"; exit 9\n' >"$REPO/build.sh"
    chmod 0755 "$REPO/build.sh"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push -- ./build.sh --all
    [ "$status" -eq 9 ]
    [ "$output" = './build.sh --all' ]
    chmod 0644 "$REPO/build.sh"
    run "$CA" run shell "$REPO" --name "$NAME-refused" --no-push -- ./build.sh
    echo "$output"
    [ "$status" -eq 126 ]
}

# bats test_tags=soak
@test "a command killed by a signal gives 128 plus the signal, one that cannot start 127 or 126" {
    run "$CA" run shell "$REPO" --name "$NAME-kill" --no-push -- sh -c 'kill -KILL $$'
    [ "$status" -eq 137 ]
    run -127 "$CA" run shell "$REPO" --name "$NAME-missing" --no-push -- /no/such/program
    [ "$status" -eq 127 ]
    run "$CA" run shell "$REPO" --name "$NAME-refused" --no-push -- /etc/passwd
    [ "$status" -eq 126 ]
}

@test "standard input, output and error are the command's own" {
    run --separate-stderr bash -c 'printf "one\ntwo\n" | "$CA" run shell "$1" --name "$2" --no-push -- sort -r' - "$REPO" "$NAME"
    [ "$status" -eq 0 ]
    [ "$output" = $'two\none' ]
    # shellcheck disable=SC2154 # bats sets stderr
    [[ "$stderr" == *"boot finished in"* ]]
}

@test "--prompt runs a text with sh" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push --prompt 'echo "$((6 * 7))"; exit 5'
    [ "$status" -eq 5 ]
    [ "$output" = 42 ]
}

@test "two sessions on one repository at once" {
    "$CA" run shell "$REPO" -- sh -c 'echo a >a; sleep 1' >"$BATS_TEST_TMPDIR/a" 2>&1 3>&- &
    local first=$!
    "$CA" run shell "$REPO" -- sh -c 'echo b >b; sleep 1' >"$BATS_TEST_TMPDIR/b" 2>&1 3>&- &
    wait "$first"
    wait
    git -C "$REPO" rev-parse --verify -q shell/session-1
    git -C "$REPO" rev-parse --verify -q shell/session-2
    local files
    files=$(git -C "$REPO" show --format= --name-only shell/session-1 shell/session-2 | sort)
    [ "$files" = $'a\nb' ]
}

# bats test_tags=soak
@test "the current branch comes back under the agent's name" {
    git -C "$REPO" checkout -q -b feature
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --use-current-branch -- \
        sh -c 'git branch --show-current; echo x >x'
    [ "$status" -eq 0 ]
    [ "$output" = feature ]
    [ "$(git -C "$REPO" show shell/feature:x)" = x ]
    run git -C "$REPO" cat-file -e feature:x
    [ "$status" -ne 0 ]
}

# bats test_tags=soak
@test "a branch named by --branch is that branch" {
    run "$CA" run shell "$REPO" --name "$NAME" --branch topic/one -- sh -c 'echo x >x'
    [ "$status" -eq 0 ]
    [ "$(git -C "$REPO" show topic/one:x)" = x ]
}

@test "a session has no way to the host: mounts, privileges, network when restricted" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --no-push --network restricted -- sh -c '
        grep -c "source-repo\|/private/source\|docker.sock" /proc/self/mountinfo
        ls /run/coding-agents/private /run/coding-agents/volume 2>&1 | grep -c "Permission denied\|No such file"
        grep -E "^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):" /proc/self/status | tr -d "\t"
        touch /usr/x 2>/dev/null || echo read-only
        tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "'
    [ "$status" -eq 0 ]
    [ "$output" = "0
2
CapPrm:0000000000000000
CapEff:0000000000000000
CapBnd:0000000000000000
CapAmb:0000000000000000
NoNewPrivs:1
read-only
lo" ]
}

@test "the command's filter keeps user namespaces and mounts away" {
    run "$CA" run shell "$REPO" --name "$NAME" --no-push -- unshare --user --map-root-user --mount true
    [ "$status" -ne 0 ]
    # The positive control: the same program as the same user without that filter, with the container's profile.
    run "$DOCKER" run --rm --user 10000:10000 --cap-drop ALL --cap-add SYS_ADMIN --security-opt no-new-privileges:true \
        --security-opt "seccomp=$ROOT/policies/seccomp/agent.json" --security-opt apparmor=coding-agents \
        --entrypoint unshare "$SHELL_IMAGE" \
        --user --map-root-user --mount true
    [ "$status" -eq 0 ]
}

@test "what the session did is in the audit log, in order, and the chain holds" {
    run "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo x >x'
    [ "$status" -eq 0 ]
    local events up down
    events=$(events_of "$NAME" | jq -r .event)
    for event in session-config session-start boot-step boot-report service work-committed work-pushed shutdown-step \
        session-end audit-closed work-collected; do
        grep -qx "$event" <<<"$events"
    done
    up=$(events_of "$NAME" | jq -r 'select(.event == "boot-step") | .fields.step' | tr '\n' ' ')
    [ "$up" = 'kernel manifest mounts capabilities workspace git data runner broker secrets history drop setup agent ' ]
    down=$(events_of "$NAME" | jq -r 'select(.event == "shutdown-step") | .fields.step' | tr '\n' ' ')
    [ "$down" = 'history data git capabilities mounts ' ]
    # Each line names the digest of the exact bytes of the line before.
    events_of "$NAME" | {
        previous=
        while IFS= read -r line; do
            if [ -n "$previous" ]; then
                [ "$(jq -r .previous <<<"$line")" = "$(printf "%s\n" "$previous" | sha256sum | cut -d' ' -f1)" ]
            fi
            previous=$line
        done
    }
}

# bats test_tags=soak
@test "what weakens a session is on record, and nothing else" {
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- true
    [ -z "$(events_of "$NAME" | jq -r 'select(.event == "override-used")')" ]
    "$CA" run shell "$REPO" --name "$NAME-weak" --no-push --include-ignored --commit-secrets --engine-arg=--dns=9.9.9.9 -- true
    [ "$(events_of "$NAME-weak" | jq -r 'select(.event == "override-used") | .fields.what' | tr '\n' ' ')" = \
        '--commit-secrets --include-ignored --engine-arg=--dns=9.9.9.9 ' ]
}

# bats test_tags=soak
@test "proxies of the docker client stay out of a session, running or saved later" {
    mkdir "$BATS_TEST_TMPDIR/docker"
    echo '{"proxies":{"default":{"httpProxy":"http://me:canary@proxy:1","httpsProxy":"http://me:canary@proxy:1",
        "ftpProxy":"http://me:canary@proxy:1","allProxy":"http://me:canary@proxy:1","noProxy":"canary"}}}' \
        >"$BATS_TEST_TMPDIR/docker/config.json"
    # The control: the client does so by itself.
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker "$DOCKER" run --rm --network none --entrypoint env "$SHELL_IMAGE" | grep -q canary
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker "$CA" launch shell "$REPO" --name "$NAME" -- sh -c 'env >environment; exec sleep 600'
    local id container look='cat /proc/[0-9]*/environ'
    id=$(id_of "$NAME")
    container=coding-agents-$id
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker "$DOCKER" exec "$container" env >"$BATS_TEST_TMPDIR/exec"
    "$DOCKER" exec "$container" sh -c "$look" >>"$BATS_TEST_TMPDIR/exec" 2>/dev/null || true
    grep -q PATH= "$BATS_TEST_TMPDIR/exec"
    run -1 grep -aq canary "$BATS_TEST_TMPDIR/exec"
    run -1 grep -q canary <<<"$("$DOCKER" inspect "$container")"
    DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker "$CA" kill "$NAME"
    # The containers of a recovery and of the fetch after it, as the engine was asked for them.
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nprintf "%%s " "$@" >>%q\necho >>%q\nexec %q "$@"\n' "$BATS_TEST_TMPDIR/asked" "$BATS_TEST_TMPDIR/asked" \
        "$DOCKER" >"$BATS_TEST_TMPDIR/bin/docker"
    chmod 0755 "$BATS_TEST_TMPDIR/bin/docker"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH "$CA" sync "$NAME"
    [ "$(grep -c '^run .*--env HTTPS_PROXY= .*--env no_proxy= ' "$BATS_TEST_TMPDIR/asked")" -eq 2 ]
    [ "$(grep -c '^run ' "$BATS_TEST_TMPDIR/asked")" -eq 2 ]
    git -C "$REPO" show "shell/$NAME:environment" | grep -q PATH=
    run ! git -C "$REPO" grep -q canary "shell/$NAME"
    "$CA" remove "$NAME" --yes
}

@test "output that nobody reads any more ends the session in order, as a filter ends" {
    local statuses
    set +o pipefail
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo work >work; while :; do echo line; sleep 0.2; done' \
        2>"$BATS_TEST_TMPDIR/said" </dev/null | head -n 1 >"$BATS_TEST_TMPDIR/read"
    statuses=${PIPESTATUS[0]}
    cat "$BATS_TEST_TMPDIR/said"
    [ "$statuses" -eq 141 ]
    [ "$(cat "$BATS_TEST_TMPDIR/read")" = line ]
    grep -q 'nobody reads the output' "$BATS_TEST_TMPDIR/said"
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    [ "$("$CA" status "$NAME" --json | jq -r .phase)" = collected ]
}

@test "a dry run prints the one docker run and starts nothing" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --dry-run --json -- true
    [ "$status" -eq 0 ]
    [[ "$output" != *docker.sock* ]]
    [[ "$output" == *no-new-privileges:true* ]]
    [ -z "$("$DOCKER" ps -aq --filter "label=coding-agents.repo=$REPO")" ]
    run git -C "$REPO" rev-parse --verify -q "shell/$NAME"
    [ "$status" -ne 0 ]
}

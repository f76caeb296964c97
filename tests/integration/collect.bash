# What the tests of collecting share: a repository, a session's record, and a volume with work in it. The image is
# COLLECT_IMAGE, else the shell agent's: it needs git and the identities of policies/users.tab.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests, and from bats

setup_file() {
    DOCKER=$(command -v "$DOCKER")
    TREE=$BUILD/host
    COLLECT=$TREE/libexec/coding-agents/coding-agents-collect
    IMAGE=$("$DOCKER" image inspect --format '{{.Id}}' "${COLLECT_IMAGE:-$SHELL_IMAGE}")
    export DOCKER TREE COLLECT IMAGE
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_STATE_HOME=$BATS_TEST_TMPDIR/state XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -p "$HOME" "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR"
    chmod 0700 "$XDG_RUNTIME_DIR"
    git config --global user.name Tester
    git config --global user.email tester@example.org
    git config --global init.defaultBranch main
    ID=$(head -c 64 /dev/urandom | base32 -w0 | tr -d '=' | tr '[:upper:]' '[:lower:]' | head -c 8)
    REPOSITORY=$BATS_TEST_TMPDIR/repository
    VOLUME=coding-agents-$ID
    CANARY=$BATS_TEST_TMPDIR/canary
    BRANCH=shell/work
}

teardown() {
    "$DOCKER" rm -f "coding-agents-$ID" >/dev/null 2>&1 || true
    "$DOCKER" volume rm -f "$VOLUME" >/dev/null 2>&1 || true
    if [ -n "${VARIANT:-}" ]; then "$DOCKER" image rm -f "$VARIANT" >/dev/null 2>&1 || true; fi
}

# A repository with one commit; its id in BASE.
make_repository() {
    git init -q "$REPOSITORY"
    echo one >"$REPOSITORY/file"
    git -C "$REPOSITORY" add file
    git -C "$REPOSITORY" commit -q -m 'First commit'
    BASE=$(git -C "$REPOSITORY" rev-parse HEAD)
}

# The session's record. $1: phase.
write_state() {
    local directory=$XDG_STATE_HOME/coding-agents/sessions/$ID
    mkdir -p "$directory"
    chmod 0700 "$XDG_STATE_HOME/coding-agents" "$XDG_STATE_HOME/coding-agents/sessions" "$directory"
    "$DOCKER" volume create "$VOLUME" >/dev/null
    "$DOCKER" create --name "coding-agents-$ID" --network none --entrypoint true "$IMAGE" >/dev/null
    "$DOCKER" start "coding-agents-$ID" >/dev/null
    "$DOCKER" wait "coding-agents-$ID" >/dev/null
    jq -n --arg session "$ID" --arg phase "${1:-ended}" --arg repository "$REPOSITORY" --arg branch "$BRANCH" \
        --arg base "${BASE:-}" --arg ended "$(date -u +%FT%T.%6NZ)" --arg image "$IMAGE" --arg name "coding-agents-$ID" '{version: 1, session: $session,
        phase: $phase, agent: "shell", name: "work", repository: $repository, branch: $branch, host_branch: $branch,
        base_commit: $base, image: $image, container: $name, volume: $name, network: "none", engine_context: "", engine_id: "",
        is_interactive: false, is_persistent: false, push_enabled: true, created_at: "2026-01-02T03:04:05.678901Z",
        ended_at: $ended, exit_code: 0, cause: "", collected_commit: ""}' \
        >"$directory/state.json"
    # Its last changes are committed already, so that nothing has to be made up for.
    touch "$directory/recovered"
}

# Runs a script in a container as agentuser with the volume at /volume; the user's repository at /source.
in_volume() {
    "$DOCKER" run --rm -i --network none --user 0:0 --entrypoint sh \
        -v "$VOLUME:/volume" "$IMAGE" -c 'chown 0:10004 /volume; chmod 0710 /volume
            if [ ! -d /volume/local.git ]; then
                mkdir -p /volume/local.git /volume/work; chown 10000:10000 /volume/local.git /volume/work
            fi'
    # What the engine bind-mounts may not be readable for uid 10000: the objects travel as a bundle.
    if [ -n "${BASE:-}" ]; then
        git -C "$REPOSITORY" bundle create -q "$BATS_TEST_TMPDIR/bundle" HEAD
    else
        : >"$BATS_TEST_TMPDIR/bundle"
    fi
    "$DOCKER" run --rm -i --network none --user 0:0 --entrypoint sh -v "$VOLUME:/volume" "$IMAGE" \
        -c 'cat >/volume/work.bundle; chmod 0644 /volume/work.bundle' <"$BATS_TEST_TMPDIR/bundle"
    printf '%s\n' 'set -eu; export HOME=/volume/work GIT_CONFIG_GLOBAL=/volume/work/.gitconfig
        git config --global user.name Agent; git config --global user.email agent@example.org
        git config --global init.defaultBranch main; git config --global advice.detachedHead false
        cd /volume
        if [ ! -e local.git/HEAD ]; then
            git init -q --bare local.git; git init -q work/tree
            if [ -s work.bundle ]; then git -C work/tree fetch -q ../../work.bundle HEAD; git -C work/tree checkout -q -b main FETCH_HEAD; fi
        fi
        cd work/tree' "$1" | "$DOCKER" run --rm -i --network none --user 10000:10004 --entrypoint sh \
        -v "$VOLUME:/volume" "$IMAGE" -s
}

# The usual work: one commit on the session's branch, pushed.
usual_work() {
    in_volume "git checkout -q -b $BRANCH; echo two >>file; git commit -q -a -m 'Second commit'
        git push -q ../../local.git $BRANCH"
}

# A branch with everything that may bite, pushed.
biting_work() {
    in_volume "git checkout -q -b $BRANCH
        mkdir -p .github/workflows .husky deep/.vscode
        echo x >.github/workflows/ci.yml; echo x >.husky/pre-commit; echo x >deep/.vscode/tasks.json
        echo x >Makefile; echo x >plain.txt; echo x >run.sh; chmod +x run.sh; chmod +x file
        ln -s /etc/passwd absolute; ln -s ../../etc up; ln -s file inside
        printf x >\"\$(printf 'esc\033]0;owned\007')\"; printf x >\"\$(printf 'bytes\377')\"
        git add -A; git commit -q -m \"\$(printf 'Title \033[2J here')\"; git push -q ../../local.git $BRANCH"
}

fails_with() { # CODE WORDS: the last run ended so, with one line on stderr that says so
    echo "status $status: $output ${stderr:-}"
    [ "$status" -eq "$1" ]
    [[ $stderr == *"$2"* ]]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
}

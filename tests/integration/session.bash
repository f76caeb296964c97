# What tests of whole sessions share: a repository as people have it, a state of their own, and cleaning up.
# shellcheck shell=bash

CA=$BUILD/host/bin/coding-agents
export CA

# In setup_file: state and repositories of this file alone. Sessions are started with names, found by names.
session_setup_file() {
    export XDG_STATE_HOME=$BATS_FILE_TMPDIR/state
    export GIT_CONFIG_GLOBAL=$BATS_FILE_TMPDIR/gitconfig
    git config --global user.name 'Test User'
    git config --global user.email 'test@example.com'
    git config --global init.defaultBranch main
    git config --global advice.detachedHead false
    git config --global protocol.file.allow always
}

session_teardown_file() {
    # Whoever starts the tests may have sessions too.
    if [[ ${XDG_STATE_HOME:-} != "$BATS_RUN_TMPDIR"/* ]]; then return; fi
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
}

# new_repository PATH: private to its owner, with files that only the owner can read.
new_repository() {
    mkdir -p "$1"
    chmod 0700 "$1"
    git -C "$1" init -q
    printf 'hello\n' >"$1/file"
    printf '*.ignored\n' >"$1/.gitignore"
    chmod 0600 "$1/file" "$1/.gitignore"
    git -C "$1" add .
    git -C "$1" commit -q -m 'First commit'
}

# id_of NAME: the session's id.
id_of() {
    "$CA" status "$1" --json | jq -r .session
}

container_of() {
    echo "coding-agents-$(id_of "$1")"
}

# broker_of ID: the process that has the session's login.
broker_of() {
    pgrep -f "^[^ ]*coding-agents-broker .*--session $1 "
}

# runtime_of NAME: the session's directory in memory.
runtime_of() {
    local directory
    for directory in "${XDG_RUNTIME_DIR:-/nonexistent}/coding-agents" "/dev/shm/coding-agents-$(id -u)"; do
        if [ -d "$directory/$(id_of "$1")" ]; then
            echo "$directory/$(id_of "$1")"
        fi
    done
}

# events_of NAME: the audit log, a JSON object a line.
events_of() {
    cat "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$1")/events.jsonl"
}

# staged_installation DIRECTORY: what `make install` copies, in a place whose policies a test may change. CA is then its
# program.
staged_installation() {
    cp -R --no-preserve=ownership "$BUILD/host" "$1"
    CA=$1/bin/coding-agents
    export POLICIES=$1/share/coding-agents/policies
}

# edit_json FILE FILTER: changes the file with jq.
edit_json() {
    jq "$2" "$1" >"$1.new"
    mv "$1.new" "$1"
}

# chain_holds NAME: each line of the audit log names the digest of the exact bytes of the line before.
chain_holds() {
    events_of "$1" | {
        local line previous=
        while IFS= read -r line; do
            if [ -n "$previous" ] &&
                [ "$(jq -r .previous <<<"$line")" != "$(printf "%s\n" "$previous" | sha256sum | cut -d' ' -f1)" ]; then
                echo "does not follow: $line" >&2
                return 1
            fi
            previous=$line
        done
        [ -n "$previous" ]
    }
}

# with_broker SCRIPT: an installation whose broker is SCRIPT, which has the keeper's socket on descriptor 9.
with_broker() {
    local host=$BATS_TEST_TMPDIR/host
    cp -a "$BUILD/host" "$host"
    CA=$host/bin/coding-agents
    cat >"$host/libexec/coding-agents/coding-agents-broker" <<SCRIPT
#!/bin/bash
while [ "\$1" != --keeper-fd ]; do shift; done
eval "exec 9>&\$2"
$1
SCRIPT
}

# driver_image TAG DIRECTORY [RULES]: an image of which the agent is tests/helpers/exec-driver.c, which may become itself
# again, and each of its commands is trapped; RULES are more of the policy's. DIRECTORY is made for it.
DRIVER=/usr/local/bin/exec-driver
driver_image() {
    mkdir "$2"
    cp "$BUILD/tests/helpers/exec-driver" "$2"
    echo "shell agentcli agentcli.bpf idmapped $DRIVER $DRIVER none" >"$2/agents.tab"
    cat >"$2/test.json" <<POLICY
{"version": 1,
 "direct": [{"id": "test-agent", "agent": "shell", "from": "/usr/libexec/coding-agents/agentcli-exec",
   "program": "$DRIVER", "arguments": ["$DRIVER", "..."], "environment": "any"}],
 "rules": ${3:-[]}}
POLICY
    cat >"$2/Dockerfile" <<DOCKERFILE
FROM $SHELL_IMAGE
COPY exec-driver $DRIVER
COPY agents.tab /etc/coding-agents/agents.tab
COPY test.json /etc/coding-agents/exec.d/test.json
RUN /usr/libexec/coding-agents/record-programs
DOCKERFILE
    "$DOCKER" build -q -t "$1" "$2" >/dev/null
}

# claude_stand_in TAG [PROGRAM]: an image in which PROGRAM of tests/helpers, or login-agent, stands in for Claude. In
# setup_file.
claude_stand_in() {
    local directory=$BATS_FILE_TMPDIR/stand-in agent=${2:-login-agent} program=/opt/coding-agents/claude/bin/claude
    mkdir "$directory"
    cp "$BUILD/tests/helpers/$agent" "$directory"
    cat >"$directory/Dockerfile" <<DOCKERFILE
FROM $SHELL_IMAGE
COPY $agent $program
RUN /usr/libexec/coding-agents/record-programs
LABEL coding-agents.agent=claude
DOCKERFILE
    "$DOCKER" build -q -t "$1" "$directory" >/dev/null
}

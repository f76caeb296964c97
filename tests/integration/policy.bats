#!/usr/bin/env bats
# runs as: user
# coding-agents policy: no engine, no session.

bats_require_minimum_version 1.5.0
load common
load session

setup() {
    cat >"$BATS_TEST_TMPDIR/mine.json" <<'JSON'
{
  "version": 1,
  "rules": [
    {"id": "mine", "match": {"program": "git", "arguments": ["push", "..."], "agent": "shell"},
     "action": "sandbox", "tier": "network", "profile": "offline"},
    {"id": "here", "match": {"program": "make", "directory": "/workspace/deploy"},
     "action": "deny", "tier": "network", "message": "why", "instead": "that"}
  ]
}
JSON
}

@test "the shipped policy is sound" {
    run "$CA" policy check
    [ "$status" -eq 0 ]
    [[ $output == *': nothing is wrong' ]]
    [ "$("$CA" policy check --json | jq '.rules > 50 and .direct > 0 and .profiles >= 2')" = true ]
}

@test "policy test says what becomes of a command, and ends with 1 for a denial" {
    run "$CA" policy test -- git status
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 'action   sandbox' ]
    [ "${lines[1]}" = 'rule     read-git' ]
    run "$CA" policy test -- sh -c 'cd x && env A=b git push --force'
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = 'action   deny' ]
    [[ ${lines[4]} == 'message  denied by rule git-force-push: '*'; instead '* ]]
    run "$CA" policy test --json -- git push --force
    [ "$status" -eq 1 ]
    [ "$(jq -r '[.action, .rule, .tier, .profile, .is_observed] | join(" ")' <<<"$output")" = 'deny git-force-push destructive default false' ]
}

@test "a file of one's own comes first, and only for its agent and directory" {
    mine=$BATS_TEST_TMPDIR/mine.json
    run "$CA" policy test "--policy=$mine" -- git push --force
    [ "$status" -eq 0 ]
    [[ $output == *$'rule     mine\n'*'profile  offline' ]]
    run "$CA" policy test "--policy=$mine" --agent=codex -- git push --force
    [ "$status" -eq 1 ]
    run "$CA" policy test "--policy=$mine" --cwd=/workspace/deploy -- make
    [ "$status" -eq 1 ]
    run "$CA" policy test "--policy=$mine" -- make
    [ "$status" -eq 0 ]
    mkdir "$BATS_TEST_TMPDIR/before"
    sed 's/"mine"/"first"/; s/"here"/"first-here"/' "$mine" >"$BATS_TEST_TMPDIR/before/a.json"
    run "$CA" policy test "--policy=$BATS_TEST_TMPDIR/before:$mine" -- git push
    [[ $output == *$'rule     first\n'* ]]
}

@test "observe runs what a rule denies, and says so" {
    echo '{"version": 1, "mode": "observe"}' >"$BATS_TEST_TMPDIR/observe.json"
    run "$CA" policy test "--policy=$BATS_TEST_TMPDIR/observe.json" -- git push --force
    [ "$status" -eq 0 ]
    [[ $output == 'action   sandbox (the rule denies or asks, the policy only observes)'$'\nrule     git-force-push\n'* ]]
}

@test "policy show has every rule with its place, in order" {
    run "$CA" policy show "--policy=$BATS_TEST_TMPDIR/mine.json"
    [ "$status" -eq 0 ]
    [[ $output == *"mine"*"$BATS_TEST_TMPDIR/mine.json:4"*"git-force-push"*"default.json:"* ]]
    [ "$("$CA" policy show --json --agent=other | jq -r '.rules[0] | "\(.id) \(.file | endswith("/default.json")) \(.line > 0)"')" = 'git-force-push true true' ]
    # Those of the terminal are everybody's, those of a vendor's program its agent's.
    [ "$("$CA" policy show --json --agent=other | jq '.direct | length')" = 5 ]
    [ "$("$CA" policy show --json --agent=codex | jq '.direct | length')" = 7 ]
}

@test "a malformed file is named with line and key" {
    sed 's/"offline"/"offlien"/' "$BATS_TEST_TMPDIR/mine.json" >"$BATS_TEST_TMPDIR/bad.json"
    run --separate-stderr "$CA" policy check "$BATS_TEST_TMPDIR/bad.json"
    [ "$status" -eq 205 ]
    # shellcheck disable=SC2154 # bats sets stderr
    [ "$stderr" = "coding-agents policy: $BATS_TEST_TMPDIR/bad.json:5: rules[0].profile: no file has a profile of this name" ]
    run --separate-stderr "$CA" policy check "$BATS_TEST_TMPDIR/nowhere"
    [ "$status" -eq 205 ]
    run "$CA" policy check "$BATS_TEST_TMPDIR/mine.json"
    [ "$status" -eq 0 ]
}

@test "a bad line is refused" {
    for line in '' frobnicate 'show x' test 'check --alone' 'test --nosuch -- x'; do
        # shellcheck disable=SC2086 # words
        run "$CA" policy $line
        [ "$status" -eq 200 ]
    done
}

# The rows of the table in which bash has a forced push to find, each as one line of base64.
forced_pushes() {
    jq -r '.seen[] | select(length == 4 and .[0] == "deny destructive git-force-push" and .[1] == "bash" and .[2] == "-c")
        | .[3] | select(test("/git|zsh") | not) | @base64' "$ROOT/tests/unit/policy/verdicts.json"
}

@test "a real bash runs the forced push in every string that the table says has one" {
    mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/here"
    touch "$BATS_TEST_TMPDIR/here/x"
    # Fails the first time, so that loops of either kind end.
    cat >"$BATS_TEST_TMPDIR/bin/git" <<'SH'
#!/bin/sh
printf '%s\n' "$*" >>"$RECORD"
[ "$(wc -l <"$RECORD")" -gt 1 ]
SH
    chmod +x "$BATS_TEST_TMPDIR/bin/git"
    export RECORD=$BATS_TEST_TMPDIR/record
    tried=0
    while read -r row; do
        text=$(base64 -d <<<"$row")
        rm -f "$RECORD"
        (cd "$BATS_TEST_TMPDIR/here" && PATH=$BATS_TEST_TMPDIR/bin:$PATH timeout 60 bash -c "$text") >/dev/null 2>&1 </dev/null || true
        # What the string leaves running (coproc, &) may take a moment.
        for _ in {1..200}; do
            ! grep -qE '^(.* )?push --force( |$)' "$RECORD" 2>/dev/null || break
            sleep 0.05
        done
        if ! grep -qE '^(.* )?push --force( |$)' "$RECORD" 2>/dev/null; then
            echo "not run: $text"
            return 1
        fi
        tried=$((tried + 1))
    done < <(forced_pushes)
    [ "$tried" -gt 100 ]
    # The other way round: a string without one.
    rm -f "$RECORD"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH bash -c "echo 'git push --force' # git push --force"
    [ ! -e "$RECORD" ]
}

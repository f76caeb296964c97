#!/usr/bin/env bats
# Attacks on the exec trap that take minutes.
# runs as: root

load ../integration/common

@test "more relays that never connect than the task runner has room for: who comes behind them is served" {
    export LOG=$BATS_TEST_TMPDIR/log
    # It looks which of them are relays.
    run env RELAY_MODE=0755 "$ROOT/tests/attack/tree" bash -c 'timeout 240 "$ATTACK" 10001 stopped-relays'
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q 'killed: the relay did not connect' "$LOG.runner"
}

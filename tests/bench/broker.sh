#!/bin/bash
# The broker of a login: how long a redemption takes, how many requests a second it answers, and its memory. Root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

LOAD=build/tests/bench/broker_load
BROKERS=${BROKERS:-100}
SECONDS_EACH=${SECONDS_EACH:-2}
make -C "$ROOT" --no-print-directory -s "$LOAD" build/host/libexec/coding-agents/coding-agents-broker
LOAD=$ROOT/$LOAD

for ((i = 0; i < REPEATS; i++)); do
    "$LOAD" "$BROKERS" "$SECONDS_EACH" 1 64 | keep broker load
done
tell 'redeem, p50' us "of $BROKERS, from the connection to the secret" <"$WORK/p50-broker-load"
tell 'redeem, p99' us "of $BROKERS, from the connection to the secret" <"$WORK/p99-broker-load"
tell 'requests, 1 client' /s 'a connection each, judged to its end: spent' <"$WORK/rate-1-broker-load"
tell 'requests, 64 clients' /s 'a connection each, judged to its end: spent' <"$WORK/rate-64-broker-load"
tell 'memory, VmRSS' KiB 'with a login' <"$WORK/RSS-broker-load"
tell 'memory, VmLck' KiB 'with a login' <"$WORK/Lck-broker-load"

#!/bin/bash
# configure and make of a Debian source package, coreutils, as one trapped command against the same in the same container
# untrapped, as agentuser both times: interleaved, each in a fresh tree on the session's volume.
#
# It makes about 20,000 execs. configure and make: 17,253, as `coding-agents record` has them for the command, one by one or
# counted; the programs of its tests, which are built and not run: 4,157, counted with strace -f --seccomp-bpf -z -e
# trace=execve,execveat on another Debian 12. Each repeat counts anew and tells.
# shellcheck source-path=SCRIPTDIR
REPEATS=${REPEATS:-3}
. "$(dirname "$0")/common.bash"

WAYS=(untrapped trapped)
TREE=/workspace/build
PROBE_LOOK=0.5
# shellcheck disable=SC2016 # expanded inside
BUILD='cd "$0" && exec >build.log 2>&1 && ./configure --quiet --disable-nls && make --silent -j"$(nproc)"'
# The tests' programs are built as well, and not run. On one line, as a request has its words.
# shellcheck disable=SC2016
BUILD+=' && make --silent -j"$(nproc)" check TESTS='

# apt verifies the source with Debian's keys.
make_image() {
    probe_image "$ROOT/images/install-packages" "$ROOT/images/packages/bench-build" <<'DOCKERFILE'
COPY install-packages /tmp/bench/
COPY bench-build /tmp/bench/packages/
RUN sh /tmp/bench/install-packages bench-build
WORKDIR /usr/local/src
RUN echo 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main' \
        >/tmp/bench/sources.list \
 && echo 'Dir::Etc { SourceList "/tmp/bench/sources.list"; SourceParts "-"; };' >/tmp/bench/apt.conf \
 && export APT_CONFIG=/tmp/bench/apt.conf && apt-get update -qq && apt-get source -qq coreutils \
 && tar -cf tree.tar coreutils-*/ && echo coreutils-*/ >name && rm -r coreutils-*
WORKDIR /
DOCKERFILE
}

fresh_tree() {
    inside 10000 sh -c 'rm -rf "$0" && mkdir "$0" && tar -x -f /usr/local/src/tree.tar --strip-components=1 -C "$0" && sync' \
        "$TREE"
}

# build WAY: its seconds are kept. One that failed is no measurement.
build() {
    fresh_tree
    probe_measure "$1" 1 1 /bin/sh -c "$BUILD" "$TREE" | keep build "$1"
    if [ "$(tail -1 "$WORK/failed-build-$1")" -ne 0 ]; then
        echo "bench: the build failed, $1:" >&2
        inside 10000 tail -20 "$TREE/build.log" >&2
        return 1
    fi
    awk 'END { printf "%.2f\n", $1 / 1000000 }' "$WORK/p50-build-$1" >>"$WORK/seconds-$1"
}

# Execs inside the last trapped build, as the record has them: one by one, or counted.
count_execs() {
    "$CA" record bench --json | jq -s --arg tree "$TREE" 'map(select(.argv[-1]? == $tree))[-1] | (.nested | length) + .lost'
}

make_image
probe_start_session
for ((i = 0; i < REPEATS; i++)); do
    # The other one goes first each time.
    for ((j = 0; j < ${#WAYS[@]}; j++)); do
        build "${WAYS[(i + j) % ${#WAYS[@]}]}"
    done
    count_execs >>"$WORK/execs"
done
name=$(inside 10000 cat /usr/local/src/name)
inside 10000 rm -rf "$TREE"
probe_stop_session

for way in "${WAYS[@]}"; do
    tell "build, $way" s "configure and make of ${name%/}" <"$WORK/seconds-$way"
done
tell_ratio 'build, trapped to untrapped' paired "$WORK/seconds-trapped" "$WORK/seconds-untrapped"
tell 'build, execs inside' execs 'as on record' <"$WORK/execs"

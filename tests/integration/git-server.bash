# A git server behind TLS and a password, with an authority of the tests' own.
# shellcheck shell=bash

# start_git_server DIRECTORY PASSWORD: serves the repositories below DIRECTORY until stop_git_server; SITE is where. The
# certificate of who vouches for it is DIRECTORY.ca.pem, what it was asked is in DIRECTORY.log. In setup_file or a test; what
# the machine has for all of git would stand before what a test says, so that is gone.
start_git_server() {
    local at=$1
    unset GIT_SSL_CAINFO
    mkdir "$at"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$at.ca.key" -out "$at.ca.pem" \
        -subj /CN=tests -days 30 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$at.key" -out "$at.csr" \
        -subj /CN=localhost 2>/dev/null
    printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE' >"$at.extensions"
    openssl x509 -req -in "$at.csr" -CA "$at.ca.pem" -CAkey "$at.ca.key" -CAcreateserial -out "$at.pem" \
        -days 30 -extfile "$at.extensions" 2>/dev/null
    echo "$2" >"$at/password"
    : >"$at.log"
    "$ROOT/tests/integration/serve-git" "$at" "$at.pem" "$at.key" "$at.port" "$at.log" >"$at.out" 2>&1 3>&- &
    echo $! >"$at.pid"
    wait_for 60 test -s "$at.port"
    export SITE
    SITE=localhost:$(<"$at.port")
}

stop_git_server() {
    kill "$(<"$1.pid")" || true
}

#!/usr/bin/env bats
# The programs that ship are built as docs say: read from the files with readelf, not assumed from flags.

load common

setup() {
    bats_require_minimum_version 1.5.0
}

# Programs that ship: everything in the staging trees that is ELF. DYNAMIC, WHOLE (the C library's, with all libraries
# inside) or STATIC (of the smaller C library, at a fixed address) tells which.
programs() {
    local file
    while read -r file; do
        if readelf -h "$file" >/dev/null 2>&1; then
            if readelf -lW "$file" | grep -q INTERP; then
                echo "dynamic $file"
            elif readelf -hW "$file" | grep -q 'Type: *DYN'; then
                echo "whole $file"
            else
                echo "static $file"
            fi
        fi
    done < <(find "$BUILD/host" "$BUILD/image" -type f -perm /111)
}

# each KIND CHECK: runs the check on each program of the kind, there must be one.
each() {
    local kind=$1 check=$2 file count=0
    while read -r file; do
        "$check" "$file" || { echo "${file#"$BUILD"/}: $check"; return 1; }
        count=$((count + 1))
    done < <(programs | sed -n "s/^$kind //p")
    [ "$count" -gt 0 ]
}

is_pie() { readelf -hW "$1" | grep -q 'Type: *DYN'; }
is_fixed() { readelf -hW "$1" | grep -q 'Type: *EXEC'; }
has_relro() { readelf -lW "$1" | grep -q GNU_RELRO; }
binds_now() { readelf -dW "$1" | grep -qE 'BIND_NOW|FLAGS.* NOW'; }
has_no_executable_stack() { readelf -lW "$1" | grep GNU_STACK | grep -q 'RW '; }
has_no_writable_code() { ! readelf -lW "$1" | grep LOAD | grep -q 'RWE'; }
has_stack_protector() { readelf -sW "$1" | grep -q __stack_chk_fail; }
# FORTIFY replaces calls whose buffer's size the compiler sees. A program with formatted output, and none checked, is
# one that was compiled without it.
is_fortified() { uses_a_checked_twin "$1" || ! readelf -sW "$1" | grep -qE ' v?(printf|fprintf|dprintf|snprintf|asprintf)@'; }
uses_a_checked_twin() { readelf -sW "$1" | grep -qE 'printf_chk(@|$)'; }
has_no_interpreter() { ! readelf -lW "$1" | grep -q INTERP; }
needs_nothing() { ! readelf -dW "$1" 2>/dev/null | grep -q NEEDED; }
has_no_rpath() { ! readelf -dW "$1" 2>/dev/null | grep -qE 'RPATH|RUNPATH'; }
has_no_build_path() { ! grep -qaF "$ROOT" "$1"; }
# Debian's start files carry no property note, so the linker sets none: the code itself is looked at.
has_branch_protection() { objdump -d --section=.text "$1" | grep -qE 'endbr64|paciasp|bti'; }

@test "programs of the C library are position independent" { each dynamic is_pie; }
@test "their relocations are read-only from the start" {
    each dynamic has_relro
    each dynamic binds_now
}
@test "their stacks are guarded" { each dynamic has_stack_protector; }
@test "they are fortified" {
    each dynamic is_fortified
    uses_a_checked_twin "$BUILD/image/usr/libexec/coding-agents/agent-boot"
}
@test "they carry branch protection" { each dynamic has_branch_protection; }
@test "programs with their libraries inside are as hard as those without" {
    for check in is_pie has_relro binds_now has_stack_protector uses_a_checked_twin has_branch_protection \
        has_no_interpreter needs_nothing has_no_executable_stack has_no_writable_code has_no_build_path; do
        each whole "$check"
    done
}
@test "static programs need no interpreter and no library" {
    each static has_no_interpreter
    each static needs_nothing
    each static is_fixed
    each static has_relro
}
@test "no program has an executable stack or writable code" {
    for kind in static dynamic; do
        each $kind has_no_executable_stack
        each $kind has_no_writable_code
    done
}
@test "no program looks for libraries in a path of its own, or tells where it was built" {
    for kind in static dynamic; do
        each $kind has_no_rpath
        each $kind has_no_build_path
    done
}

@test "static programs have their stack guard checked" {
    # Stripped: the call is looked for by what it does. musl's handler executes hlt.
    local file
    while read -r file; do
        objdump -d "$file" | grep -qE '%fs:0x28|tpidr_el0' || { echo "$file"; false; }
    done < <(programs | sed -n 's/^static //p')
}

@test "the checks can fail" {
    printf '#include <stdio.h>\nint main(int c, char **v) { char t[9]; snprintf(t, 9, v[0], c); return t[0]; }\n' \
        >"$BATS_TEST_TMPDIR/plain.c"
    gcc -no-pie -z execstack -z norelro -fno-stack-protector -o "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/plain.c"
    for check in is_pie has_relro binds_now has_no_executable_stack has_stack_protector is_fortified has_no_interpreter needs_nothing; do
        if "$check" "$BATS_TEST_TMPDIR/plain"; then
            echo "$check"
            false
        fi
    done
}

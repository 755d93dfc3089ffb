# shellcheck shell=bash
# What the scripts of the project share: messages, quiet steps, building. Sourced with `program` set.

: "${program:?}"
export LC_ALL=C

say() { printf '%s: %s\n' "$program" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# For wrong words on the command line.
refuse() {
    say "$*"
    exit 2
}

# Runs a command and shows what it printed only if it fails; returns its exit code.
quietly() {
    local log code=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || code=$?
    (( code == 0 )) || tail -n 60 "$log" >&2
    rm -f "$log"
    return "$code"
}

# step TEXT COMMAND...: says what is done and for how long it took; stops if it fails.
step() {
    local text=$1 began=$SECONDS
    shift
    say "$text"
    quietly "$@" || die "failed: $*"
    (( SECONDS - began < 2 )) || say "  done in $((SECONDS - began)) s"
}

# The comment at the head of the script that runs, as its help.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

# What Open MPI needs here.
mpi_environment() {
    local -a settings
    mapfile -t settings < <(grep -v '^#' "$(dirname "${BASH_SOURCE[0]}")/mpi-environment")
    export "${settings[@]:?}"
}

# build PRESET [TARGET...]: configures and builds; a build that is there takes a second.
build() {
    local preset=$1
    shift
    step "configuring build/$preset" cmake --preset "$preset"
    step "building build/$preset on $(nproc) cores" cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"}
}

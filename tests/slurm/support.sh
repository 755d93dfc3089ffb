# shellcheck shell=bash
# What the tests of the batch scripts share: a cluster of their own, models, checks. Sourced; DARE_BIN is where the programs are.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
family=$root/examples/family
# shellcheck source=tools/lib/python.sh
. "$root/tools/lib/python.sh"
: "${DARE_BIN:?is the folder of the programs}"
export DARE_BIN LAUNCHER=${LAUNCHER:-srun}
checks=0

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    show_logs
    exit 1
}

show_logs() {
    local log
    for log in "${work:-/nonexistent}"/*.log; do
        [[ -e $log ]] || continue
        printf -- '---- %s\n' "${log##*/}" >&2
        tail -n 40 "$log" >&2
    done
}

# Starts a cluster of $1 nodes in a folder of its own, which is left as the working folder; all ends with the test.
start_cluster() {
    local tool nodes=$1 exports
    shift
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    for tool in munged slurmctld slurmd sbatch mpirun; do
        if [[ -z $(command -v "$tool") ]]; then
            echo "skipped: no $tool here (Debian: apt-get install slurm-wlm munge openmpi-bin)"
            exit 77
        fi
    done
    work=$(mktemp -d "${TMPDIR:-/tmp}/dare-slurm.XXXXXX")
    trap 'code=$?; stop_cluster; exit $code' EXIT
    trap 'echo "FAILED: ended by the watchdog" >&2; timeout 10 squeue >&2; show_logs; exit 1' TERM INT HUP
    cluster=$("$here/mini-slurm" start --nodes "$nodes" --dir "$work/slurm" "$@")
    exports=$("$here/mini-slurm" env --dir "$cluster")
    eval "$exports"
    cd "$work"
}

stop_cluster() {
    trap - EXIT TERM INT HUP
    cd /
    if [[ -n ${cluster:-} ]]; then "$here/mini-slurm" stop --dir "$cluster" >/dev/null 2>&1 || true; fi
    rm -rf "$work"
    printf '%d checks\n' "$checks"
}

# job [SBATCH OPTION...] SCRIPT ARGUMENT...: submits a script of jobs/, e.g. merge.sbatch, and prints the id.
job() {
    local -a words=()
    for word in "$@"; do
        if [[ $word == *.sbatch ]]; then word=$root/jobs/$word; fi
        words+=("$word")
    done
    sbatch --parsable "${words[@]}"
}

# Waits for the end of a job and sets code to its exit code.
await() {
    code=0
    "$here/mini-slurm" wait "$1" --dir "$cluster" || code=$?
}

# expect_code WANTED JOB
expect_code() {
    await "$2"
    (( code == $1 )) || fail "job $2: exit code $code, expected $1"
    checks=$((checks + 1))
}

expect_equal() {
    cmp "$1" "$2" || fail "$1 differs from $2"
    checks=$((checks + 1))
}

# expect_text FILE TEXT
expect_text() {
    grep -qF -- "$2" "$1" || fail "\"$2\" is not in ${1##*/}"
    checks=$((checks + 1))
}

expect_absent() {
    local path
    for path in "$@"; do
        [[ ! -e $path ]] || fail "$path should not be there"
        checks=$((checks + 1))
    done
}

# until_true SECONDS COMMAND...
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        (( SECONDS < deadline )) || fail "not within the time: $*"
        sleep 0.1
    done
}

is_running() { [[ $(squeue -h -j "$1" -o %T) == RUNNING ]]; }

# Has a merge of slow_models into $1 done a block? The journal ends with a record of 64 bytes for each of the 32, zero until it is done.
has_begun() { [[ -s .$1.journal && $(tail -c $((32 * 64)) ".$1.journal" | tr -d '\0' | wc -c) != 0 ]]; }

queue_is_empty() { [[ -z $(squeue -h) ]]; }

# A program with its arguments as one rank, here and now: what a job's output must equal.
local_run() {
    local program=$1
    shift
    "$DARE_BIN/$program" "$@" >"$work/local.out" 2>&1 || fail "$program $* failed here: $(cat "$work/local.out")"
}

# A recipe of the digits family, three models, p = 0.9, in ./recipe.yml.
family_recipe() {
    cat > recipe.yml <<YAML
merge_method: dare_linear
base_model: $family/base
models:
  - {model: $family/digit, parameters: {drop_rate: 0.9}}
  - {model: $family/turn, parameters: {drop_rate: 0.9}}
  - {model: $family/parity, parameters: {drop_rate: 0.9}}
seed: 42
YAML
}

# ./recipe.yml of a merge that can be interrupted: dare-merge looks at signals after every 256 MiB that a rank has moved, so 40 models,
# which are one file with 40 streams, make many such slices of little disk.
slow_models() {
    local i
    "$(numpy_python)" "$here/make_models.py" --tensors 32 base tuned
    {
        printf 'merge_method: dare_linear\nbase_model: base\nseed: 42\nmodels:\n'
        for (( i = 0; i < 40; i++ )); do printf '  - {model: tuned, parameters: {weight: 0.025, drop_rate: 0.9}}\n'; done
    } > recipe.yml
}

# Sets slow_bin to a folder of the same programs, which wait $1 ms at each large write.
slow_programs() {
    local program
    slow_bin=$work/slow
    mkdir -p "$slow_bin"
    for program in "$DARE_BIN"/dare-*; do
        printf '#!/bin/sh\nexport LD_PRELOAD=%s DARE_TEST_WRITE_DELAY_MS=%d\nexec %s "$@"\n' "$DARE_SLOW_WRITES" "$1" "$program" \
            > "$slow_bin/${program##*/}"
    done
    chmod +x "$slow_bin"/*
}

# slow_cluster NODES [OPTION OF mini-slurm start...]: a cluster, ./recipe.yml of a merge that can be interrupted, and in ./local what comes of it.
slow_cluster() {
    start_cluster "$@"
    slow_models
    slow_programs 50
    local_run dare-merge recipe.yml local
}

# begin OUTPUT WORD...: submits the job WORD... with slow programs, which merges into OUTPUT; sets id, and returns once a block is done.
begin() {
    local output=$1
    shift
    id=$(DARE_BIN=$slow_bin job "$@")
    until_true 60 is_running "$id"
    until_true 60 has_begun "$output"
}

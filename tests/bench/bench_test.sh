#!/usr/bin/env bash
# Each benchmark runs to its end, with models too small to measure anything, and prints the lines that docs/performance.md was made from.
#
#   tests/bench/bench_test.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# bench TEXT SCRIPT OPTION...: the script ends well and prints a line with this text and a figure behind it.
bench() {
    local text=$1 script=$2 code=0
    shift 2
    "$here/$script" --gigabytes 0.01 --runs 1 --folder "$scratch" --build "$build" "$@" > "$scratch/printed" 2>&1 || code=$?
    if (( code != 0 )) || ! grep -E -q "^$text.* [0-9]+\.[0-9]+" "$scratch/printed"; then
        echo "FAILED: $script $*: exit code $code, a line \"$text\" is expected: $(cat "$scratch/printed")"
        exit 1
    fi
}

bench 'merge / floor, to disk on the way ' run --study floor
bench 'merge, --writers node ' run --study writers
bench 'journal / merge: ' run --study journal
bench '--memory-per-rank +2 MiB, model ' run --study memory
bench '  of it the merge ' run --study start
bench 'HDF5 -> safetensors, 2 ranks ' convert --ranks 2
bench 'statistics / merges ' sweep --rates 2
for text in 'sweep of models / floor' 'floor, 2 files'; do grep -q "^$text " "$scratch/printed" || { echo "FAILED: no \"$text\""; exit 1; }; done
echo '7 benchmarks'

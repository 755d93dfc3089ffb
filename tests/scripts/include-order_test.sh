#!/usr/bin/env bash
# The order of modules holds; and the check sees an include that breaks it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
check() { python3 "$here/include_order.py" "$@"; }
check

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/src/low "$scratch"/src/high "$scratch"/include/dare/high
printf 'add_subdirectory(low)\nadd_subdirectory(high)\n' > "$scratch/src/CMakeLists.txt"
printf '#include <dare/high/a.hpp>\n' > "$scratch/src/low/a.cpp"
touch "$scratch/include/dare/high/a.hpp"
code=0
text=$(check "$scratch") || code=$?
expected='src/low/a.cpp:1: low includes dare/high/a.hpp, but high comes after low
1 includes, 1 against the order'
[[ $code == 1 && $text == "$expected" ]] || { echo "FAILED: exit code $code: $text"; exit 1; }

#!/usr/bin/env bash
# tools/lib/packages.sh finds what is missing, also where dpkg has never heard of a package: the bare machine.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=packages_test
# shellcheck source=tools/lib/common.sh
. "$root/tools/lib/common.sh"
# shellcheck source=tools/lib/packages.sh
. "$root/tools/lib/packages.sh"
command -v dpkg-query >/dev/null || { echo "no dpkg-query here: skipped"; exit 77; }

# As dare_install reads it: in a process substitution a failing command ends the function.
mapfile -t missing < <(dare_missing_packages coreutils no-such-package-here bash)
[[ ${missing[*]} == no-such-package-here ]] || die "of coreutils, no-such-package-here and bash missing: ${missing[*]}"
mapfile -t missing < <(dare_missing_packages coreutils bash)
(( ${#missing[@]} == 0 )) || die "said to be missing though they are installed: ${missing[*]}"

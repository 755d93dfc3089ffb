#!/usr/bin/env bash
# Each script answers --help with its usage and exit code 0, from any folder, and each batch script names no account, partition or path.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fail() { echo "FAILED: $*"; exit 1; }
cd /
count=0
for script in "$root"/jobs/*.sbatch "$root"/jobs/submit "$root"/tools/quickstart "$root"/tools/study/study "$root"/tests/run; do
    text=$(env -u SLURM_JOB_ID bash "$script" --help 2>&1) || fail "$script --help: exit code $?"
    grep -q "${script##*/}\|sbatch" <<< "$text" || fail "$script --help does not say how it is called"
    ! grep -q '^#\|^set -' <<< "$text" || fail "$script --help shows its code: $text"
    count=$((count + 1))
done
(( count >= 10 )) || fail "only $count scripts"
if grep -nE '^#SBATCH.*(--account|-A |--partition|-p |--chdir|-D |=/)' "$root"/jobs/*.sbatch; then fail 'a batch script is tied to one site'; fi
for script in "$root"/jobs/merge.sbatch "$root"/jobs/convert.sbatch "$root"/jobs/chain.sbatch; do
    code=0
    env -u SLURM_JOB_ID bash "$script" only-one 2>/dev/null || code=$?
    (( code == 2 )) || fail "$script with too few arguments: exit code $code, expected 2"
done
code=0
"$root/jobs/submit" no-such-recipe out 2>/dev/null || code=$?
(( code == 2 )) || fail "jobs/submit without a recipe: exit code $code, expected 2"
echo "$count scripts"

#!/usr/bin/env bash
# jobs/submit: convert -> merge -> verify -> evaluate by dependencies; what follows a failed job never runs.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 3
family_recipe
local_run dare-merge recipe.yml local
mkdir 'a & b'
sed "s|$family/base|a \& b/base.h5|; s|{model: $family/digit|{model: 'a \& b/digit.h5'|" recipe.yml > h5.yml
python=$(numpy_python)

"$root/jobs/submit" --convert "$family/base=a & b/base.h5" --convert "$family/digit=a & b/digit.h5" --sbatch "--nodes=2 --ntasks-per-node=1" \
    --evaluate "$python $family/evaluate.py" --results results.txt h5.yml merged -- --writers all > ids.txt || fail "jobs/submit: $?"
[[ $(awk '{print $1}' ids.txt | tr '\n' ' ') == 'convert convert merge verify evaluate ' ]] || fail "printed: $(cat ids.txt)"
while read -r _ id _; do expect_code 0 "$id"; done < ids.txt
expect_equal merged/model.safetensors local/model.safetensors
"$python" "$family/evaluate.py" local | sed 's/^local/merged/' > expected.txt
expect_equal results.txt expected.txt

"$root/jobs/submit" --test-only h5.yml third 2>test-only.txt || fail "--test-only: $(cat test-only.txt)"
queue_is_empty || fail "--test-only left jobs: $(squeue)"

for wrong in "--convert base=" "--sweep no-such-file"; do
    # shellcheck disable=SC2086
    "$root/jobs/submit" $wrong h5.yml third 2>wrong.txt && fail "$wrong was taken"
done
queue_is_empty || fail "wrong options left jobs: $(squeue)"

# The output is there already: the merge refuses, and the rest leaves the queue.
"$root/jobs/submit" --evaluate false h5.yml merged > ids.txt
expect_code 3 "$(awk '$1 == "merge" {print $2}' ids.txt)"
until_true 30 queue_is_empty
for step in verify evaluate; do
    id=$(awk -v step="$step" '$1 == step {print $2}' ids.txt)
    expect_absent "dare-$step-$id.log"
done

#!/usr/bin/env bash
# jobs/sweep.sbatch: a group a node, each point the bytes of dare-merge; a job that is stopped goes back into the queue and does the rest.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 2
family_recipe
cat > sweep.yml <<'YAML'
recipe: recipe.yml
grid: {drop_rate: [0.5, 0.9], seed: [1, 2]}
YAML
cat > score.sh <<'SCORE'
#!/bin/sh
# A model's size as its score. Waits once, for the signal to come.
if mkdir "$1.waited" 2>/dev/null && [ -e wait.flag ]; then : > waiting; sleep 60; fi
printf '{"bytes": %d}\n' "$(wc -c < "$1/model.safetensors")"
SCORE
chmod +x score.sh
for p in 0.5 0.9; do
    for seed in 1 2; do local_run dare-merge recipe.yml "local_p$p-s$seed" --drop-rate "$p" --seed "$seed"; done
done

id=$(job --nodes=2 --ntasks-per-node=2 sweep.sbatch sweep.yml swept)
expect_code 0 "$id"
expect_text "dare-sweep-$id.log" '4 of 4 points done, 0 by earlier runs, 0 failed'
expect_text "dare-sweep-$id.log" 'on 4 ranks in 2 groups'
for p in 0.5 0.9; do
    for seed in 1 2; do
        for file in model.safetensors dare-manifest.json; do expect_equal "swept/drop_rate=$p,seed=$seed/$file" "local_p$p-s$seed/$file"; done
    done
done

# USR1 while points are evaluated: what is done stays done.
echo "evaluate: $work/score.sh {checkpoint}" >> sweep.yml
: > wait.flag
id=$(job --nodes=2 --ntasks-per-node=1 sweep.sbatch sweep.yml scored)
until_true 60 test -e waiting
rm wait.flag
scancel --batch --signal=USR1 "$id"
until_true 60 grep -qF 'back in the queue, restart 1' "dare-sweep-$id.log"
expect_code 0 "$id"
expect_text "dare-sweep-$id.log" 'ended with exit code 75'
expect_text "dare-sweep-$id.log" '4 of 4 points done'
[[ $(grep -c ',done,' scored/results.csv) == 4 ]] || fail "not all points are done: $(cat scored/results.csv)"
expect_equal "scored/drop_rate=0.9,seed=2/model.safetensors" local_p0.9-s2/model.safetensors

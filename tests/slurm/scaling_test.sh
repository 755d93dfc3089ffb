#!/usr/bin/env bash
# The scaling study on a cluster of 2 nodes: every kind of run is made once, goes into the table, and is not made again.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 2
plot=$root/tools/plot-scaling/plot-scaling

export GIGABYTES=0.01 MODELS=2 RUNS=1 WRITERS="all node" RANKS="1 3"
# What the user has in the folder stays, whatever it is called.
mkdir -p study/models-mine
echo mine | tee study/models-mine/m.safetensors > study/output.safetensors.bak
study=$(job --nodes=2 --ntasks-per-node=2 scaling.sbatch study --seed 7)
expect_code 0 "$study"
names=$(cd study/runs && echo *)
wanted="strong-1-all-1.json strong-1-node-1.json strong-3-all-1.json strong-3-node-1.json weak-1-all-1.json weak-1-node-1.json weak-3-all-1.json weak-3-node-1.json"
[[ $names == "$wanted" ]] || fail "runs: $names"
expect_text study/runs/strong-3-all-1.json '"writers": 3'
expect_text study/runs/strong-3-node-1.json '"writers": 2'
expect_absent study/scaling-work study/models-0.01 study/output.safetensors
expect_text study/models-mine/m.safetensors mine
expect_text study/output.safetensors.bak mine
"$plot" study > table.txt || fail "plot-scaling: $?"
expect_text table.txt "weak scaling, --writers node"
(( $(grep -c '^ *[13] ' table.txt) == 8 )) || fail "the table: $(cat table.txt)"

# A second job finds everything done.
before=$(cd study/runs && ls -l --time-style=full-iso)
again=$(job --nodes=2 --ntasks-per-node=2 scaling.sbatch study --seed 7)
expect_code 0 "$again"
[[ $before == $(cd study/runs && ls -l --time-style=full-iso) ]] || fail "runs were made twice"

# A folder of that name which the script did not make is neither used nor removed.
mkdir study/scaling-work
echo mine > study/scaling-work/file
expect_code 3 "$(job --nodes=2 --ntasks-per-node=2 scaling.sbatch study --seed 7)"
expect_text study/scaling-work/file mine

#!/usr/bin/env bash
# chain.sbatch: each job goes on where the one before it stopped, in a job of its own; the last leaves none waiting.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
slow_cluster 2

# What chain.sbatch has said of the job that comes after job $1.
successor_of() { sed -n 's/.*at most 20; job \([0-9]*\) goes on.*/\1/p' "dare-chain-$1.log" 2>/dev/null; }

# --restart is for the first job alone: those after it go on with what it did.
begin merged --nodes=2 --ntasks-per-node=1 chain.sbatch recipe.yml merged --restart
first=$id
second=$(successor_of "$first")
scancel --batch --signal=USR1 "$first"
expect_code 75 "$first"

# The ranks of the second are killed without a word; the third ends the merge.
until_true 30 is_running "$second"
third=''
third_is_there() { third=$(successor_of "$second"); [[ -n $third ]]; }
until_true 30 third_is_there
sleep 1
scancel --signal=KILL "$second.0" || true  # it complains that the step is gone
await "$second"
(( code == 137 || code == 141 )) || fail "job $second: exit code $code, expected that of a kill, or of a rank's lost connection"
expect_code 0 "$third"
for id in "$second" "$third"; do
    expect_text "dare-chain-$id.log" 'merged: goes on where an interrupted run stopped, with '
    expect_text "dare-chain-$id.log" 'passes           '
    expect_text "dare-chain-$id.log" 'dare-merge recipe.yml merged --resume'
done
expect_equal merged/model.safetensors local/model.safetensors
until_true 10 queue_is_empty

# An error that would come again ends the chain.
id=$(job chain.sbatch recipe.yml merged)
expect_code 3 "$id"
until_true 10 queue_is_empty

#!/usr/bin/env bash
# USR1, Slurm's warning before the time limit, stops a merge cleanly; the job goes back into the queue and finishes the same bytes.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
slow_cluster 3

begin merged --nodes=2 --ntasks-per-node=1 merge.sbatch recipe.yml merged
scancel --batch --signal=USR1 "$id"
until_true 30 grep -qF 'back in the queue, restart 1' "dare-merge-$id.log"
expect_absent merged
expect_code 0 "$id"
expect_text "dare-merge-$id.log" 'got SIGUSR1: ending cleanly'
expect_text "dare-merge-$id.log" 'ended with exit code 75'
expect_text "dare-merge-$id.log" 'restart 1: '
expect_text "dare-merge-$id.log" ' --resume'
expect_text "dare-merge-$id.log" ' of 32 blocks were done by the interrupted run'
expect_equal merged/model.safetensors local/model.safetensors
expect_equal merged/dare-manifest.json local/dare-manifest.json

# Where requeueing is not allowed the job ends with 75, and a later one, on other nodes and with other ranks, goes on.
begin later --no-requeue --nodes=2 merge.sbatch recipe.yml later
scancel --batch --signal=USR1 "$id"
expect_code 75 "$id"
expect_text "dare-merge-$id.log" 'this job may not be requeued'
expect_absent later
id=$(job --nodes=3 --ntasks-per-node=1 merge.sbatch recipe.yml later --resume)
expect_code 0 "$id"
expect_text "dare-merge-$id.log" ' of 32 blocks were done by the interrupted run'
expect_equal later/model.safetensors local/model.safetensors

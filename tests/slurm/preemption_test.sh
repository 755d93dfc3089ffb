#!/usr/bin/env bash
# A job of a higher partition takes the nodes: the merge is requeued by Slurm, waits, and finishes the same bytes.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 2 --conf PreemptType=preempt/partition_prio --conf PreemptMode=REQUEUE \
    --conf "PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP"
slow_models
slow_programs 50
local_run dare-merge recipe.yml local

id=$(DARE_BIN=$slow_bin job --nodes=2 merge.sbatch recipe.yml merged)
until_true 30 is_running "$id"
until_true 30 has_begun merged
urgent=$(sbatch --parsable --partition=urgent --nodes=2 --ntasks-per-node=2 --output=urgent.log --wrap 'sleep 1')
expect_code 0 "$urgent"
expect_absent merged
expect_code 0 "$id"
expect_text "dare-merge-$id.log" 'restart 1: '
expect_equal merged/model.safetensors local/model.safetensors
expect_equal merged/dare-manifest.json local/dare-manifest.json

#!/usr/bin/env bash
# A job of a higher partition takes the nodes: the merge is requeued by Slurm, waits, and finishes the same bytes.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
slow_cluster 2 --conf PreemptType=preempt/partition_prio --conf PreemptMode=REQUEUE \
    --conf "PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP"

begin merged --nodes=2 merge.sbatch recipe.yml merged
urgent=$(sbatch --parsable --partition=urgent --nodes=2 --ntasks-per-node=2 --output=urgent.log --wrap 'sleep 1')
expect_code 0 "$urgent"
expect_absent merged
expect_code 0 "$id"
expect_text "dare-merge-$id.log" 'restart 1: '
expect_equal merged/model.safetensors local/model.safetensors
expect_equal merged/dare-manifest.json local/dare-manifest.json

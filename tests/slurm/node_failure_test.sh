#!/usr/bin/env bash
# A node dies with all it runs: Slurm requeues the job once it has noticed, and the merge finishes the same bytes.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
slow_cluster 3

begin merged --nodes=2 --ntasks-per-node=1 merge.sbatch recipe.yml merged
"$here/mini-slurm" fail n2 --dir "$cluster"
expect_code 0 "$id"
expect_text "dare-merge-$id.log" 'restart 1: '
expect_equal merged/model.safetensors local/model.safetensors

#!/usr/bin/env bash
# A node dies with all it runs: Slurm requeues the job once it has noticed, and the merge finishes the same bytes.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 3
slow_models
slow_programs 50
local_run dare-merge recipe.yml local

id=$(DARE_BIN=$slow_bin job --nodes=2 --ntasks-per-node=1 merge.sbatch recipe.yml merged)
until_true 30 is_running "$id"
until_true 30 has_begun merged
"$here/mini-slurm" fail n2 --dir "$cluster"
expect_code 0 "$id"
expect_text "dare-merge-$id.log" 'restart 1: '
expect_equal merged/model.safetensors local/model.safetensors

#!/usr/bin/env bash
# verify.sbatch: 0 for an output as it was written, 4 once a byte of it is another.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 2
family_recipe
local_run dare-merge recipe.yml merged

expect_code 0 "$(job --nodes=2 verify.sbatch merged)"
expect_code 0 "$(OUTPUT=merged job verify.sbatch)"
printf x | dd of=merged/model.safetensors bs=1 seek=600000 conv=notrunc status=none
expect_code 4 "$(job --nodes=2 verify.sbatch merged)"

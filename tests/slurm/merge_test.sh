#!/usr/bin/env bash
# Merges and conversions as jobs of 2 to 4 nodes: the bytes of a local run, and the exit codes of what goes wrong.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 4
family_recipe
local_run dare-merge recipe.yml local --writers 1
local_run dare-convert "$family/base" local.h5

# Slurm takes each script as it is.
for script in merge convert sweep verify evaluate chain; do
    sbatch --test-only "$root/jobs/$script.sbatch" 2>test-only.txt || fail "sbatch --test-only $script.sbatch: $(cat test-only.txt)"
done
sbatch --test-only --array=1-2 "$root/jobs/sweep-array.sbatch" 2>test-only.txt || fail "sweep-array.sbatch: $(cat test-only.txt)"

merged=$(job --nodes=3 merge.sbatch recipe.yml merged)
merged_all=$(job --nodes=2 --ntasks-per-node=1 merge.sbatch recipe.yml merged_all.h5 --writers all)
converted=$(job --nodes=2 convert.sbatch "$family/base" base.h5)
expect_code 0 "$merged"
expect_equal merged/model.safetensors local/model.safetensors
expect_equal merged/dare-manifest.json local/dare-manifest.json
expect_text "dare-merge-$merged.log" "on 3 nodes, 6 ranks"
expect_code 0 "$converted"
expect_equal base.h5 local.h5
expect_code 0 "$merged_all"
local_run dare-convert merged_all.h5 from_h5
expect_equal from_h5/model.safetensors local/model.safetensors

# Arguments by the environment; the base in HDF5.
sed "s|$family/base|base.h5|" recipe.yml > h5.yml
by_environment=$(RECIPE=h5.yml OUTPUT=by_environment MERGE_OPTIONS="--writers 2" job --nodes=2 merge.sbatch)
refused=$(job merge.sbatch recipe.yml merged)
bad_option=$(job merge.sbatch recipe.yml other --no-such-option)
missing=$(job convert.sbatch no-such-model out.h5)
few=$(job merge.sbatch recipe.yml)
mkdir 'a folder'
cp recipe.yml 'a folder/re cipe.yml'
spaces=$(job merge.sbatch 'a folder/re cipe.yml' 'a folder/o ut')
cp -r "$root/jobs" 'R&D "jobs"'
from_odd_folder=$(sbatch --parsable 'R&D "jobs"/merge.sbatch' recipe.yml from_odd_folder)
cp "$root/jobs/merge.sbatch" mine.sbatch
copy=$(DARE_JOBS=$root/jobs sbatch --parsable mine.sbatch recipe.yml by_copy)
lost=$(sbatch --parsable mine.sbatch recipe.yml other)
printf '%s\n' 'p0.5 --drop-rate 0.5' 'p0.9 --drop-rate 0.9' > settings.txt
array=$(job --array=1-2 sweep-array.sbatch recipe.yml settings.txt swept)
no_array=$(job sweep-array.sbatch recipe.yml settings.txt swept)
no_command=$(job evaluate.sbatch local)
# Slurm's warning comes while the plan is shown: a time limit that is too short.
mkdir early
# shellcheck disable=SC2016
printf '#!/bin/sh\nkill -USR1 $PPID\n' > early/dare-merge
chmod +x early/dare-merge
early=$(DARE_BIN=$work/early job merge.sbatch recipe.yml other)
launcher=$(LAUNCHER=prun job merge.sbatch recipe.yml other)
expect_code 0 "$by_environment"
expect_equal by_environment/model.safetensors local/model.safetensors
expect_code 3 "$refused"
expect_code 2 "$bad_option"
expect_text "dare-merge-$bad_option.log" "refused before the start, exit code 2"
expect_code 3 "$missing"
expect_code 2 "$few"
expect_code 2 "$launcher"
expect_text "dare-merge-$launcher.log" 'LAUNCHER is "prun"; it can be srun or mpirun'
expect_code 0 "$spaces"
expect_equal 'a folder/o ut/model.safetensors' local/model.safetensors
expect_text "dare-merge-$spaces.log" 'dare-merge a\ folder/re\ cipe.yml a\ folder/o\ ut'
expect_code 0 "$from_odd_folder"
expect_equal from_odd_folder/model.safetensors local/model.safetensors
expect_code 0 "$copy"
expect_equal by_copy/model.safetensors local/model.safetensors
expect_code 2 "$lost"
expect_text "dare-merge-$lost.log" "DARE_JOBS can be set to the folder of dare-mpi's batch scripts"
expect_code 0 "$array"
expect_equal swept/p0.9/model.safetensors local/model.safetensors
expect_code 2 "$no_array"
expect_text "dare-sweep-array-${no_array}_4294967294.log" 'submit with --array=1-2'
expect_code 2 "$no_command"
expect_text "dare-evaluate-$no_command.log" 'set EVALUATE'
expect_code 75 "$early"
expect_text "dare-merge-$early.log" 'got SIGUSR1 before the ranks were started'
expect_absent other out.h5

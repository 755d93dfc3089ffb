#!/usr/bin/env bash
# verify.sbatch: 0 for an output as it was written, 4 once a byte of it is another; interrupted it ends.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 2
family_recipe
local_run dare-merge recipe.yml merged

expect_code 0 "$(job --nodes=2 verify.sbatch merged)"
expect_code 0 "$(OUTPUT=merged job verify.sbatch)"
printf x | dd of=merged/model.safetensors bs=1 seek=600000 conv=notrunc status=none
expect_code 4 "$(job --nodes=2 verify.sbatch merged)"

# What keeps no journal is not put back into the queue: it would begin again, to be stopped at the same point. A program that only waits
# for the signal stands in for dare-verify, which has no slow place in so small an output.
mkdir waits
printf '#!/bin/sh\ntrap "exit 75" USR1\n: > begun\nwhile :; do sleep 0.1; done\n' > waits/dare-verify
chmod +x waits/dare-verify
id=$(DARE_BIN=$work/waits job verify.sbatch merged)
until_true 30 test -e begun
scancel --batch --signal=USR1 "$id"
expect_code 75 "$id"
expect_text "dare-verify-$id.log" 'got SIGUSR1: ending cleanly'
expect_text "dare-verify-$id.log" 'interrupted; this keeps no journal and would begin again: submit it with more --time'
queue_is_empty || fail "back in the queue: $(squeue)"

# A conversion to a delta checkpoint likewise; any other goes on from its journal.
mv waits/dare-verify waits/dare-convert
rm begun
id=$(DARE_BIN=$work/waits job convert.sbatch "$family/digit" delta.h5 --delta --base "$family/base" --drop-rate 0.9)
until_true 30 test -e begun
scancel --batch --signal=USR1 "$id"
expect_code 75 "$id"
expect_text "dare-convert-$id.log" 'this keeps no journal and would begin again'
queue_is_empty || fail "back in the queue: $(squeue)"

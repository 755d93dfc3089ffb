#!/usr/bin/env bash
# jobs/submit --sweep: one array task a setting, never more at a time than asked for, each output verified, all evaluated; in a folder whose name
# has what shells and sed read.
# shellcheck source=tests/slurm/support.sh
. "$(dirname "${BASH_SOURCE[0]}")/support.sh"
start_cluster 2
family_recipe
odd='R&D "one"'
mkdir "$odd"
cat > "$odd/settings.txt" <<'SETTINGS'
# name and options
p0.5       --drop-rate 0.5
droponly   --drop-rate 0.5 --rescale none

bad/name   --drop-rate 0.5
too-high   --drop-rate 1.5
SETTINGS
local_run dare-merge recipe.yml local_p0.5 --drop-rate 0.5
local_run dare-merge recipe.yml local_droponly --drop-rate 0.5 --rescale none

"$root/jobs/submit" --sweep "$odd/settings.txt" --at-most 1 --evaluate "ls -d" --results "$odd/results.txt" recipe.yml "$odd/swept" > ids.txt
merge=$(awk '$1 == "merge" {print $2}' ids.txt)
running() { squeue -h -t RUNNING -j "$merge" -o %K 2>/dev/null | wc -l; }
while squeue -h -j "$merge" 2>/dev/null | grep -q .; do
    (( $(running) <= 1 )) || fail "more than one array task at a time: $(squeue)"
    sleep 0.2
done
expect_code 2 "$merge"
expect_equal "$odd/swept/p0.5/model.safetensors" local_p0.5/model.safetensors
expect_equal "$odd/swept/droponly/model.safetensors" local_droponly/model.safetensors
expect_text "dare-sweep-array-${merge}_3.log" '"bad/name" is no name for an output'
expect_absent "$odd/swept/bad" "$odd/swept/too-high"

expect_code 3 "$(awk '$1 == "evaluate" {print $2}' ids.txt)"
printf '%s\n' "$odd/swept/p0.5" "$odd/swept/droponly" > expected.txt
expect_equal "$odd/results.txt" expected.txt

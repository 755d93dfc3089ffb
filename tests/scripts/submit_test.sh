#!/usr/bin/env bash
# jobs/submit hands each word to sbatch as it was given, whatever characters it has; each job waits for those before it; what is wrong is refused
# before a job is submitted. An sbatch that notes its words stands in for Slurm's; tests/slurm runs the jobs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fail() { echo "FAILED: $*"; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
unset EVALUATE RESULTS

mkdir bin
cat > bin/sbatch <<'STUB'
#!/usr/bin/env bash
# Notes its words, one job a line, and prints an id as Slurm does where there are several clusters.
echo "${*@Q}" >> words
number=$(wc -l < words)
(( number != ${REFUSE:-0} )) || exit 1
[[ $* == *evaluate.sbatch* ]] && printf '%s\n' "$EVALUATE" "${RESULTS:-}" "$DARE_JOBS" > environment
[[ $* != *--parsable* ]] || echo "$((100 + number));cluster"
STUB
chmod +x bin/sbatch
export PATH=$scratch/bin:$PATH

# submit CODE WORD...: jobs/submit with these words; its output is in ./out and ./err, what sbatch was given in ./words.
submit() {
    local wanted=$1 code=0
    shift
    : > words
    "$root/jobs/submit" "$@" > out 2> err || code=$?
    (( code == wanted )) || fail "jobs/submit $*: exit code $code, expected $wanted: $(cat err)"
}

# expect FILE LINE...: the file has exactly these lines.
expect() {
    local file=$1
    shift
    diff <(printf '%s\n' "$@") "$file" > difference || fail "$file: $(cat difference)"
}

# line WORD...: as the stand-in notes them.
line() { echo "${*@Q}"; }

# shellcheck disable=SC2016
odd='R&D "one" it'"'"'s $HOME * \1'
mkdir "$odd"
touch "$odd/recipe.yml" recipe.yml
after=--kill-on-invalid-dep=yes
jobs=$root/jobs

submit 0 --convert "$odd/base=$odd/a=b.h5" --convert x=y --sbatch '--nodes=2 --time=1:00' --sbatch-evaluate --mem=4G --evaluate 'python3 test.py' \
    --results "$odd/results" "$odd/recipe.yml" "$odd/merged & co" -- --lambda 0.5 --exclude 'a b|&'
expect words "$(line --parsable --nodes=2 --time=1:00 "$jobs/convert.sbatch" "$odd/base" "$odd/a=b.h5")" \
    "$(line --parsable --nodes=2 --time=1:00 "$jobs/convert.sbatch" x y)" \
    "$(line --parsable --nodes=2 --time=1:00 --dependency=afterok:101:102 "$after" "$jobs/merge.sbatch" "$odd/recipe.yml" "$odd/merged & co" --lambda 0.5 \
        --exclude 'a b|&')" \
    "$(line --parsable --nodes=2 --time=1:00 --dependency=afterok:103 "$after" "$jobs/verify.sbatch" "$odd/merged & co")" \
    "$(line --parsable --mem=4G --dependency=afterok:104 "$after" "$jobs/evaluate.sbatch" "$odd/merged & co")"
expect out "convert   101  $odd/base=$odd/a=b.h5" 'convert   102  x=y' "merge     103  $odd/recipe.yml -> $odd/merged & co" \
    "verify    104  $odd/merged & co" 'evaluate  105  python3 test.py'
expect environment 'python3 test.py' "$odd/results" "$jobs"

# A sweep: an array, each output verified after its own task, all evaluated in the end.
printf '%s\n' '# name  options' 'a&b  --drop-rate 0.5' '' 'c  --drop-rate 0.9  # the paper' > "$odd/settings"
submit 0 --sweep "$odd/settings" --at-most 1 --evaluate ls recipe.yml "$odd/swept"
expect words "$(line --parsable --array=1-2%1 "$jobs/sweep-array.sbatch" recipe.yml "$odd/settings" "$odd/swept")" \
    "$(line --parsable --dependency=afterok:101_1 "$after" "$jobs/verify.sbatch" "$odd/swept/a&b")" \
    "$(line --parsable --dependency=afterok:101_2 "$after" "$jobs/verify.sbatch" "$odd/swept/c")" \
    "$(line --parsable --dependency=afterany:102:103 "$after" "$jobs/evaluate.sbatch" "$odd/swept/a&b" "$odd/swept/c")"
submit 0 --sweep "$odd/settings" --no-verify --evaluate ls recipe.yml swept
expect words "$(line --parsable --array=1-2 "$jobs/sweep-array.sbatch" recipe.yml "$odd/settings" swept)" \
    "$(line --parsable --dependency=afterany:101 "$after" "$jobs/evaluate.sbatch" 'swept/a&b' swept/c)"

# Slurm is only asked: without dependencies on jobs that are none.
submit 0 --test-only --convert x=y --sbatch --nodes=2 recipe.yml out
expect words "$(line --test-only --nodes=2 "$jobs/convert.sbatch" x y)" "$(line --test-only --nodes=2 "$jobs/merge.sbatch" recipe.yml out)" \
    "$(line --test-only --nodes=2 "$jobs/verify.sbatch" out)"
[[ ! -s out ]] || fail "--test-only printed $(cat out)"
REFUSE=2 submit 2 --test-only --convert x=y recipe.yml out
expect err 'jobs/submit: merge: Slurm would refuse it'

# Where Slurm refuses one, those that wait for it are not submitted; those before it have been told.
REFUSE=2 submit 2 --convert x=y --evaluate ls recipe.yml out
expect err 'jobs/submit: merge: sbatch refused it'
expect out 'convert   101  x=y'
(( $(wc -l < words) == 2 )) || fail "submitted behind a job that was refused: $(cat words)"

# Wrong words: exit code 2, a message, no job.
printf '# nothing\n' > empty
count=0
while IFS='|' read -r words message; do
    read -ra wrong <<< "$words"
    submit 2 "${wrong[@]}"
    expect err "jobs/submit: $message"
    [[ ! -s words && ! -s out ]] || fail "jobs/submit $words: $(cat words out)"
    count=$((count + 1))
done <<'WRONG'
recipe.yml|a recipe and an output are needed, 1 arguments were given (--help)
recipe.yml a b|a recipe and an output are needed, 3 arguments were given (--help)
recipe.yml out --evaluate|--evaluate needs a value (--help)
--no-such recipe.yml out|unknown option --no-such (--help)
no-such.yml out|no-such.yml cannot be read
--sweep no-such recipe.yml out|no-such cannot be read
--sweep empty recipe.yml out|empty has no line
--convert base= recipe.yml out|--convert base=: it is SOURCE=OUTPUT
--convert =base.h5 recipe.yml out|--convert =base.h5: it is SOURCE=OUTPUT
WRONG
(( count == 9 )) || fail "$count wrong command lines"
rm bin/sbatch
mkdir tools
for tool in bash dirname readlink sed env; do ln -s "$(command -v "$tool")" tools/; done
PATH=$scratch/tools submit 2 recipe.yml out
expect err 'jobs/submit: no sbatch here: run this on a login node of the cluster'

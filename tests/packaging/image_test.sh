#!/usr/bin/env bash
# Carries out packaging/apptainer/dare-mpi.def without Apptainer: the %files and the %post of each stage in a Debian 12 of its own, made by
# debootstrap; then merges in the last one on 1 and on 3 ranks, with its %environment, and compares the bytes with those of DARE_BIN's programs.
# What only Apptainer does, the file of the image and the host's launcher, is not tried. Needs root, debootstrap and Debian's packages.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=image_test
# shellcheck source=tools/lib/common.sh
. "$root/tools/lib/common.sh"
mpi_environment
: "${DARE_BIN:?is the folder of the programs}"
definition=$root/packaging/apptainer/dare-mpi.def

if (( EUID != 0 )) || [[ -z $(command -v debootstrap) ]]; then
    echo "skipped: root and debootstrap are needed (Debian: apt-get install debootstrap)"
    exit 77
fi

# section STAGE NAME: its lines, without the indentation.
section() {
    awk -v stage="$1" -v wanted="%$2" '/^Bootstrap:/ { part = "" } /^Stage:/ { now = $2 } /^%/ { part = $0; next }
        now == stage && part == wanted { sub(/^    /, ""); print }' "$definition"
}

# within STAGE COMMAND...: in the stage's folder, which has /proc and /dev until the command's end; of the environment only the way out.
within() {
    local folder=$scratch/$1
    shift
    # shellcheck disable=SC2016
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ${http_proxy:+http_proxy="$http_proxy"} \
        unshare --mount --pid --fork --kill-child sh -ec 'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"' "$folder" "$@"
}

# post STAGE: runs the stage's %post, as Apptainer does.
post() {
    section "$1" post > "$scratch/$1/post.sh"
    [[ -s $scratch/$1/post.sh ]] || die "no %post of the stage $1 in $definition"
    step "%post of the stage $1" within "$1" /bin/sh -ex /post.sh
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/dare-image.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
step 'making a Debian 12' debootstrap --variant=minbase bookworm "$scratch/build"
rm -f "$scratch/build/etc/resolv.conf"
[[ ! -e /etc/resolv.conf ]] || cp -L /etc/resolv.conf "$scratch/build/etc/resolv.conf"
cp -a "$scratch/build" "$scratch/final"

mkdir "$scratch/build/src"
while read -r from to; do
    [[ -z $from || $from == \#* ]] || cp -rL "$root/$from" "$scratch/build$to"
done < <(section build files)
post build
while read -r from to; do
    [[ -z $from ]] || { mkdir -p "$scratch/final${to%/*}" && cp -rL "$scratch/build$from" "$scratch/final$to"; }
done < <(section final 'files from build')
[[ -x $scratch/final/opt/dare-mpi/bin/dare-merge ]] || die 'no programs came into the last stage'
post final

family=$root/examples/family
merge=(--model digit --model turn --method dare_ties --drop-rate 0.9 --seed 42)
(cd "$family" && quietly "$DARE_BIN/dare-merge" --base base "${merge[@]}" "$scratch/here.h5") || die 'a merge here'
cp -r "$family" "$scratch/final/family"
section final environment > "$scratch/final/environment.sh"
for ranks in 1 3; do
    # shellcheck disable=SC2016
    quietly within final sh -ec '. /environment.sh; cd /family; ranks=$1; shift
        exec mpirun --allow-run-as-root --oversubscribe -n "$ranks" dare-merge --base base "$@"' sh "$ranks" "${merge[@]}" "/$ranks.h5" || die "a merge in the image on $ranks ranks"
    cmp "$scratch/here.h5" "$scratch/final/$ranks.h5" || die "a merge in the image on $ranks ranks has other bytes"
done
echo "two stages; a merge in the image on 1 and 3 ranks has the bytes of one outside"

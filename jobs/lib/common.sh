# shellcheck shell=bash
# What the batch scripts share: where the programs are, how ranks are started, and what happens when the time is up.
# Sourced by a script of jobs/, which then calls `run`.
#
# Environment, all optional:
#   LAUNCHER=srun|mpirun      what starts the ranks (srun where there is one)
#   LAUNCHER_OPTIONS="..."    more options for it, e.g. --mpi=pmix or --map-by node
#   MODULES="..."             modules to load before anything else
#   DARE_BIN=FOLDER           where the programs are (else the PATH, else the build beside jobs/)
#   MAX_RESTARTS=50           requeue no more often than this
set -uo pipefail
: "${jobs:?the folder of the scripts, set by the script that sources this}"

readonly k_interrupted=75  # the programs' exit code for "stopped cleanly, --resume goes on"
job_name=${SLURM_JOB_NAME:-$(basename "$0" .sbatch)}

say() { printf '%s: %s\n' "$job_name" "$*" >&2; }

die() {
    say "$2"
    exit "$1"
}

# The comment at the head of the script that runs, as its help; then the part of this file that all scripts share.
usage() {
    local shown='2,/^[^#]/{/^#SBATCH/d;s/^# \{0,1\}//p}'
    sed -n "$shown" "${BASH_SOURCE[-1]}"
    sed -n '/^# Environment/,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
}

# Answers --help; a job needs at least $1 arguments.
check_arguments() {
    local least=$1
    shift
    if [[ ${1:-} == -h || ${1:-} == --help ]]; then
        usage
        exit 0
    fi
    (( $# >= least )) || die 2 "$# arguments were given, at least $least are needed (--help)"
}

load_modules() {
    [[ -n ${MODULES:-} ]] || return 0
    # A batch shell is no login shell: the function may have to be defined first.
    if ! type module >/dev/null 2>&1; then
        for init in "${LMOD_PKG:-}/init/bash" "${MODULESHOME:-}/init/bash" /etc/profile.d/modules.sh /etc/profile.d/lmod.sh; do
            # shellcheck disable=SC1090
            if [[ -r $init ]]; then . "$init" && break; fi
        done
    fi
    type module >/dev/null 2>&1 || die 2 "MODULES is \"$MODULES\" but there is no module command here"
    # shellcheck disable=SC2086
    module load $MODULES || die 2 "module load $MODULES failed"
}

# Puts the programs on the PATH and checks that $1 is there.
find_programs() {
    local folder
    for folder in ${DARE_BIN:+"$DARE_BIN"} "$jobs"/../build/{release,programs,ci}/bin "$jobs/../../../bin"; do
        [[ -n ${DARE_BIN:-} || -z $(command -v "$1") ]] || break
        if [[ -x $folder/$1 ]]; then
            PATH=$(cd "$folder" && pwd):$PATH
            break
        fi
    done
    command -v "$1" >/dev/null || die 2 "no $1 here; put it on the PATH or set DARE_BIN to its folder"
    [[ -z ${DARE_BIN:-} || -x $DARE_BIN/$1 ]] || die 2 "no $1 in DARE_BIN=$DARE_BIN"
    export PATH
}

# Sets launch to the command that starts a program on all ranks of the job.
find_launcher() {
    local launcher=${LAUNCHER:-}
    if [[ -z $launcher ]]; then
        launcher=mpirun
        if [[ -n ${SLURM_JOB_ID:-} && -n $(command -v srun) ]]; then launcher=srun; fi
    fi
    local -a options
    read -ra options <<< "${LAUNCHER_OPTIONS:-}"
    case $launcher in
        srun)
            # A rank that dies alone would leave the others waiting for ever. --kill-on-bad-exit is no cure: the first rank that
            # ends with 75 would have the others killed, and srun would report a signal.
            launch=(srun --wait=30)
            # Under another plugin than PMIx each rank would take itself for the only one.
            if [[ " ${LAUNCHER_OPTIONS:-} " != *" --mpi"* && -z ${SLURM_MPI_TYPE:-} ]] && srun --mpi=list 2>&1 | grep -qw pmix; then
                launch+=(--mpi=pmix)
            fi
            ;;
        mpirun)
            launch=(mpirun)
            [[ -n ${SLURM_JOB_ID:-} ]] || launch+=(-n "${SLURM_NTASKS:-1}")  # outside a job as many as are announced
            # Else the program's own words on what went wrong stand above a dozen lines on exit codes. Open MPI 4 and 5; others do not know it.
            export OMPI_MCA_orte_execute_quiet=1 PRTE_MCA_prte_execute_quiet=1
            ;;
        *) die 2 "LAUNCHER is \"$launcher\"; it can be srun or mpirun" ;;
    esac
    launch+=("${options[@]}")
    command -v "$launcher" >/dev/null || die 2 "no $launcher here; load its module by MODULES, or set LAUNCHER"
    export SLURM_EXPORT_ENV=ALL  # so that srun hands on the environment after sbatch --export=NONE too
}

# Runs a command and waits for its end. USR1, Slurm's warning before the time is up, and TERM are passed on as USR1, on which the
# programs stop cleanly and exit 75; TERM itself would have srun kill its ranks at once.
signalled='' child='' woken=''
run_and_wait() {
    local code
    "$@" &
    child=$!
    [[ -z $signalled ]] || kill -USR1 "$child"  # it came while the command was being started
    while woken=''; wait "$child"; code=$?; [[ -n $woken ]]; do :; done  # a trap ends a wait before its time
    child=''
    # Whoever had no handler yet, or did not make it in time, was killed by the signal.
    if [[ -n $signalled ]] && (( code > 128 )); then code=$k_interrupted; fi
    return "$code"
}

forward() {
    signalled=$1 woken=1
    say "got SIG$1: ending cleanly"
    [[ -z $child ]] || kill -USR1 "$child" 2>/dev/null
}
trap 'forward USR1' USR1
trap 'forward TERM' TERM

# After exit code 75: puts the job back into the queue, where a restart goes on with --resume. Where that is not possible, says how.
requeue() {
    local restarts=${SLURM_RESTART_COUNT:-0}
    if [[ $signalled == TERM || -z ${SLURM_JOB_ID:-} ]]; then
        say 'interrupted; the same command with --resume goes on'
    elif (( restarts >= ${MAX_RESTARTS:-50} )); then
        say "interrupted, and restarted $restarts times already (MAX_RESTARTS); submit it again with --resume"
    elif scontrol requeue "$SLURM_JOB_ID"; then
        say "back in the queue, restart $((restarts + 1))"
    else
        say 'interrupted, and this job may not be requeued; submit it again with --resume, or use chain.sbatch'
    fi
}

# Says what will be read, written and needed, and refuses before a rank starts. The plan reads headers only.
show_plan() {
    local code=0 session
    # A folder of its own for Open MPI: tasks of an array that start and end on one node make and remove a common one under each other.
    session=$(mktemp -d)
    OMPI_MCA_orte_tmpdir_base=$session "$@" --plan --ranks "${SLURM_NTASKS:-1}" --nodes "${SLURM_JOB_NUM_NODES:-1}" || code=$?
    rm -rf "$session"
    (( code == 0 )) || die "$code" "refused before the start, exit code $code"
}

# start_ranks PROGRAM ARGUMENT...: the program on all ranks of the job, from the announcement to the exit code.
start_ranks() {
    local code=0
    # Each restart would end in the same way.
    [[ $signalled != USR1 ]] ||
        die "$k_interrupted" 'got SIGUSR1 before the ranks were started: give a --time well above the seconds that --signal names'
    say "job ${SLURM_JOB_ID:-none} on ${SLURM_JOB_NUM_NODES:-1} nodes, ${SLURM_NTASKS:-1} ranks, restart ${SLURM_RESTART_COUNT:-0}:$(printf ' %q' "${launch[@]}" "$@")"
    run_and_wait "${launch[@]}" "$@" || code=$?
    say "$1 ended with exit code $code after $SECONDS s"
    return "$code"
}

# The same, and back into the queue if it was interrupted: how most scripts end.
run() {
    local code=0
    start_ranks "$@" || code=$?
    if (( code == k_interrupted )); then requeue; fi
    exit "$code"
}

# Like run, for what keeps no journal: back in the queue it would begin again, to be stopped at the same point.
run_once() {
    local code=0
    start_ranks "$@" || code=$?
    if (( code == k_interrupted )); then say 'interrupted; this keeps no journal and would begin again: submit it with more --time'; fi
    exit "$code"
}

# Sets arguments to those given, with --resume where this is a restart of a job that was stopped or lost a node, or a later link of a chain.
# A --restart has had its effect in the first of them.
set_arguments() {
    local word
    arguments=("$@")
    (( ${SLURM_RESTART_COUNT:-0} > 0 || ${CHAIN_LINK:-1} > 1 )) || return 0
    arguments=()
    for word in "$@"; do
        [[ $word == --resume || $word == --restart ]] || arguments+=("$word")
    done
    arguments+=(--resume)
}

# Says how much there is to read and how much room where it goes; the program itself refuses when it does not fit.
show_sizes() {
    local source=$1 output=$2 size free
    [[ -e $source ]] || die 3 "$source is not there"
    size=$(du -sbL "$source" | cut -f1)
    free=$(df -B1 --output=avail "$(dirname "$output")" 2>/dev/null | tail -n 1) || die 3 "$(dirname "$output") is no folder"
    say "reads $(numfmt --to=iec-i --suffix=B "$size") of $source; $(numfmt --to=iec-i --suffix=B "$free") are free for $output"
}

# shellcheck shell=bash
# shellcheck disable=SC2154  # set by mini-slurm
# Sourced by mini-slurm: starting, finding and ending the processes of a cluster.

# Start time of process $1 in clock ticks since boot; with the pid it names one
# process for good.  Fails where there is no such process or it is a zombie.
born() {
    local stat
    { read -r stat < "/proc/$1/stat"; } 2>/dev/null || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [[ $1 != [ZX] ]] && printf '%s\n' "${20}"
}

# launch NAME COMMAND...: in the background, away from the terminal, in DIR (the
# steps inherit it from slurmd, and the caller's directory may go away), output
# to its log.
launch() {
    local name=$1
    shift
    ( cd "$dir" && exec setsid "$@" ) </dev/null >>"$dir/log/$name.out" 2>&1 &
    printf '%s %s\n' "$!" "$(born $! || echo 0)" > "$dir/pids/$name"
    disown
}

# Is the process recorded under NAME running?  Sets pid.
alive() {
    local start
    pid=
    [[ -r $dir/pids/$1 ]] || return 1
    read -r pid start < "$dir/pids/$1" || return 1
    [[ $(born "$pid" || true) == "$start" ]]
}

# "pid ppid" of all processes
process_table() {
    local stat id
    for stat in /proc/[0-9]*/stat; do
        { read -r stat < "$stat"; } 2>/dev/null || continue
        id=${stat%% *}
        stat=${stat##*) }
        # shellcheck disable=SC2086
        set -- $stat
        [[ $1 == [ZX] ]] || printf '%s %s\n' "$id" "$2"
    done
}

# The slurmstepd processes of this cluster (of node $1, if given) and all that
# descend from them.
step_processes() {
    local -A wanted=()
    local id parent fd grew=1 table log=$dir/log/slurmd.${1:-*}.log
    table=$(process_table)
    while read -r id parent; do
        [[ $(readlink "/proc/$id/exe" 2>/dev/null) == *slurmstepd* ]] || continue
        for fd in "/proc/$id/fd/"*; do
            # shellcheck disable=SC2053
            [[ $(readlink "$fd" 2>/dev/null) == $log ]] && { wanted[$id]=1; break; }
        done
    done <<< "$table"
    (( ${#wanted[@]} )) || return 0
    while (( grew )); do
        grew=0
        while read -r id parent; do
            if [[ -n ${wanted[$parent]:-} && -z ${wanted[$id]:-} ]]; then
                wanted[$id]=1 grew=1
            fi
        done <<< "$table"
    done
    printf '%s\n' "${!wanted[@]}"
}

kill_steps() {
    local ids tries
    for tries in 1 2 3 4 5; do
        mapfile -t ids < <(step_processes "$@")
        (( ${#ids[@]} )) || return 0
        kill -KILL "${ids[@]}" 2>/dev/null || true
        sleep 0.1
    done
}

# end NAME...: TERM, then KILL after 5 s, for each that this script started.
end() {
    local name tries
    for name; do
        if alive "$name"; then
            kill -TERM "$pid" 2>/dev/null || true
        fi
    done
    for name; do
        for (( tries = 0; tries < 100; tries++ )); do
            alive "$name" || break
            sleep 0.05
        done
        if alive "$name"; then
            say "$name (pid $pid) did not end; killing it"
            kill -KILL "$pid" 2>/dev/null || true
        fi
        rm -f "$dir/pids/$name"
    done
}

# Names in start order reversed: nodes, controller, munged.
recorded() {
    local file
    for file in "$dir"/pids/slurmd.* "$dir"/pids/slurmctld "$dir"/pids/munged; do
        [[ -e $file ]] && printf '%s\n' "${file##*/}"
    done
    return 0
}

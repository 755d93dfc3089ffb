# shellcheck shell=bash
# shellcheck disable=SC2154  # set by mini-slurm
# Sourced by mini-slurm: the configuration of a cluster, and its start.

# Sets port to the first of $1 consecutive TCP ports that nothing uses, below
# the range the kernel hands out itself.
free_ports() {
    local -A used=()
    local file address i tries
    for file in /proc/net/tcp /proc/net/tcp6; do
        [[ -r $file ]] || continue
        while read -r _ address _; do
            [[ $address == *:* ]] && used[$((16#${address##*:}))]=1
        done < <(tail -n +2 "$file")
    done
    for (( tries = 0; tries < 1000; tries++ )); do
        port=$(( 20000 + (RANDOM * 32768 + RANDOM) % (12000 - $1) ))
        for (( i = 0; i < $1; i++ )); do
            [[ -z ${used[$((port + i))]:-} ]] || continue 2
        done
        return 0
    done
    die "no $1 free TCP ports in a row between 20000 and 32000"
}

# EnableIPv6: without it Slurm finds no address, not even 127.0.0.1, where the
# machine has none but loopback.
write_conf() {
    local host user line key
    host=$(uname -n)
    host=${host%%.*}
    user=$(id -un)
    {
        while IFS= read -r line; do
            for key in "${conf[@]+"${conf[@]%%=*}"}"; do
                [[ ${line%%=*} == "$key" ]] && continue 2
            done
            printf '%s\n' "$line"
        done <<CONF
ClusterName=mini
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket,cred_expire=5
CommunicationParameters=EnableIPv6
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
TmpFS=$dir/tmp.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.%n.log
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobcomp.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=86400
CONF
        for line in "${conf[@]+"${conf[@]}"}"; do
            printf '%s\n' "$line"
        done
        printf 'NodeName=n[1-%d] NodeHostname=%s NodeAddr=127.0.0.1 Port=[%d-%d] CPUs=%d RealMemory=1048576\n' \
            "$nodes" "$host" $((port + 1)) $((port + nodes)) "$cpus"
        printf 'PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n'
    } > "$dir/slurm.conf"
    # The default fence, a tree, lets every node's ranks go on alone where no
    # data is exchanged (Slurm 22.05.8): MPI_Init then ends before all ranks are
    # there, and a rank that gets a message too early crashes.
    printf 'PMIxCollFence=ring\n' > "$dir/mpi.conf"
    # Named, for slurmd looks for one otherwise and does not start where no cgroups
    # are mounted, in a chroot or a container; nothing here uses it.
    printf 'CgroupPlugin=cgroup/v1\n' > "$dir/cgroup.conf"
}

# The ends of all logs, to stderr.
show_logs() {
    local file
    for file in "$dir"/log/*.log "$dir"/log/*.out; do
        [[ -s $file ]] || continue
        [[ $file != *.out || ! -s ${file%.out}.log ]] || continue
        printf -- '---- %s\n' "$file"
        tail -n 15 "$file"
    done >&2
}

# Is there time left, and do all daemons run?  Sets problem if not.
waiting() {
    local name
    for name in $(recorded); do
        alive "$name" && continue
        problem="$name ended"
        return 1
    done
    (( SECONDS < deadline )) && return 0
    problem="not ready after $limit s"
    return 1
}

nodes_idle() {
    local states
    states=$(timeout 5 sinfo -h -N -o '%N %T' 2>/dev/null | sort -u)
    [[ $(grep -c ' idle$' <<< "$states" || true) == "$nodes" ]]
}

bring_up() {
    local i
    rm -rf "$dir"/{state,log,pids,ompi,spool.*,tmp.*,munge*,*.pid,*.conf}
    mkdir -p "$dir/state" "$dir/log" "$dir/pids" "$dir/ompi"
    for (( i = 1; i <= nodes; i++ )); do
        mkdir -p "$dir/spool.n$i" "$dir/tmp.n$i"
    done
    free_ports $((nodes + 1))
    write_conf
    export SLURM_CONF=$dir/slurm.conf

    ( umask 077; head -c 128 /dev/urandom > "$dir/munge.key" )
    launch munged munged --foreground --force --num-threads=2 \
        --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
        --pid-file="$dir/munged.pid" --log-file="$dir/log/munged.log" \
        --seed-file="$dir/munge.seed"
    until [[ -S $dir/munge.socket ]]; do
        waiting || return 1
        sleep 0.02
    done
    launch slurmctld slurmctld -D -c -i
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        waiting || return 1
        sleep 0.05
    done
    for (( i = 1; i <= nodes; i++ )); do
        launch "slurmd.n$i" slurmd -D -N "n$i"
    done
    until nodes_idle; do
        waiting || return 1
        sleep 0.1
    done
}

start() {
    local made=0 tool attempt
    for tool in munged slurmctld slurmd sinfo scancel setsid; do
        command -v "$tool" >/dev/null || die "no $tool here (Debian, Ubuntu: apt-get install slurm-wlm munge)"
    done
    if [[ -z $dir ]]; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/mini-slurm.XXXXXX")
        made=1
    else
        mkdir -p "$dir"
        if [[ ! -e $dir/.mini-slurm && -n $(ls -A "$dir") ]]; then
            die "$dir is not empty and not a directory of $prog"
        fi
    fi
    dir=$(cd "$dir" && pwd -P)
    # Slurm and munge put Unix sockets there, whose paths end at 107 characters;
    # % and blanks mean something in slurm.conf.
    (( ${#dir} <= 60 )) || die "the path of $dir is too long for sockets (60 characters at most)"
    [[ $dir != *[!A-Za-z0-9/._+@-]* ]] || die "$dir: only letters, digits and /._+@- may be in the path"
    [[ -z $(for tool in $(recorded); do alive "$tool" && echo "$tool"; done) ]] ||
        die "a cluster is running in $dir: stop it first"
    chmod 755 "$dir"
    printf 'made=%d nodes=%d\n' "$made" "$nodes" > "$dir/.mini-slurm"

    trap take_down EXIT
    trap 'say interrupted; take_down; trap - EXIT; (( ! made )) || rm -rf "$dir"; exit 130' INT TERM HUP
    for attempt in 1 2 3; do
        deadline=$((SECONDS + limit)) problem=
        bring_up && break
        say "$problem"
        if (( attempt < 3 )) && grep -qs 'Address already in use' "$dir"/log/*; then
            say 'a port was taken meanwhile; again with others'
            take_down
            continue
        fi
        [[ $problem != not* ]] || timeout 5 sinfo -N -o '%N %T %E' >&2 || true
        show_logs
        die "could not start; the logs stay in $dir/log"
    done
    trap - EXIT INT TERM HUP
    say "$nodes nodes idle"
    printf '%s\n' "$dir"
}

# shellcheck shell=bash
# The Debian packages this project uses, listed once, and how they are installed. Sourced; needs common.sh.

# Prints the packages of each set named: build, evaluate, tests, fuzz, neon, matrix, image, peers.
dare_packages() {
    local set
    for set in "$@"; do
        case $set in
            build)
                echo cmake ninja-build g++ pkg-config openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libboost-dev \
                    libboost-program-options-dev libboost-random-dev libhwy-dev libxxhash-dev libyaml-cpp-dev nlohmann-json3-dev \
                    libfmt-dev libzip-dev zlib1g-dev libeigen3-dev libseccomp-dev
                ;;
            evaluate) echo python3 python3-numpy ;;
            tests) echo libgtest-dev libgmock-dev libbenchmark-dev hdf5-tools slurm-wlm munge shellcheck python3 python3-xxhash ;;
            fuzz) echo clang libclang-rt-14-dev ;;
            neon) echo g++-aarch64-linux-gnu qemu-user ;;
            image) echo debootstrap ;;
            matrix) echo clang mpich libmpich-dev libhdf5-mpich-dev ;;
            peers) echo python3 python3-venv ca-certificates ;;
            *) die "no such set of packages: $set" ;;
        esac
    done | tr ' ' '\n' | sort -u
}

# Those of the packages named that are not installed.
dare_missing_packages() {
    local installed
    # dpkg-query fails where it has not heard of one: that one is missing.
    installed=$({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^installed //p' | sort -u)
    printf '%s\n' "$@" | sort -u | comm -23 - <(printf '%s\n' "$installed")
}

# Installs what is missing of the sets named; silent when nothing is. Without apt-get, or where it may not be used, says what is
# needed and stops, unless DARE_INSTALL=no: then the caller goes on with what there is.
dare_install() {
    local -a wanted missing as_root=()
    [[ ${DARE_INSTALL:-yes} != no ]] || return 0
    local advice="Install these, or what your system calls them, then run it again with DARE_INSTALL=no"
    mapfile -t wanted < <(dare_packages "$@")
    [[ -n $(command -v apt-get) && -n $(command -v dpkg-query) ]] || die "no apt-get here. $advice: ${wanted[*]}"
    mapfile -t missing < <(dare_missing_packages "${wanted[@]}")
    (( ${#missing[@]} )) || return 0
    if (( EUID != 0 )); then
        command -v sudo >/dev/null || die "not root, and no sudo here. $advice: ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${#missing[@]} packages: ${missing[*]}"
    local -a install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 --no-install-recommends
        install "${missing[@]}")
    # Lists that are absent or old make the first try fail; then, and only then, they are fetched.
    "${install[@]}" >/dev/null 2>&1 && return 0
    quietly "${as_root[@]}" apt-get -q update || die "apt-get update failed. $advice: ${missing[*]}"
    quietly "${install[@]}" || die "apt-get install failed. $advice: ${missing[*]}"
}

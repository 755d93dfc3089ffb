#!/usr/bin/env bash
# Installs a build into a scratch folder, moves it, and uses it as a stranger would: programs, manual pages, completion, a project that
# finds it by find_package, and a source built by pkg-config. The project's CMakeLists.txt and that source are those of docs/reference.md.
#
#   tests/install/install_test.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$1
program=install_test
# shellcheck source=tools/lib/common.sh
. "$root/tools/lib/common.sh"
mpi_environment
fail() { echo "FAILED: $*"; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
quietly cmake --install "$build" --prefix "$scratch/first" || fail 'cmake --install'
mv "$scratch/first" "$scratch/moved"
prefix=$scratch/moved
expected="$root/examples/family/base/model.safetensors"
programs=0
for path in "$prefix"/bin/dare-*; do
    name=${path##*/}
    "$path" --version | grep -q "^$name " || fail "$name --version"
    [[ -s $prefix/share/man/man1/$name.1 ]] || fail "no manual page of $name"
    [[ -s $prefix/share/bash-completion/completions/$name ]] || fail "no completion of $name"
    for one in "$path" "$build/bin/$name"; do
        ! readelf -d "$one" | grep -E 'R(UN)?PATH.*(\[:|::|:\]|\[\])' || fail "$one looks for libraries in the current folder"
    done
    programs=$((programs + 1))
done
(( programs >= 7 )) || fail "only $programs programs are installed"
! grep -rlq "$root\|$build" "$prefix/lib" --include='*.cmake' --include='*.pc' || fail "installed files name the build: $(grep -rl "$root\|$build" "$prefix/lib" --include='*.cmake' --include='*.pc')"

links=0
while IFS= read -r page; do
    while IFS= read -r link; do
        [[ -e $(dirname "$page")/$link ]] || fail "$page points to $link, which is not installed"
        links=$((links + 1))
    done < <(grep -oE '\]\([^)#]+' "$page" | cut -c3- | grep -vE '^[a-z]+:')
done < <(find "$prefix/share/dare-mpi" -name '*.md')
(( links >= 20 )) || fail "only $links links in the installed pages"
for tool in evaluate plot-scaling plot-sweep; do
    "$prefix/share/dare-mpi/tools/$tool/$tool" --help | grep -qi usage || fail "tools/$tool --help"
done

# The fenced block of this kind in docs/reference.md.
block() { awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$root/docs/reference.md"; }

mkdir "$scratch/mine"
block cmake > "$scratch/mine/CMakeLists.txt"
cp "$here/consumer.cpp" "$scratch/mine/main.cpp"
quietly cmake -S "$scratch/mine" -B "$scratch/by-cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release || fail 'find_package(dare)'
quietly cmake --build "$scratch/by-cmake" || fail 'building with find_package(dare)'
one=$("$scratch/by-cmake/mine" "$expected")
three=$(mpirun -n 3 "$scratch/by-cmake/mine" "$expected")
[[ $one == "$three" && $one =~ ^blocks\.0\.down\.weight\ 235861\ of\ 262144$ ]] || fail "consumer: \"$one\" on one rank, \"$three\" on three"

pkg=$(echo "$prefix"/lib*/pkgconfig "$prefix"/lib/*/pkgconfig | tr ' ' '\n' | grep -v '[*]' | head -n 1)
export PKG_CONFIG_PATH=$pkg
read -ra flags <<< "$(pkg-config --cflags --libs dare)"
block cpp > "$scratch/main.cpp"
quietly mpicxx -std=c++20 -O1 "$scratch/main.cpp" -o "$scratch/by-pkg-config" "${flags[@]}" -Wl,-rpath,"${pkg%/pkgconfig}" || fail 'building with pkg-config'
two=$("$scratch/by-pkg-config" "$expected")
[[ $two == "$one" ]] || fail "the source of docs/reference.md, built with pkg-config: \"$two\"; tests/install/consumer.cpp, with CMake: \"$one\""
echo "$programs programs; consumer: $one"

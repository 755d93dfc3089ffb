# shellcheck shell=bash
# Prints a Python that has numpy: the first on the PATH, or Debian's where another hides it. Sourced.
numpy_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import numpy' 2>/dev/null; then
            printf '%s\n' "$python"
            return
        fi
    done
    echo "no Python with numpy here (Debian: apt-get install python3-numpy)" >&2
    return 1
}

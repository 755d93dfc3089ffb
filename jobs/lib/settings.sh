# shellcheck shell=bash

# The lines of a file of settings that count: sweep-array.sbatch takes the one of its array index, submit has counted them.
settings_lines() { sed 's/#.*//; /^[[:space:]]*$/d' "$1"; }

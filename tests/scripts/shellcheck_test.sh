#!/usr/bin/env bash
# No warning of shellcheck about any shell script of the project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v shellcheck >/dev/null || { echo "skipped: no shellcheck here (Debian: apt-get install shellcheck)"; exit 77; }
mapfile -t scripts < <(find .ci jobs tests tools examples -type f -not -name '*.py' -exec grep -lE '^#!.*(bash|/sh)|^# shellcheck shell=' {} + | sort)
(( ${#scripts[@]} >= 20 )) || { echo "FAILED: only ${#scripts[@]} scripts found"; exit 1; }
shellcheck --external-sources "${scripts[@]}"
echo "${#scripts[@]} scripts"

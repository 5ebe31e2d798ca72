#!/usr/bin/env bash
# Runs the recipes of this folder and prints a SHA-256 for every file whose bits a change of the
# structure must not change: weights, samples, metrics without those of the clock.
#
#     tests/same_bits/record.sh PROGRAM [RECIPE...] >hashes
#
# Two programs built from two commits print the same lines on one machine, or one of them computes
# something else. Lines of machines with other instruction sets differ.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$(realpath "${1:?which program? tests/same_bits/record.sh build/gradus}")
shift
names=("$@")
((${#names[@]} > 0)) || mapfile -t names < <(basename -s .toml "$here"/recipes/*.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A metric of the clock, with the comma before it; it is never the first key.
without_clock() { sed -E 's/, ?"(time|perf)\/[^"]*": ?[^,}]+//g' "$1"; }

for name in "${names[@]}"; do
  "$program" train "$here/recipes/$name.toml" --run-dir "$work/$name" --set run.threads=2 >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
  cd "$work/$name"
  without_clock metrics.jsonl | sha256sum | sed "s|-\$|$name/metrics.jsonl|"
  find . -type f '(' -path './final/*' -o -path './best/*' -o -path './samples/*.jsonl' ')' | LC_ALL=C sort | xargs sha256sum | sed "s|  [.]/|  $name/|"
done

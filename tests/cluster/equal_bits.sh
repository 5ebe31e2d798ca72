#!/usr/bin/env bash
# Runs the recipes of tests/same_bits with 1, 2, 3 and 4 processes, each with micro-batches of three sizes
# and every way to share and to sum, and compares all files and figures that tests/same_bits/record.sh
# hashes. A recipe's settings decide its bits, the number of processes never does.
#
#     tests/cluster/equal_bits.sh PROGRAM [RECIPE...]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$(realpath "${1:?which program? tests/cluster/equal_bits.sh build/gradus}")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# record NAME RANKS SETTING...: the hashes of the recipes, run by that many processes.
record() {
  local name=$1 ranks=$2
  shift 2
  {
    echo '#!/bin/bash'
    printf 'exec %q ' "$program"
    ((ranks == 1)) || printf 'launch -n %d -- ' "$ranks"
    printf '"$@"'
    printf ' --set %q' "$@"
  } >"$work/program"
  chmod +x "$work/program"
  # adapter_config.json names the base model's folder
  "$here/../same_bits/record.sh" "$work/program" ${recipes[@]+"${recipes[@]}"} | grep -v adapter_config >"$work/$name"
}

recipes=("$@")
wrong=0
for settings in "rl.microbatch_tokens=200 text.microbatch_tokens=50" "rl.microbatch_tokens=500 text.microbatch_tokens=120" \
  "rl.microbatch_tokens=4096 text.microbatch_tokens=300" "rl.microbatch_tokens=300 text.microbatch_tokens=60 cluster.leaves=13" \
  "rl.microbatch_tokens=300 text.microbatch_tokens=60 cluster.reduction=exact"; do
  read -ra words <<<"$settings"
  record one 1 "${words[@]}"
  for ranks in 2 3 4; do
    record many "$ranks" "${words[@]}" "cluster.zero=$((ranks % 2))"
    if cmp -s "$work/one" "$work/many"; then
      echo "$settings, $ranks processes: the same bits"
    else
      echo "$settings, $ranks processes: OTHER BITS"
      diff "$work/one" "$work/many" | head -n 6
      wrong=$((wrong + 1))
    fi
  done
done
((wrong == 0))

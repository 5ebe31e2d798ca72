#!/usr/bin/env bash
# Kills ranks of a launched run, again and again, and compares what is left with an undisturbed run.
#
#     tests/cluster/kill_matrix.sh PROGRAM [CASES [RANKS]]
#
# A case kills one rank (KILL, or STOP beyond cluster.peer_timeout_s) at a moment of its own: between the
# start and the undisturbed run's end. Prints one line a case, then how many ended with other bits, and
# the longest time between the signal and the start of the ranks that followed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$(realpath "${1:?which program? tests/cluster/kill_matrix.sh build/gradus}")
cases=${2:-20}
ranks=${3:-3}
recipe=$here/../same_bits/recipes/nano_grpo.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options=(--set run.threads=1 --set rl.microbatch_tokens=300 --set run.checkpoint_every=1 --set run.steps=4
  --set cluster.peer_timeout_s=2)

result() { sed -E 's/, ?"(time|perf)\/[^"]*": ?[^,}]+//g' "$1/metrics.jsonl" | cat - "$1/final/model.safetensors" | sha256sum; }
now_ms() { date +%s%3N; }

begin=$(now_ms)
"$program" launch -n "$ranks" -- train "$recipe" --run-dir "$work/whole" "${options[@]}" >"$work/log" 2>&1
length=$(($(now_ms) - begin))
expected=$(result "$work/whole")
echo "undisturbed: $length ms"

wrong=0 slowest=0
for ((i = 0; i < cases; ++i)); do
  run=$work/$i
  rank=$((i % ranks))
  signal=KILL
  ((i % 4 == 3)) && signal=STOP
  delay=$(((i * 7919 + 131) % length))
  "$program" launch -n "$ranks" --restarts 3 --grace 1 -- train "$recipe" --run-dir "$run" "${options[@]}" >"$work/log" 2>&1 &
  launcher=$!
  sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
  victim=""
  for child in $(pgrep -P $launcher || true); do
    if tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep -qx "RANK=$rank"; then victim=$child; fi
  done
  hit=no
  if [ -n "$victim" ] && kill -s $signal "$victim" 2>/dev/null; then hit=yes; fi
  killed=$(now_ms)
  back=0
  while kill -0 $launcher 2>/dev/null; do
    if ((back == 0)) && grep -q "starts all ranks anew" "$work/log"; then back=$(($(now_ms) - killed)); fi
    sleep 0.02
  done
  code=0
  wait $launcher || code=$?
  ((back > slowest)) && slowest=$back
  verdict=same
  if [ $code != 0 ] || [ "$(result "$run" 2>/dev/null || echo none)" != "$expected" ]; then
    verdict=OTHER
    wrong=$((wrong + 1))
    tail -n 20 "$work/log"
  fi
  echo "case $i: rank $rank, $signal after $delay ms (hit: $hit), started anew after $back ms, exit code $code: $verdict bits"
  rm -rf "$run"
done
echo "$wrong of $cases with other bits; at most $slowest ms from the signal to the new start"
((wrong == 0))

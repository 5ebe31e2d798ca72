#!/usr/bin/env bash
# Runs a program of destructive tests inside namespaces of its own, so that a hole in the sandbox
# under test ends with this wall: its own processes, with a cap on their number where the kernel
# has one per PID namespace, its own mounts, and limits. Skips where the machine gives no namespaces.
#
#   behind_outer_wall.sh PROGRAM [ARGUMENTS...]
set -euo pipefail
user=()
((EUID == 0)) || user=(--user --map-current-user)
wall=(unshare "${user[@]}" --pid --fork --mount --mount-proc --kill-child)
if ! "${wall[@]}" true 2>/dev/null; then
  echo "SKIPPED: behind_outer_wall.sh: no PID namespace to stand behind"
  exit 77
fi
export GRADUS_BEHIND_OUTER_WALL=1
exec "${wall[@]}" bash -c '
  echo 4000 >/proc/sys/kernel/pid_max 2>/dev/null || true
  ulimit -c 0
  exec "$@"' wall "$@"

#!/usr/bin/env python3
"""A step of the nano recipe alone, and beside one busy process per core.

Another program on every core leaves each of ours half of it, so twice as long is what a fair share costs;
what is above comes from threads that wait for one that has lost its core. Alone and beside take turns, so
that a machine that changes its speed meanwhile changes both. Prints the median seconds of a step, of its
rollout and of its update, and the ratios.

    bench/contention.py [--steps N] [--rounds N] [--json FILE]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

from peers import ROOT, WORK, built, measured, median

PARTS = {"step": "time/step", "rollout": "time/rollout", "update": "time/update"}


@contextmanager
def busy(cores):
    """One process per core that never rests."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def nano_steps(steps):
    WORK.mkdir(parents=True, exist_ok=True)
    run = WORK / "contention-run"
    shutil.rmtree(run, ignore_errors=True)
    measured([built("gradus"), "train", ROOT / "examples/nano/grpo.toml", "--run-dir", run, "--set", f"run.steps={steps}",
              "--set", "run.eval_at_start=false", "--set", "run.eval_every=0", "--set", "run.checkpoint_every=0"],
             log=WORK / "contention.log")
    lines = [json.loads(line) for line in open(run / "metrics.jsonl")]
    lines = [line for line in lines if "time/step" in line][1:]  # the first warms up
    return {part: [line[key] for line in lines if key in line] for part, key in PARTS.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    times = {"alone": {part: [] for part in PARTS}, "beside": {part: [] for part in PARTS}}
    for _ in range(options.rounds):
        for where in times:
            with busy(cores if where == "beside" else 0):
                for part, seconds in nano_steps(options.steps + 1).items():
                    times[where][part] += seconds
    result = {"cores": cores}
    for part in PARTS:
        alone, beside = median(times["alone"][part]), median(times["beside"][part])
        result[part] = {"alone_s": alone, "beside_s": beside, "ratio": beside / alone}
        print(f"{part:8} alone {alone:.3f} s, beside {cores} busy processes {beside:.3f} s: {beside / alone:.2f} times")
    if options.json:
        with open(options.json, "w") as out:
            json.dump(result, out, indent=1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What several processes cost on one machine: R ranks with one thread each beside one process with R threads.

    bench/ranks.py PROGRAM RECIPE [--ranks 2] [--rounds 3] [--set KEY=VALUE]...

The same recipe, in turn, so that both meet the same machine; the first step of each run is left out. Prints the
median seconds of a step of both, how they compare, and the ranks' share of time in exchanges.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile


def steps_of(run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["step"] > 1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("recipe")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    times = {"one": [], "ranks": []}
    exchanges = []
    finals = set()
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(arguments.rounds):
            for kind, threads in (("one", arguments.ranks), ("ranks", 1)):
                run = pathlib.Path(folder) / f"{kind}{turn}"
                train = ["train", arguments.recipe, "--run-dir", str(run), "--set", f"run.threads={threads}"]
                for setting in arguments.set:
                    train += ["--set", setting]
                launch = ["launch", "-n", str(arguments.ranks), "--"] if kind == "ranks" else []
                subprocess.run([arguments.program, *launch, *train], check=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
                steps = steps_of(run)
                times[kind] += [step["time/step"] for step in steps]
                exchanges += [step["time/exchange"] / step["time/step"] for step in steps if "time/exchange" in step]
                finals.add((run / "final" / "model.safetensors").read_bytes())
    one, ranks = (statistics.median(times[kind]) for kind in ("one", "ranks"))
    print(f"one process, {arguments.ranks} threads: {one:.3f} s a step")
    print(f"{arguments.ranks} ranks, 1 thread each: {ranks:.3f} s a step ({100 * (ranks / one - 1):+.1f} %)")
    print(f"exchanges and waiting for each other in the update: {100 * statistics.median(exchanges):.1f} % of a step")
    print("same bits" if len(finals) == 1 else "OTHER BITS")


if __name__ == "__main__":
    main()

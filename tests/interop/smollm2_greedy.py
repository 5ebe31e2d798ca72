#!/usr/bin/env python3
"""SmolLM2-135M-Instruct from its GGUF file continues prompts as transformers does, token for token.

Ties (top-1 margins below 1e-3 in the fixture) end the comparison of a prompt. Skipped where the model is
missing: `bench/compare_llama_cpp.py` fetches it, or name it as the third argument.

    smollm2_greedy.py GRADUS PARITY_DIR [FILE.gguf]
"""

import json
import pathlib
import subprocess
import sys

from skip import skip

TIE, TOLERANCE = 1e-3, 1e-3


def main():
    gradus, parity = sys.argv[1], pathlib.Path(sys.argv[2])
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    models = sys.argv[3:] or sorted(map(str, (root / "build" / "bench-work").rglob("SmolLM2-135M-Instruct*.gguf")))
    cases = parity / "smollm2_greedy.json"
    if not models:
        skip("SmolLM2-135M-Instruct.Q4_1.gguf is not here (bench/compare_llama_cpp.py fetches it)")
    failures = 0
    for run in json.loads(cases.read_text())["runs"]["gguf_dequantized_float32"]:
        command = [gradus, "sample", "--model", models[0], "--precision", "float32", "--temperature", "0", "--json",
                   "--max-tokens", str(len(run["ids"])), "--prompt", run["prompt"]]
        sampled = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0])
        ties = [i for i, margin in enumerate(run["margin"]) if margin < TIE]
        count = ties[0] if ties else len(run["ids"])
        error = max(abs(a - b) for a, b in zip(sampled["logprobs"][:count], run["logprobs"][:count]))
        same = sampled["tokens"][:count] == run["ids"][:count]
        print(json.dumps({"prompt": run["prompt"], "tokens": count, "same_tokens": same, "largest_error": error}))
        failures += not same or error > TOLERANCE
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What the demo leaves in final/ answers in transformers as it does here.

Two steps of the nano example; then greedy answers to sums, token for token, by the program and by
transformers from the same folder. An answer's comparison ends at a tie (two best logits nearer than
1e-3). Skipped where transformers is missing.

    demo_answers.py GRADUS EXAMPLES_DIR
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from skip import skip

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    import torch
    import transformers
except ImportError as missing:
    skip(f"{missing.name} is not installed")

TIE, TOKENS = 1e-3, 48
SETTINGS = ["run.steps=2", "run.eval_every=0", "run.eval_at_start=false", "rl.prompts_per_step=4", "rl.group_size=4"]
QUESTIONS = ["What is 417 + 286?\n", "What is 94 + 609?\n", "What is 613 + 125?\n", "What is 8 + 5?\n"]


def theirs(model, ids, count):
    """Greedy tokens of transformers, up to the first tie."""
    tokens = []
    with torch.no_grad():
        while len(tokens) < count:
            logits = model(input_ids=torch.tensor([ids + tokens])).logits[0, -1]
            best = logits.topk(2)
            if best.values[0] - best.values[1] < TIE:
                break
            tokens.append(best.indices[0].item())
    return tokens


def main():
    gradus, nano = sys.argv[1], pathlib.Path(sys.argv[2]) / "nano"
    failures = 0
    with tempfile.TemporaryDirectory() as work:
        run = pathlib.Path(work) / "run"
        command = [gradus, "train", nano / "grpo.toml", "--run-dir", run, "--json"]
        for setting in SETTINGS:
            command += ["--set", setting]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        model = transformers.AutoModelForCausalLM.from_pretrained(run / "final", dtype=torch.float32).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(run / "final")
        for question in QUESTIONS:
            command = [gradus, "sample", "--model", run / "final", "--prompt", question, "--temperature", "0",
                       "--max-tokens", str(TOKENS), "--json"]
            ours = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True,
                                             text=True).stdout.splitlines()[0])
            answer = theirs(model, tokenizer(question)["input_ids"], len(ours["tokens"]))
            same = ours["tokens"][:len(answer)] == answer and len(answer) > 0
            print(json.dumps({"question": question, "compared": len(answer), "of": len(ours["tokens"]), "same": same}))
            failures += not same
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

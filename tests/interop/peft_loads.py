#!/usr/bin/env python3
"""Adapters that a run leaves in final/adapter load in PEFT, over the base that the run started from.

Two GRPO steps with adapters on the bundled base; then PEFT's model of base and adapters, PEFT's merge of
them, and the merged weights in final/ must have the same logits. Skipped where PEFT is missing.

    peft_loads.py GRADUS EXAMPLES_DIR
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
    import peft
    import torch
    import transformers
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    skip(f"{missing.name} is not installed")

TOLERANCE = 1e-4
SETTINGS = ["run.steps=2", "run.eval_every=0", "run.eval_at_start=false", "rl.prompts_per_step=4", "rl.group_size=4",
            "optim.lr=1e-2", "model.precision=float32", "model.lora.rank=4",
            # PEFT puts plain adapters on attention and dense layers; transformers fuses the experts' matrices.
            'model.lora.targets=["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"]']


def base_model(path):
    return transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits


def main():
    gradus, nano = sys.argv[1], pathlib.Path(sys.argv[2]) / "nano"
    base = nano / "base"
    with tempfile.TemporaryDirectory() as work:
        run = pathlib.Path(work) / "run"
        command = [gradus, "train", nano / "grpo.toml", "--run-dir", run, "--json"]
        for setting in SETTINGS + [f"model.path={base}"]:
            command += ["--set", setting]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)

        ids = torch.arange(3, 35).reshape(2, 16)
        questions, ours = pathlib.Path(work) / "in.safetensors", pathlib.Path(work) / "out.safetensors"
        save_file({"input_ids": ids}, questions)
        subprocess.run([gradus, "model", "logits", "--model", run / "final", "--in", questions, "--out", ours],
                       check=True, stdout=subprocess.DEVNULL)
        expected = load_file(ours)["logits"]

        adapted = peft.PeftModel.from_pretrained(base_model(base), run / "final" / "adapter")
        errors = {"adapted": logits(adapted, ids), "merged by peft": logits(adapted.merge_and_unload(), ids),
                  "final": logits(base_model(run / "final"), ids)}
        errors = {name: (got - expected).abs().max().item() for name, got in errors.items()}
        moved = (logits(base_model(base), ids) - expected).abs().max().item()
    print(json.dumps({"largest_error": errors, "moved_by_training": moved}))
    sys.exit(1 if max(errors.values()) > TOLERANCE or moved < 10 * TOLERANCE else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checkpoints that gradus writes load in transformers with the same logits.

For each parity fixture: `gradus model convert` writes it anew (float32 directory, and through a GGUF
file and back), transformers loads what was written, and both programs' logits are compared. Exits 77
(skipped) with a message where transformers is missing.

    transformers_loads.py GRADUS PARITY_DIR
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    import torch
    import transformers
    from safetensors.torch import load_file
except ImportError as missing:
    print(f"skipped: {missing.name} is not installed here")
    sys.exit(77)

FIXTURES = ["llama_gqa_tied_llama3", "llama_bias_padded", "qwen2_bias", "qwen2_sliding", "qwen3_qknorm"]
TOLERANCE = 1e-4


def gradus(*args):
    subprocess.run([sys.argv[1], *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def reference(directory, expected):
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    with torch.no_grad():
        return model(input_ids=expected["input_ids"], attention_mask=expected.get("attention_mask")).logits


def main():
    parity, failures = pathlib.Path(sys.argv[2]), 0
    if not parity.is_dir():
        print(f"skipped: no fixtures at {parity}")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for name in FIXTURES:
            expected = load_file(parity / name / "expected.safetensors")
            mask = expected.get("attention_mask", torch.ones_like(expected["input_ids"])).bool()
            written = work / name
            gradus("model", "convert", parity / name, written, "--dtype", "f32")
            ours = work / (name + ".safetensors")
            gradus("model", "logits", "--model", written, "--in", parity / name / "expected.safetensors", "--out", ours)
            for who, logits in {"transformers": reference(written, expected), "gradus": load_file(ours)["logits"]}.items():
                error = (logits - expected["logits"])[mask].abs().max().item()
                print(json.dumps({"checkpoint": name, "read_by": who, "largest_error": error}))
                failures += error > TOLERANCE
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checkpoints that gradus writes load in transformers with the same logits.

For each parity fixture: `gradus model convert` writes it anew in float32, transformers loads what was
written, and both programs' logits are compared with the fixture's. DeepSeek-V3's shape is written in
BF16 as well, where both programs read the same rounded weights and are compared with each other.
Skipped where transformers is missing.

    transformers_loads.py GRADUS PARITY_DIR
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
    from safetensors.torch import load_file
except ImportError as missing:
    skip(f"{missing.name} is not installed")

FIXTURES = ["llama_gqa_tied_llama3", "llama_bias_padded", "qwen2_bias", "qwen2_sliding", "qwen3_qknorm", "qwen3_moe",
            "mixtral", "deepseek_v3_base", "deepseek_v3_no_qlora", "deepseek_v3_yarn", "deepseek_v3_mtp"]
IN_BF16 = ["deepseek_v3_bf16", "deepseek_v3_mtp", "deepseek_v3_fp8"]
TOLERANCE = 1e-4


def gradus(*args):
    subprocess.run([sys.argv[1], *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def reference(directory, expected):
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    with torch.no_grad():
        return model(input_ids=expected["input_ids"], attention_mask=expected.get("attention_mask")).logits


def written_anew(fixture, work, dtype):
    """The fixture as gradus writes it in this dtype, and gradus' logits of that."""
    written, logits = work / f"{fixture.name}-{dtype}", work / f"{fixture.name}-{dtype}.safetensors"
    gradus("model", "convert", fixture, written, "--dtype", dtype)
    gradus("model", "logits", "--model", written, "--in", fixture / "expected.safetensors", "--out", logits)
    return written, load_file(logits)["logits"]


def main():
    parity, failures = pathlib.Path(sys.argv[2]), 0

    def compare(name, what, logits, wanted, mask):
        nonlocal failures
        error = (logits - wanted)[mask].abs().max().item()
        print(json.dumps({"checkpoint": name, "compared": what, "largest_error": error}))
        failures += not error <= TOLERANCE

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for name in dict.fromkeys(FIXTURES + IN_BF16):
            expected = load_file(parity / name / "expected.safetensors")
            mask = expected.get("attention_mask", torch.ones_like(expected["input_ids"])).bool()
            if name in FIXTURES:
                written, ours = written_anew(parity / name, work, "f32")
                compare(name, "transformers, f32", reference(written, expected), expected["logits"], mask)
                compare(name, "gradus, f32", ours, expected["logits"], mask)
            if name in IN_BF16:
                written, ours = written_anew(parity / name, work, "bf16")
                compare(name, "gradus and transformers, bf16", ours, reference(written, expected), mask)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The loss of a nano pre-training run with FP8 products beside the same run in BF16.

Both runs train the same small model of DeepSeek-V3's shape from the same weights on the same text
(worked sums, `gradus data generate`), with model.precision = "bfloat16" and model.fp8 "off" and
"simulated". DeepSeek-V3's report (3.3) keeps the relative error of the loss below 0.25 %. Prints the
largest and the mean relative difference of the two curves, each smoothed over --window steps, after
--skip steps (the first steps fall steeply, and a step more or less is a large difference there);
writes the curves as JSON and as a plot. Exits 1 where the mean is above the limit.

    bench/fp8_loss.py [--steps N] [--config FILE] [--out FOLDER]
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 0.0025
CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 38, "hidden_size": 256,
    "intermediate_size": 512, "moe_intermediate_size": 128, "num_hidden_layers": 3, "first_k_dense_replace": 1,
    "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": 128, "kv_lora_rank": 128,
    "qk_nope_head_dim": 48, "qk_rope_head_dim": 16, "v_head_dim": 48, "n_routed_experts": 8, "n_shared_experts": 1,
    "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "routed_scaling_factor": 1.0, "norm_topk_prob": True,
    "scoring_func": "sigmoid", "topk_method": "noaux_tc", "num_nextn_predict_layers": 0, "hidden_act": "silu",
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 256, "attention_bias": False,
    "tie_word_embeddings": False, "initializer_range": 0.02, "bos_token_id": 1, "eos_token_id": 2,
    "torch_dtype": "bfloat16"}
RECIPE = """
[run]
task = "pretrain"
name = "fp8-{mode}"
seed = 1
steps = {steps}
checkpoint_every = 0
[model]
config = "{work}/config.json"
tokenizer = "{work}/tokenizer"
precision = "bfloat16"
fp8 = "{mode}"
[text]
path = "{work}/corpus.jsonl"
sequence_length = 128
batch_tokens = 4096
[optim]
lr = 1e-3
beta2 = 0.95
weight_decay = 0.1
schedule = "cosine"
warmup_steps = 50
min_lr_ratio = 0.1
"""


def gradus(*args):
    subprocess.run([ROOT / "build" / "gradus", *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def prepare(work, config):
    (work / "tokenizer").mkdir(parents=True, exist_ok=True)
    (work / "config.json").write_text(config)
    if (work / "corpus.jsonl").exists():
        return
    gradus("data", "generate", "--task", "addition_trace", "--set", 'split="train"', "--seed", 1, "--count", 60000,
           "--out", work / "corpus.jsonl")
    symbols = [a for word in ("<think>", "</think>", "<answer>", "</answer>") for a in ("--symbol", word)]
    gradus("data", "tokenizer", "--in", work / "corpus.jsonl", "--vocab-size", 38, "--no-byte-fallback", *symbols,
           "--out", work / "tokenizer" / "tokenizer.model")
    (work / "tokenizer" / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "add_bos_token": True, "add_eos_token": True}))


def losses(work, mode, steps):
    run, recipe = work / f"run-{mode}", work / f"{mode}.toml"
    subprocess.run(["rm", "-rf", run], check=True)
    recipe.write_text(RECIPE.format(mode=mode, steps=steps, work=work))
    gradus("train", recipe, "--run-dir", run)
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["step"] > 0]


def smoothed(curve, window):
    return [sum(curve[i:i + window]) / window for i in range(len(curve) - window + 1)]


def plot(path, bf16, fp8, difference):
    """Two panels as SVG: the losses, and their relative difference in percent."""
    def line(values, low, high, top, color):
        xs = [60 + 680 * i / max(1, len(values) - 1) for i in range(len(values))]
        ys = [top + 200 * (high - v) / (high - low) for v in values]
        return '<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>' % (
            color, " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys)))

    def label(x, y, text):
        return f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="12">{text}</text>'

    high, bound = max(bf16 + fp8), max(100 * LIMIT * 1.2, max(map(abs, difference)))
    parts = [label(60, 25, f"loss in BF16 (grey) and FP8 (red), {min(bf16):.3f} to {high:.3f}"),
             line(bf16, 0, high, 40, "#888"), line(fp8, 0, high, 40, "#c33"),
             label(60, 285, f"relative difference, percent; dashed: {100 * LIMIT} %; panel: {bound:.2f} %"),
             line(difference, -bound, bound, 300, "#36c")]
    for limit in (100 * LIMIT, 0, -100 * LIMIT):
        y = 300 + 200 * (bound - limit) / (2 * bound)
        parts.append(f'<line x1="60" x2="740" y1="{y}" y2="{y}" stroke="#000" stroke-dasharray="4 4"/>')
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="800" height="520">'
                    '<rect width="800" height="520" fill="#fff"/>' + "".join(parts) + "</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--window", type=int, default=50)
    parser.add_argument("--skip", type=int, default=100)
    parser.add_argument("--config", type=pathlib.Path, help="config.json; default: DeepSeek-V3's shape, nano")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench-work" / "fp8")
    args = parser.parse_args()
    if args.steps < args.skip + args.window:
        parser.error("--steps must be at least --skip + --window")
    work = args.out.resolve()
    prepare(work, args.config.read_text() if args.config else json.dumps(CONFIG))
    bf16, fp8 = (smoothed(losses(work, mode, args.steps), args.window) for mode in ("off", "simulated"))
    difference = [100 * (b - a) / a for a, b in zip(bf16, fp8)]
    plot(work / "fp8_loss.svg", bf16, fp8, difference)
    kept = difference[args.skip:]
    result = {"steps": args.steps, "window": args.window, "loss_bf16": bf16[-1], "loss_fp8": fp8[-1],
              "mean_difference_percent": sum(kept) / len(kept), "largest_difference_percent": max(map(abs, kept)),
              "last_difference_percent": kept[-1]}
    (work / "fp8_loss.json").write_text(json.dumps({**result, "bf16": bf16, "fp8": fp8}) + "\n")
    print(json.dumps(result))
    sys.exit(abs(result["mean_difference_percent"]) > 100 * LIMIT)


if __name__ == "__main__":
    main()

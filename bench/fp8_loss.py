#!/usr/bin/env python3
"""The loss of a nano pre-training run with FP8 products beside the same run in BF16.

Both train one small model of DeepSeek-V3's shape (latent attention, a dense layer, then mixtures of
experts with biases that balance them; widths are multiples of FP8's tiles of 128) from the same
weights on the same texts in the same order, with model.precision = "bfloat16" and model.fp8 "off"
and "simulated". DeepSeek-V3's report does so in appendix B.1 with 16 and 230 billion parameters:
the losses, smoothed by an exponential moving average of coefficient 0.9 (figure 10), differ by less
than 0.25 % (section 3.3). The same measure is taken here after a tenth of the steps, as the first
ones fall so steeply that a step more or less is a large difference, and averaged over the seeds:
two runs of so small a model that differ by one rounding part a little, up or down. How much of a
difference is such chance, runs in float32 beside BF16 show (--floor).

The texts are worked maths problems (GSM8K's, by default). Texts matter: on sums that a model
either knows or not the loss falls by leaps, and which step it leaps at is chance.

Prints the relative differences of the smoothed losses per seed and of the seeds' mean, and writes
curves (fp8_loss.json) and a plot (fp8_loss.svg). Exits 1 where the mean's largest is above the limit.

    bench/fp8_loss.py [--steps N] [--seeds 1 2 3] [--floor] [--text FILE] [--out FOLDER]
"""

import argparse
import concurrent.futures
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys

from peers import WORK, beside, built

LIMIT = 0.25
COEFFICIENT = 0.9
VOCABULARY = 1024
CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": VOCABULARY,
    "hidden_size": 256, "intermediate_size": 512, "moe_intermediate_size": 128, "num_hidden_layers": 3,
    "first_k_dense_replace": 1, "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": 128,
    "kv_lora_rank": 128, "qk_nope_head_dim": 48, "qk_rope_head_dim": 16, "v_head_dim": 48, "n_routed_experts": 8,
    "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "routed_scaling_factor": 1.0,
    "norm_topk_prob": True, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "num_nextn_predict_layers": 0,
    "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 512,
    "attention_bias": False, "tie_word_embeddings": False, "initializer_range": 0.02, "bos_token_id": 1,
    "eos_token_id": 2, "torch_dtype": "bfloat16"}
RECIPE = """
[run]
task = "pretrain"
name = "{name}"
seed = {seed}
steps = {steps}
threads = 1
checkpoint_every = 0
[model]
config = "{work}/config.json"
tokenizer = "{work}/tokenizer"
precision = "{precision}"
fp8 = "{fp8}"
[text]
path = "{work}/corpus.jsonl"
sequence_length = 256
batch_tokens = 4096
[optim]
lr = 1e-3
beta2 = 0.95
weight_decay = 0.1
schedule = "cosine"
warmup_steps = {warmup}
min_lr_ratio = 0.1
"""
RUNS = {"bf16": ("bfloat16", "off"), "fp8": ("bfloat16", "simulated"), "float32": ("float32", "off")}


def gradus(*args):
    subprocess.run([built("gradus"), *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def text_of(row):
    if "text" in row:
        return row["text"]
    return row.get("question", row.get("prompt")) + "\n" + row.get("answer", row.get("response"))


def prepare(work, text, config):
    (work / "tokenizer").mkdir(parents=True, exist_ok=True)
    (work / "config.json").write_text(config)
    with (gzip.open if text.suffix == ".gz" else open)(text, "rt", encoding="utf-8") as lines:
        texts = [text_of(json.loads(line)) for line in lines]
    with open(work / "corpus.jsonl", "w", encoding="utf-8") as corpus:
        corpus.writelines(json.dumps({"text": t}) + "\n" for t in texts)
    gradus("data", "tokenizer", "--in", work / "corpus.jsonl", "--vocab-size", VOCABULARY, "--out",
           work / "tokenizer" / "tokenizer.model")
    (work / "tokenizer" / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "add_bos_token": True, "add_eos_token": True}))


def losses(work, kind, seed, steps):
    name = f"{kind}-{seed}"
    run, recipe = work / f"run-{name}", work / f"{name}.toml"
    shutil.rmtree(run, ignore_errors=True)
    precision, fp8 = RUNS[kind]
    recipe.write_text(RECIPE.format(name=name, seed=seed, steps=steps, work=work, precision=precision, fp8=fp8,
                                    warmup=max(10, steps // 10)))
    gradus("train", recipe, "--run-dir", run)
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return smoothed([line["loss"] for line in lines if line["step"] > 0])


def smoothed(curve):
    result = []
    for loss in curve:
        result.append(COEFFICIENT * result[-1] + (1 - COEFFICIENT) * loss if result else loss)
    return result


def difference(base, other):
    """In percent of `base`, from a tenth of the steps on."""
    return [100 * (b - a) / a for a, b in zip(base, other)][len(base) // 10:]


def mean(curves):
    return [sum(values) / len(values) for values in zip(*curves)]


def summary(curve):
    return {"mean": round(sum(curve) / len(curve), 4), "largest": round(max(map(abs, curve)), 4),
            "last": round(curve[-1], 4)}


def plot(path, curves, differences, floors):
    """Two panels as SVG: the losses of the first seed, and the relative differences of all."""
    def line(values, first, last, low, high, top, color, width=1.5):
        xs = [60 + 680 * (first + (last - first) * i / max(1, len(values) - 1)) for i in range(len(values))]
        ys = [top + 200 * (high - v) / (high - low) for v in values]
        return '<polyline fill="none" stroke="%s" stroke-width="%s" points="%s"/>' % (
            color, width, " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys)))

    def label(x, y, text, color="#000"):
        return f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="12" fill="{color}">{text}</text>'

    bf16, fp8 = curves
    low, high = min(bf16 + fp8), max(bf16 + fp8)
    bound = 1.2 * max(LIMIT, *(abs(v) for curve in differences + floors for v in curve))
    parts = [label(60, 25, f"smoothed loss over {len(bf16)} steps, {low:.2f} to {high:.2f}: BF16 (grey) and FP8 (red)"),
             line(bf16, 0, 1, low, high, 40, "#888", 3), line(fp8, 0, 1, low, high, 40, "#c33", 1),
             label(60, 285, "relative difference from BF16 in percent, per seed and mean: FP8 (red)"
                   + ("; float32 (blue)" if floors else ""))]
    for level in (LIMIT, 0, -LIMIT):
        y = 300 + 200 * (bound - level) / (2 * bound)
        parts.append(f'<line x1="60" x2="740" y1="{y:.1f}" y2="{y:.1f}" stroke="#888" stroke-dasharray="4 4"/>')
        parts.append(label(15, y + 4, f"{level:+.2f}" if level else "0"))
    for lines, color in ((floors, "#36c"), (differences, "#c33")):
        parts += [line(d, 0.1, 1, -bound, bound, 300, color, 0.7) for d in lines]
        parts += [line(mean(lines), 0.1, 1, -bound, bound, 300, color, 2.5)] if lines else []
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="780" height="520">'
                    '<rect width="780" height="520" fill="#fff"/>' + "\n".join(parts) + "</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--floor", action="store_true", help="train in float32 as well, for comparison")
    parser.add_argument("--text", type=pathlib.Path, default=beside("data/gsm8k_train.jsonl.gz", "data/gsm8k_test.jsonl.gz"),
                        help="JSONL (.gz too) with text, or question and answer, or prompt and response")
    parser.add_argument("--config", type=pathlib.Path, help="config.json; default: DeepSeek-V3's shape, nano")
    parser.add_argument("--out", type=pathlib.Path, default=WORK / "fp8")
    args = parser.parse_args()
    if args.steps < 50:
        parser.error("--steps must be at least 50")
    if not args.text.exists():
        parser.error(f"--text: there is no {args.text}; name a JSONL file with texts, GSM8K's train.jsonl for example")
    work = args.out.resolve()
    prepare(work, args.text, args.config.read_text() if args.config else json.dumps(CONFIG))
    kinds = ["bf16", "fp8"] + ["float32"] * args.floor
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {(kind, seed): pool.submit(losses, work, kind, seed, args.steps)
                for seed in args.seeds for kind in kinds}
    curve = {key: run.result() for key, run in runs.items()}
    differences = [difference(curve["bf16", seed], curve["fp8", seed]) for seed in args.seeds]
    floors = [difference(curve["bf16", seed], curve["float32", seed]) for seed in args.seeds if args.floor]
    result = {"steps": args.steps}
    for i, seed in enumerate(args.seeds):
        result[f"seed {seed}"] = {"loss_bf16": curve["bf16", seed][-1], "fp8_percent": summary(differences[i])}
        if floors:
            result[f"seed {seed}"]["float32_percent"] = summary(floors[i])
        print(f"seed {seed}:", json.dumps(result[f"seed {seed}"]))
    result["fp8_percent"] = summary(mean(differences))
    if floors:
        result["float32_percent"] = summary(mean(floors))
    first = args.seeds[0]
    plot(work / "fp8_loss.svg", (curve["bf16", first], curve["fp8", first]), differences, floors)
    (work / "fp8_loss.json").write_text(json.dumps({**result, "curves": {f"{kind} {seed}": c for (kind, seed), c in curve.items()}}) + "\n")
    print("mean of the seeds:", json.dumps({k: v for k, v in result.items() if k.endswith("_percent")}))
    print(f"limit: {LIMIT} %; plot: {work / 'fp8_loss.svg'}")
    sys.exit(result["fp8_percent"]["largest"] > LIMIT)


if __name__ == "__main__":
    main()

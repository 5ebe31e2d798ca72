"""GRPO steps with TRL's GRPOTrainer on the CPU; run by compare_trl.py in the peers' environment.

    trl_step.py MODEL_DIR PROMPTS.jsonl STEPS OUT.json BATCH
"""

import json
import re
import sys
import time

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

model, prompts, steps, out, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
rows = [json.loads(line) for line in open(prompts)]


def accuracy(completions, answer, **_):
    def last(text):
        numbers = re.findall(r"-?\d+", text)
        return numbers[-1] if numbers else None

    return [1.0 if last(c[0]["content"]) == a else 0.0 for c, a in zip(completions, answer)]


class Clock(TrainerCallback):
    def __init__(self):
        self.steps, self.lengths = [], []

    def on_step_begin(self, *_, **__):
        self.started = time.monotonic()

    def on_step_end(self, *_, **__):
        self.steps.append(time.monotonic() - self.started)

    def on_log(self, args, state, control, logs=None, **_):
        if "completions/mean_length" in (logs or {}):
            self.lengths.append(logs["completions/mean_length"])


clock = Clock()
trainer = GRPOTrainer(
    model=model,
    reward_funcs=accuracy,
    train_dataset=Dataset.from_list(rows * steps),
    args=GRPOConfig(
        output_dir=out + ".run",
        use_cpu=True,
        bf16=True,
        model_init_kwargs={"dtype": "bfloat16"},
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=len(rows) * 8 // batch,
        num_generations=8,
        max_completion_length=64,
        max_steps=steps,
        shuffle_dataset=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
    ),
    callbacks=[clock],
)
trainer.train()
json.dump({"steps": clock.steps, "lengths": clock.lengths}, open(out, "w"))

#!/usr/bin/env python3
"""Reinforcement learning step by step through Tinker's client, against your own machine.
    gradus keys add --data data --name laptop --json
    gradus serve --data data --listen 127.0.0.1:8080
    GRADUS_API_KEY=tml-gr-... python3 tinker_loop.py        (pip install tinker transformers)
The reward is the share of even token ids in an answer: a stand-in for a rule of your own."""
import os
import numpy as np
import tinker
from tinker import types

service = tinker.ServiceClient(base_url=os.environ.get("GRADUS_URL", "http://127.0.0.1:8080"), api_key=os.environ["GRADUS_API_KEY"])
trainer = service.create_lora_training_client(base_model=os.environ.get("GRADUS_BASE_MODEL", "nano"), rank=8, seed=1).result()
tokenizer = trainer.get_tokenizer()  # a directory of the server's machine: run beside it
prompt = tokenizer.encode("What is 2 + 3?", add_special_tokens=False)


def datum(tokens, logprobs, advantage):
    """One sampled answer: the prompt's tokens have no advantage, and so no part in the loss."""
    pad = len(prompt) - 1
    return types.Datum(model_input=types.ModelInput.from_ints(prompt + tokens[:-1]), loss_fn_inputs={
        "target_tokens": prompt[1:] + tokens,
        "logprobs": np.asarray([0.0] * pad + logprobs, np.float32),
        "advantages": np.asarray([0.0] * pad + [advantage] * len(tokens), np.float32)})


for step in range(int(os.environ.get("STEPS", "20"))):
    sampler = trainer.save_weights_and_get_sampling_client().result()
    answers = sampler.sample(types.ModelInput.from_ints(prompt), 16, types.SamplingParams(max_tokens=16, seed=step)).result().sequences
    rewards = np.array([np.mean([token % 2 == 0 for token in answer.tokens]) for answer in answers])
    data = [datum(list(a.tokens), list(a.logprobs), float(r - rewards.mean())) for a, r in zip(answers, rewards)]
    # Both are sent before either is waited for; the server keeps their order.
    gradient, update = trainer.forward_backward(data, "ppo"), trainer.optim_step(types.AdamParams(learning_rate=1e-2))
    loss = gradient.result().metrics["loss:sum"]
    update.result()
    print(f"step {step}: reward {rewards.mean():.3f}, loss {loss:.3f}", flush=True)
print("saved", trainer.save_state("final").result().path)
service.close("success").result()

#!/usr/bin/env python3
"""Reinforcement fine-tuning through OpenAI's SDK, against your own machine.
    gradus keys add --data data --name laptop --json
    gradus serve --data data --listen 127.0.0.1:8080
    GRADUS_API_KEY=tml-gr-... python3 rft.py        (pip install openai)"""
import json, os, random, time
import openai

client = openai.OpenAI(base_url=os.environ.get("GRADUS_URL", "http://127.0.0.1:8080/v1"), api_key=os.environ["GRADUS_API_KEY"])
MODEL = os.environ.get("GRADUS_BASE_MODEL", "nano")


def rows(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        a, b = rng.randrange(100, 1000), rng.randrange(100, 1000)
        yield {"messages": [{"role": "user", "content": f"What is {a} + {b}?"}], "answer": str(a + b)}


def upload(name, items):
    text = "".join(json.dumps(row) + "\n" for row in items)
    return client.files.create(file=(name, text.encode()), purpose="fine-tune").id


# The answer tag must hold the sum, a well-formed answer is worth a little.
grader = {"type": "multi", "name": "sum", "calculate_output": "0.9 * right + 0.1 * form", "graders": {
    "right": {"type": "string_check", "name": "right", "operation": "like",
              "input": "{{sample.output_text}}", "reference": "<answer>\n{{item.answer}}\n</answer>"},
    "form": {"type": "string_check", "name": "form", "operation": "like",
             "input": "{{sample.output_text}}", "reference": "\n</answer>"}}}
tried = client.fine_tuning.alpha.graders.run(grader=grader, model_sample="<think>\n</think>\n<answer>\n46\n</answer>", item={"answer": "46"})
print("the grader gives a right answer", tried.reward)

job = client.fine_tuning.jobs.create(
    model=MODEL, training_file=upload("train.jsonl", rows(1280, 1)), validation_file=upload("valid.jsonl", rows(128, 2)), seed=1, suffix="sums",
    method={"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {
        "batch_size": 32, "n_epochs": 1, "eval_interval": 10, "reasoning_effort": "low"}}})
seen = set()
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(1)
    for event in reversed(client.fine_tuning.jobs.list_events(job.id, limit=100).data):
        if event.id not in seen:
            print(event.message)
            seen.add(event.id)
    job = client.fine_tuning.jobs.retrieve(job.id)
if job.error and job.error.message:
    raise SystemExit(job.error.message)


def share_right(model):
    asked = list(rows(64, 3))
    right = 0
    for row in asked:
        text = client.chat.completions.create(model=model, messages=row["messages"], temperature=0, max_completion_tokens=64).choices[0].message.content
        right += f"<answer>\n{row['answer']}\n</answer>" in text
    return right / len(asked)


print(f"{MODEL}: {share_right(MODEL):.0%} right; {job.fine_tuned_model}: {share_right(job.fine_tuned_model):.0%}")

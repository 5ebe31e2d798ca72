#!/usr/bin/env python3
"""OpenAI's own SDK against `gradus serve`: files, a reinforcement job to its end, graders, chats, errors.
    openai_client.py GRADUS        (pip install openai)"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from skip import skip

try:
    import openai
except ImportError:
    skip("no openai package")


def rows(count):
    for i in range(count):
        a, b = i % 7 + 1, i % 5 + 2
        yield {"messages": [{"role": "user", "content": f"What is {a} + {b}?"}], "answer": str(a + b)}


def refused(kind, call, **arguments):
    try:
        call(**arguments)
    except kind as error:
        assert error.request_id and isinstance(error.body, dict), error
        return error
    raise AssertionError(f"{arguments} was not refused")


GRADER = {"type": "string_check", "name": "g", "input": "{{sample.output_text}}", "reference": "{{item.answer}}", "operation": "like"}


def jobs(client, train):
    method = {"type": "reinforcement", "reinforcement": {"grader": GRADER, "hyperparameters": {
        "n_epochs": 2, "batch_size": 4, "eval_interval": 1, "reasoning_effort": "low"}}}
    job = client.fine_tuning.jobs.create(model="nano", training_file=train.id, validation_file=train.id, seed=1, suffix="interop",
                                         method=method, extra_body={"gradus": {"rl.kl_coef": 0.01}})
    end = time.monotonic() + 120
    while job.status not in ("succeeded", "failed", "cancelled") and time.monotonic() < end:
        time.sleep(0.2)
        job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded", (job.status, job.error)
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    assert sorted(e.data["step"] for e in events if e.type == "metrics") == [0, 1, 2, 3, 4]
    assert [e.id for e in events] == [e.id for e in client.fine_tuning.jobs.list_events(job.id, limit=100)]
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job.id).data[0]
    for model in (job.fine_tuned_model, checkpoint.fine_tuned_model_checkpoint):
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "What is 2 + 3?"}], max_tokens=8)
        assert answer.usage.completion_tokens > 0
    table = client.files.content(job.result_files[0]).read().decode().splitlines()
    assert table[0].startswith("step,train_reward_mean") and len(table) == 6
    error = refused(openai.BadRequestError, client.fine_tuning.jobs.create, model="nano", training_file=train.id, method=method,
                    extra_body={"gradus": {"model.path": "/etc"}})
    assert error.param == "gradus"


def chats(client):
    ask = {"model": "nano", "messages": [{"role": "user", "content": "What is 2 + 3?"}], "max_tokens": 24}
    plain = client.chat.completions.create(temperature=0, **ask).choices[0]
    pieces = client.chat.completions.create(temperature=0, stream=True, **ask)
    assert "".join(p.choices[0].delta.content or "" for p in pieces) == plain.message.content
    held = client.chat.completions.create(response_format={"type": "regex", "regex": "[0-9]{2,3}=[0-9]"}, temperature=1, seed=3, **ask)
    assert len(held.choices[0].message.content) in (4, 5) and "=" in held.choices[0].message.content
    scored = client.completions.create(model="nano", prompt="2+3=5", echo=True, logprobs=1, max_tokens=0).choices[0]
    assert scored.text == "2+3=5" and scored.logprobs.token_logprobs[0] is None
    response = client.responses.create(model="nano", input="What is 2 + 3?", max_output_tokens=8)
    assert response.output_text and response.usage.output_tokens > 0
    refused(openai.NotFoundError, client.chat.completions.create, **{**ask, "model": "none"})
    refused(openai.BadRequestError, client.chat.completions.create, **ask, temperature=3)


def main():
    with tempfile.TemporaryDirectory() as folder:
        key = json.loads(subprocess.check_output([sys.argv[1], "keys", "add", "--data", folder, "--name", "interop", "--json"]))["key"]
        with open(pathlib.Path(folder) / "log", "wb") as log:
            server = subprocess.Popen([sys.argv[1], "serve", "--data", folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log)
        try:
            url = server.stdout.readline().decode().split()[-1] + "/v1"
            client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=60)
            refused(openai.AuthenticationError, openai.OpenAI(base_url=url, api_key="sk-wrong-key-of-somebody", max_retries=0).models.list)
            train = client.files.create(file=("rows.jsonl", "".join(json.dumps(r) + "\n" for r in rows(8)).encode()), purpose="fine-tune")
            assert client.fine_tuning.alpha.graders.run(grader=GRADER, model_sample="it is 5", item={"answer": "5"}).reward == 1
            jobs(client, train)
            chats(client)
        finally:
            server.terminate()
        assert server.wait(60) == 0


main()

"""TRL's form: all completions of a prompt in one call, the data's columns as lists."""

import re


def reward(completions, answer, **kwargs):
    """1 for the answer as the last number, 0.1 for another number, 0 for none."""
    return [score(completion, gold) for completion, gold in zip(completions, answer)]


def score(completion, gold):
    text = completion if isinstance(completion, str) else completion[0]["content"]
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text)
    if not numbers:
        return 0.0
    return 1.0 if float(numbers[-1]) == float(gold) else 0.1

"""OpenAI's form of a Python grader: the sample, and the data row as the item."""


def grade(sample, item) -> float:
    said = sample["output_text"].lower().split()
    wanted = item["answer"].lower().split()
    return sum(word in said for word in wanted) / max(1, len(wanted))

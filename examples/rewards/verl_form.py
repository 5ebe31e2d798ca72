"""verl's form: one completion a call; a number, or a dict whose other keys are kept as a record."""


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    said = solution_str.rsplit("####", 1)[-1].strip().replace(",", "")
    return {"score": 1.0 if said == str(ground_truth) else 0.0, "said": said[:50]}

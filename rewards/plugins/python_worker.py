"""The process in which Python reward code of the user runs.

Requests are lines of JSON on descriptor 4, replies lines of JSON on descriptor 3; standard output
is the user's own. Every request carries a nonce, and a reply repeats it (with ":i" for the i-th
sample), so that a line written by anyone else is recognised.
"""

import hashlib
import inspect
import json
import math
import os
import select
import shutil
import signal
import sys
import time
import traceback
import types

REPLIES = 3
REQUESTS = 4
MAX_TEXT = 2000
MAX_RECORD = 1 << 16
MAX_LEVELS = 16
MAX_RESULT = 1 << 20


# --- the channel ---


def send(reply):
    data = (json.dumps(reply, allow_nan=False) + "\n").encode()
    while data:
        data = data[os.write(REPLIES, data) :]


def describe(error):
    """The error and the user's line that raised it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != "<string>"]
    frames = [f for f in frames if not f.filename.startswith("<frozen")]
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return clean(f"{type(error).__name__}: {error}{where}"[:MAX_TEXT])


def flush_outputs():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


# --- loading ---


def load(request):
    global function, form, owns_namespace
    path, name = request["path"], request["function"]
    sys.path.insert(0, os.path.dirname(path))
    before = set(sys.modules)
    module = types.ModuleType("gradus_user_rewards")
    module.__file__ = path
    sys.modules[module.__name__] = module
    # The text that was hashed, not what the file says by now.
    exec(compile(request["source"], path, "exec"), module.__dict__)
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, f in vars(module).items() if inspect.isfunction(f)]
        raise AttributeError(f"{path} has no function {name}; it has {', '.join(known) or 'none'}")
    form = request["form"]
    if form == "auto":
        form = form_of(function)
    if form == "openai":
        check_two_arguments(function)
    owns_namespace = request["owns_namespace"] and os.getppid() == 1
    return {"form": form, "files": imported_files(os.path.dirname(path), before)}


def imported_files(folder, before):
    """What the rule imported from its own folder, with the hashes of what was read."""
    files = {}
    for name in set(sys.modules) - before:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and file.startswith(folder + os.sep) and os.path.isfile(file):
            with open(file, "rb") as content:
                files[file] = hashlib.sha256(content.read()).hexdigest()
    return files


def form_of(function):
    names = set(inspect.signature(function).parameters)
    if {"data_sources", "solution_strs"} <= names:
        return "verl_batch"
    if "solution_str" in names:
        return "verl"
    if names == {"sample", "item"}:
        return "openai"
    return "trl"


def check_two_arguments(function):
    try:
        inspect.signature(function).bind({}, {})
    except TypeError as error:
        raise TypeError(f"{function.__name__} must take (sample, item): {error}") from None


# --- values ---


def number_of(value):
    """A float, None, or {"error": why it is none}; True is 1 and False is 0."""
    if value is None:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, (int, float)):
        shown = clean(repr(value)[:100])
        return {"error": f"returned {shown} ({type(value).__name__}), must be a number or None"}
    try:
        number = float(value)
    except OverflowError:
        return {"error": "returned an integer past the range of a double"}
    if not math.isfinite(number):
        return {"error": f"returned {number}, must be finite"}
    return number


def clean(text):
    """Halves of surrogate pairs are no text that can be sent."""
    return text.encode("utf-8", "replace").decode()


def cut(value, level=1):
    """The value without what lies too deep; what JSON cannot carry raises when it is written."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >> 63:
        return hex(value)[:MAX_TEXT]  # past what numbers of others hold
    if isinstance(value, (dict, list, tuple)):
        if level > MAX_LEVELS:
            return f"(nested deeper than {MAX_LEVELS})"
        if isinstance(value, dict):
            # The names that JSON gives to None, True and numbers.
            names = {k: k if isinstance(k, str) else json.dumps(k) for k in value}
            return {clean(names[k]): cut(v, level + 1) for k, v in value.items()}
        return [cut(v, level + 1) for v in value]
    return value


def plain(value, level=1):
    """What JSON can carry of a rule's own record, within bounds."""
    try:
        text = json.dumps(cut(value, level), allow_nan=False)
        if len(text) <= MAX_RECORD:
            return json.loads(text)
        return f"(cut, {len(text)} bytes of JSON) {text[:MAX_TEXT]}"
    except (TypeError, ValueError, RecursionError):
        return clean(repr(value)[:MAX_TEXT])


def record(members):
    """The members together within the same bounds."""
    kept, room = {}, MAX_RECORD
    for name, value in members.items():
        value = plain(value, 2)
        room -= len(json.dumps(value)) + len(str(name))
        if room < 0:
            kept["details_cut"] = f"kept are {MAX_RECORD} bytes of {len(members)} members"
            break
        kept[clean(str(name))] = value
    return kept


def graded(value):
    """A verl result: a number, or a dict with `score` and a record."""
    if isinstance(value, dict):
        if "score" not in value:
            return {"error": "returned a dict without the key score"}
        score = number_of(value["score"])
        if isinstance(score, dict):
            return score
        return {"score": score, "details": record({k: v for k, v in value.items() if k != "score"})}
    return number_of(value)


def list_of(values):
    if inspect.iscoroutine(values):
        import asyncio

        values = asyncio.run(values)
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"returned {type(values).__name__}, must be a list of numbers or None")
    return values


# --- TRL: reward(prompts, completions, completion_ids, **columns) -> list ---


def trl_arguments(request):
    """What the signature asks for; everything if it takes **kwargs, as TRL's functions do."""
    given = dict(request["columns"])
    for name in ("prompts", "completions", "completion_ids"):
        given[name] = request[name]
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    extra = {"completions_ids": request["completion_ids"], "trainer_state": None}
    given.update({p.name: extra[p.name] for p in named if p.name in extra and p.name not in given})
    missing = [p.name for p in named if p.default is p.empty and p.name not in given]
    if missing:
        raise TypeError(
            f"{function.__name__} needs {', '.join(missing)}, but the data has only the columns "
            f"{', '.join(request['columns']) or '(none)'}"
        )
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return given
    return {p.name: given[p.name] for p in named if p.name in given}


def grade_trl(request):
    return [number_of(value) for value in list_of(function(**trl_arguments(request)))]


# --- verl: compute_score(data_source, solution_str, ground_truth, extra_info) -> number or dict ---


def verl_arguments(row, completion):
    row = row if isinstance(row, dict) else {}
    model = row.get("reward_model")
    truth = model.get("ground_truth") if isinstance(model, dict) else None
    for key in ("ground_truth", "answer"):
        if truth is None:
            truth = row.get(key)
    extra = row.get("extra_info")
    return {
        "data_source": row.get("data_source", ""),
        "solution_str": completion,
        "ground_truth": truth,
        "extra_info": extra if extra is not None else {},
    }


def call_accepted(given):
    """Calls the function with those of the arguments that it takes."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return function(**given)
    return function(**{p.name: given[p.name] for p in parameters if p.name in given})


def grade_verl(sample, context):
    value = call_accepted(verl_arguments(context.get("row"), sample["completion"]))
    if inspect.iscoroutine(value):
        import asyncio

        value = asyncio.run(value)
    return graded(value)


def grade_verl_batch(request):
    contexts = request["contexts"]
    each = [
        verl_arguments(contexts[s["context"]].get("row"), s["completion"])
        for s in request["samples"]
    ]
    plural = {
        "data_sources": [a["data_source"] for a in each],
        "solution_strs": [a["solution_str"] for a in each],
        "ground_truths": [a["ground_truth"] for a in each],
        "extra_infos": [a["extra_info"] for a in each],
    }
    return [graded(value) for value in list_of(call_accepted(plural))]


# --- OpenAI: grade(sample, item) -> number, each call in a process of its own ---


def openai_sample(text):
    sample = {
        "output_text": text,
        "output_tools": [],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}],
    }
    try:
        sample["output_json"] = json.loads(text)
    except (ValueError, RecursionError):  # what the model wrote: no JSON, or nested without end
        pass
    return sample


def grade_openai(sample, context):
    given = sample.get("sample")
    given = given if given is not None else openai_sample(sample["completion"])
    return in_own_process(lambda: number_of(function(given, context.get("row"))))


def in_own_process(work):
    """Runs `work` in a copy of this process that ends with it, and with all that it started."""
    reader, writer = os.pipe()
    token = os.urandom(16).hex()  # what code writes to every descriptor it finds is no grade
    flush_outputs()
    child = os.fork()
    if child == 0:
        for fd in (REPLIES, REQUESTS, reader):
            os.close(fd)
        try:
            result = work()
        except BaseException as error:  # the user's code: anything may come, SystemExit too
            result = {"error": describe(error)}
        flush_outputs()
        os.write(writer, f"{token} {json.dumps(result)}\n".encode())
        os._exit(0)
    os.close(writer)
    received, status = wait_for(child, reader)
    os.close(reader)
    end_leftovers()
    if received.startswith(token.encode()) and received.count(b"\n") == 1:
        return json.loads(received[len(token) :])
    if received:
        return {"error": "the process wrote what is no grade on its channel"}
    if os.WIFSIGNALED(status):
        return {"error": f"the process was killed by signal {os.WTERMSIG(status)}"}
    return {"error": f"the process exited with status {os.WEXITSTATUS(status)} without a grade"}


def wait_for(child, reader):
    """What the child wrote, and its status; does not wait for others who hold the pipe."""
    pidfd = os.pidfd_open(child)
    received = b""
    watched = [reader, pidfd]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if reader in ready:
            piece = os.read(reader, 65536)
            received += piece
            if not piece:
                watched.remove(reader)
        if len(received) > MAX_RESULT:
            os.kill(child, signal.SIGKILL)
            watched = [pidfd]
        if pidfd in ready and reader not in ready:
            break
    os.close(pidfd)
    _, status = os.waitpid(child, 0)
    return received, status


def end_leftovers():
    """No process and no file of one sample is there for the next."""
    if not owns_namespace:
        return
    try:
        while True:  # until the last one is not only killed but gone
            os.kill(-1, signal.SIGKILL)
            time.sleep(0.0001)
    except ProcessLookupError:
        pass
    home = os.environ.get("HOME", "/tmp")
    for entry in os.scandir(home):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            try:
                os.unlink(entry.path)
            except OSError:
                pass


# --- requests ---

function = None
form = "trl"
owns_namespace = False

WHOLE = {"trl": grade_trl, "verl_batch": grade_verl_batch}
SINGLE = {"verl": grade_verl, "openai": grade_openai}


def answer_samples(request):
    grade = SINGLE[form]
    for index, sample in enumerate(request["samples"]):
        try:
            score = grade(sample, request["contexts"][sample["context"]])
        except Exception as error:  # the user's code: anything may come
            score = {"error": describe(error)}
        send({"nonce": f"{request['nonce']}:{index}", "score": score})


def answer(request):
    nonce = request["nonce"]
    try:
        if "load" in request:
            reply = {"nonce": nonce, "loaded": load(request["load"])}
        elif form in WHOLE:
            reply = {"nonce": nonce, "scores": WHOLE[form](request)}
        else:
            return answer_samples(request)
    except Exception as error:  # the user's code: anything may come
        reply = {"nonce": nonce, "error": describe(error)}
    flush_outputs()
    send(reply)


def keep_channel():
    """No program that the user's code starts inherits the channel, or what closes this process."""
    for fd in (REPLIES, REQUESTS):
        os.set_inheritable(fd, False)
    preloaded = [p for p in os.environ.pop("LD_PRELOAD", "").split(":") if "gradus-guard" not in p]
    if any(preloaded):
        os.environ["LD_PRELOAD"] = ":".join(preloaded)


def main():
    keep_channel()
    with os.fdopen(os.dup(REQUESTS), "rb") as requests:
        for line in requests:
            answer(json.loads(line))


main()

"""The process in which a reward function of the user runs.

Lines of JSON arrive and leave on descriptor 3; standard output is the user's own. Every request
carries a nonce that its reply repeats, so that a line written by anyone else is recognised.
"""

import importlib.util
import inspect
import json
import math
import os
import select
import signal
import sys
import threading
import traceback

CHANNEL = 3
MAX_TEXT = 2000


def die_with_parent():
    """Ends the whole group when the trainer is gone, even while the user's code is busy."""
    poller = select.poll()
    poller.register(CHANNEL, 0)
    poller.poll()
    os.killpg(0, signal.SIGKILL)


def limit_resources(memory_mb):
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_mb > 0:
        size = memory_mb << 20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def load(file, name):
    sys.path.insert(0, os.path.dirname(file))
    spec = importlib.util.spec_from_file_location("gradus_user_rewards", file)
    if spec is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, f in vars(module).items() if inspect.isfunction(f)]
        raise AttributeError(f"{file} has no function {name}; it has {', '.join(known) or 'none'}")
    return function


def arguments_for(function, request):
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


def call(function, request):
    values = function(**arguments_for(function, request))
    if inspect.iscoroutine(values):
        import asyncio

        values = asyncio.run(values)
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"returned {type(values).__name__}, must be a list of numbers or None")
    return [grade_of(value) for value in values]


def grade_of(value):
    if value is None:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        shown = repr(value)[:100]
        return {"error": f"returned {shown} ({type(value).__name__}), must be a number or None"}
    try:
        number = float(value)
    except OverflowError:
        return {"error": "returned an integer past the range of a double"}
    if not math.isfinite(number):
        return {"error": f"returned {number}, must be finite"}
    return number


def describe(error):
    """The error and the user's line that raised it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != "<string>"]
    frames = [f for f in frames if not f.filename.startswith("<frozen")]
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"[:MAX_TEXT]


def send(reply):
    data = (json.dumps(reply, allow_nan=False) + "\n").encode()
    while data:
        data = data[os.write(CHANNEL, data) :]


def main():
    os.set_inheritable(CHANNEL, False)
    function = None
    with os.fdopen(os.dup(CHANNEL), "rb") as requests:
        threading.Thread(target=die_with_parent, daemon=True).start()
        for line in requests:
            request = json.loads(line)
            reply = {"nonce": request["nonce"]}
            try:
                if "load" in request:
                    limit_resources(request["memory_mb"])
                    function = load(*request["load"])
                else:
                    reply["grades"] = call(function, request)
            except Exception as error:  # the user's code: anything may come
                reply["error"] = describe(error)
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except Exception:
                    pass
            send(reply)


main()

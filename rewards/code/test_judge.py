# The process of the tests. It knows what is expected and never runs the program: names that the
# tests use and nobody defines stand for the program's, and calling them asks its process.

import builtins
import symtable
import sys

sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
requests = None
nonce = ""


class ProgramEnded(BaseException):
    """The program's process is gone; the owner knows why."""


class ProgramRaised(Exception):
    """The program raised what is no built-in exception."""


def ask(act, target=None, args=(), named=None, **more):
    import json

    request = {"act": act, "args": [encode(a, number_of) for a in args], **more}
    if named:
        request["named"] = {k: encode(v, number_of) for k, v in named.items()}
    if target is not None:
        request["target"] = target
    write_line(3, {"nonce": nonce, "ask": json.dumps(request)})
    reply = next(requests)
    if "answer" not in reply:
        raise ProgramEnded()
    answer = json.loads(reply["answer"])
    if "raised" in answer:
        raise exception_of(answer)
    for index, value in answer.get("changed", {}).items():
        put_into(args[int(index)], decode(value, Remote))
    return decode(answer["value"], Remote)


def exception_of(answer):
    for name in answer["raised"]:
        type_ = getattr(builtins, name, None)
        if isinstance(type_, type) and issubclass(type_, Exception) and name != "Exception":
            try:
                error = type_(answer["text"])
            except Exception:
                break
            error.from_program = answer["raised"][0]
            return error
    error = ProgramRaised(f"{answer['raised'][0]}: {answer['text']}")
    error.from_program = answer["raised"][0]
    return error


def put_into(value, changed):
    """What the program did to an argument."""
    if isinstance(value, (list, bytearray)):
        value[:] = changed
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(changed)


def number_of(value):
    if isinstance(value, Remote):
        return object.__getattribute__(value, "_number")
    raise NotPlain(f"a test gives the program a {type(value).__name__}, which is no plain data")


class Remote:
    """An object of the program. It equals itself alone: __eq__ of the program decides nothing."""

    def __init__(self, number, name="object"):
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_name", name)

    def __call__(self, *args, **named):
        return ask("call", self._number, args, named)

    def __getattr__(self, name):
        return ask("get", self._number, name=name)

    def __setattr__(self, name, value):
        ask("set", self._number, [value], name=name)

    def __getitem__(self, key):
        return ask("item", self._number, [key])

    def __setitem__(self, key, value):
        ask("setitem", self._number, [key, value])

    def __contains__(self, value):
        return ask("in", self._number, [value])

    def __len__(self):
        return ask("len", self._number)

    def __next__(self):
        return ask("next", self._number)

    def __iter__(self):
        return iter(ask("list", self._number))

    def __str__(self):
        return ask("text", self._number)

    __repr__ = __str__

    def __eq__(self, other):
        return isinstance(other, Remote) and self._number == other._number

    def __hash__(self):
        return self._number

    def __bool__(self):
        return True


def unknown_names(source):
    """Globals that are read, but neither defined by the tests nor built in."""
    read, defined = set(), set(dir(builtins))

    def visit(table, is_module):
        for symbol in table.get_symbols():
            if not is_module and not symbol.is_global():
                continue
            if symbol.is_referenced():
                read.add(symbol.get_name())
            if symbol.is_assigned() or symbol.is_imported():
                defined.add(symbol.get_name())
        for inner in table.get_children():
            visit(inner, False)

    visit(symtable.symtable(source, "test", "exec"), True)
    return read - defined


def run_code(test):
    names = {"__name__": "tests"}
    if test["setup"]:
        # A setup may bring parts that the program and the tests share; what it defines is ours.
        exec(compile(test["setup"], "setup", "exec"), names)
    code = compile(test["source"], "test", "exec")
    for name in unknown_names(test["source"]) - set(names):
        names[name] = ask("global", name=name)
    exec(code, names)
    if test["kind"] == "check":
        names["check"](ask("global", name=test["function"]))
    return ""


def same(value, expected, tolerance):
    """As JSON would compare them: a tuple is a list, a key is its text."""
    if isinstance(expected, bool) or isinstance(value, bool) or expected is None or value is None:
        return value is expected
    if isinstance(value, (int, float)) and isinstance(expected, (int, float)):
        if isinstance(value, int) and isinstance(expected, int):
            return value == expected
        return value == expected or abs(value - expected) <= tolerance * max(1.0, abs(expected))
    if isinstance(value, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(value) == len(expected) and all(
            same(a, b, tolerance) for a, b in zip(value, expected)
        )
    if isinstance(value, dict) and isinstance(expected, dict):
        value = {k if isinstance(k, str) else str(k): v for k, v in value.items()}
        return value.keys() == expected.keys() and all(
            same(value[k], expected[k], tolerance) for k in expected
        )
    return type(value) is type(expected) and value == expected


def run_call(test):
    function = ask("global", name=test["function"])
    value = function(*test["arguments"])
    wanted = [test["value"]]
    if test["wrapped"] and isinstance(test["value"], list) and len(test["value"]) == 1:
        wanted.append(test["value"][0])
    if any(same(value, w, test["tolerance"]) for w in wanted):
        return ""
    return f"returned {value!r}"[:200]


def judge(test):
    try:
        difference = run_call(test) if test["kind"] == "call" else run_code(test)
        return {"verdict": "wrong" if difference else "ok", "reason": difference}
    except ProgramEnded:
        return {"verdict": "ended", "reason": ""}
    except AssertionError as error:
        if not hasattr(error, "from_program"):
            return {"verdict": "wrong", "reason": f"an assertion failed {error}".strip()[:300]}
        return {"verdict": "crash", "reason": f"the program raised AssertionError: {error}"[:300]}
    except Exception as error:
        text = f"{type(error).__name__}: {error}"[:300]
        if hasattr(error, "from_program"):
            verdict = "memory" if error.from_program == "MemoryError" else "crash"
            return {"verdict": verdict, "reason": f"the program raised {text}"}
        return {"verdict": "wrong", "reason": f"the test stopped with {text}"}


def main():
    global requests, nonce
    requests = read_lines(4)
    for request in requests:
        nonce = request["nonce"]
        write_line(3, {"nonce": nonce, **judge(request["test"])})


main()

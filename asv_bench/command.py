"""What every command here can be told, and what its output is headed by."""

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from workloads import DTYPES

PACKAGES = ("mlp_fast", "numba", "numpy", "scipy", "jax", "optax", "torch", "scikit-learn")
PACKAGES += ("onnxruntime", "mlpfile")
PROCESSORS = Path("/proc/cpuinfo")
COMPILER = os.environ.get("CC", "cc")


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows the options of all commands."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    options.add_argument("--repetitions", type=int, default=9, help="of everything timed")
    options.add_argument("--markdown", type=Path, help="write the table to this file")
    options.add_argument("--chart", type=Path, help="draw it in this file: .svg, .png or .pdf")
    return options


def header() -> str:
    """Return the machine, the versions and the command."""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package)}")
    if shutil.which(COMPILER):
        told = subprocess.check_output([COMPILER, "--version"], text=True)
        versions.append(told.splitlines()[0])
    told = PROCESSORS.read_text() if PROCESSORS.exists() else ""
    found = re.search(r"model name\s*: (.*)", told)
    model = found[1] if found else platform.machine()
    lines = [
        f"machine: {model}, {os.cpu_count()} cores, {platform.system()}",
        f"load before the run: {os.getloadavg()[0]:.1f}; one thread",
        f"versions: {', '.join(versions)}",
        f"command: python {shlex.join(sys.argv)}",
    ]
    return "\n".join(lines)

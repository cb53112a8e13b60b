"""Processes of their own, each with the cache folder that it is told, where warnings are errors."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import llvmlite.binding as llvm

import mlp_fast

PACKAGE = Path(mlp_fast.__file__).parent

LIMIT = 1800  # seconds that a process may take

TARGET = "haswell"  # whose registers are the narrowest: code for it differs most from most others
TARGETS = {  # and a feature without which this machine cannot run what is compiled for it
    "haswell": "avx2",
    "skylake-avx512": "avx512vl",
    "znver4": "avx512vnni",
}

QUICK = """
from mlp_fast.kernels.compile.jit import kernel

@kernel
def triple(x):
    return 3.0 * x

print(triple(1.0))
"""

SMALL = """
from mlp_fast import MLP
m = MLP(activation="relu", output_activation="linear", layer_sizes=(1,), batch_size=1)
m.init_weights((1, 1, 1), 0)
m.weights[0][:], m.weights[1][:] = [[0], [1]], [[0], [1]]
print(m.predict([[3.0]])[0, 0])
"""

NO_COMPILER = """
import numba.core.compiler

def refuse(*arguments, **options):
    raise AssertionError("the compiler was called")

numba.core.compiler.compile_extra = refuse
"""

WARM_UP = """
import json
import re
import mlp_fast
from mlp_fast.kernels.compile.jit import INNER_KERNELS, KERNELS
from mlp_fast.kernels.train.online_blocks import train_in_blocks

mlp_fast.warmup()
registers = set()
for code in train_in_blocks.inspect_asm().values():
    registers |= {*re.findall(r"%([xyz]mm)\\d", code)}
signatures = {
    f"{kernel.__module__}.{kernel.__qualname__}": list(map(str, kernel.signatures))
    for kernel in KERNELS + INNER_KERNELS
}
assert len(signatures) == len(KERNELS) + len(INNER_KERNELS)
print(json.dumps({"registers": sorted(registers), "signatures": signatures}))
"""


def run(code, cache, path=PACKAGE.parent, **environment):
    """Run code in a process of its own; return what it prints."""
    return completed(code, cache, path, **environment).stdout


def completed(
    code,
    cache,
    path=PACKAGE.parent,
    command=(sys.executable,),
    options=None,
    stderr=subprocess.PIPE,
    **environment,
):
    """Run code in a process of its own; return it when it succeeded."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "MLP_FAST_CACHE_DIR": str(cache),
        "PYTHONPATH": str(path),
        **environment,
    }
    done = subprocess.run(
        [*command, "-W", "error", "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=cache.parent,
        timeout=LIMIT,
        **(options or {}),
    )
    assert done.returncode == 0, done.stderr
    return done


class Warmed(NamedTuple):
    """A cache folder that one process filled by warming up, and what that process said."""

    cache: Path
    environment: dict[str, str]  # in which others find what they need there
    registers: list[str]  # of a kernel of wide rows: "ymm" are of 256 bits, "zmm" of 512
    signatures: dict[str, list[str]]  # of each kernel


def is_runnable(target):
    """Tell whether this machine can run what is compiled for a target."""
    return bool(llvm.get_host_cpu_features().get(TARGETS[target]))


def warmed_up(place, target):
    """Compile every kernel in a new folder, for a target or, if it is None, this machine.

    If the folder is there, another process of tests is at it, or has done it: wait for that.
    """
    # with the name alone, Numba keeps the features of this machine
    environment = {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""} if target else {}
    cache, said, partly = place / "cache", place / "said.json", place / "partly.json"
    try:
        place.mkdir()
    except FileExistsError:
        end = time.monotonic() + LIMIT
        while not said.exists() and time.monotonic() < end:
            time.sleep(0.5)
    else:
        try:
            partly.write_text(run(WARM_UP, cache, **environment))
        finally:  # after an error it is empty
            partly.touch()
            partly.replace(said)
    return Warmed(cache, environment, **json.loads(said.read_text()))

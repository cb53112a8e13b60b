"""What a process pays before it trains at full speed: imports, then compiling or loading."""

import os
import statistics
import subprocess
import sys
import tempfile

from .workloads import BATCH_SIZES

PROCESSES = 5
IMPORT = """
import time
import numba
started = time.perf_counter()
import mlp_fast
print(time.perf_counter() - started)
"""
FIRST_CALL = """
import time
import numpy as np
from mlp_fast import MLP
X, T = np.zeros((2, 2)), np.zeros((2, 1))
net = MLP(layer_sizes=2, epochs=1, batch_size={batch_size})
started = time.perf_counter()
net.train(X, T)
print(time.perf_counter() - started)
"""


def timeraw_import_mlp_fast() -> str:
    return "import mlp_fast"


def printed(code: str, **environment: str) -> float:
    """Return the number that a new process prints."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(run.stdout)


def track_import_beyond_numba() -> float:
    """In each process Numba is imported first: the pairs share their noise."""
    return statistics.median(printed(IMPORT) for _ in range(PROCESSES))


track_import_beyond_numba.unit = "s"


def first_call_seconds(mode: str, cache: str) -> float:
    """Time the first `train` of a new process that keeps its compiled kernels in a folder."""
    return printed(FIRST_CALL.format(batch_size=BATCH_SIZES[mode]), MLP_FAST_CACHE_DIR=cache)


class FirstCall:
    params = (("cold", "warm"), ("online", "full_batch"))
    param_names = ("cache", "mode")
    unit = "s"

    def setup(self, cache: str, mode: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        if cache == "warm":
            first_call_seconds(mode, self.folder.name)

    def teardown(self, cache: str, mode: str) -> None:
        self.folder.cleanup()

    def track_first_train(self, cache: str, mode: str) -> float:
        processes = 1 if cache == "cold" else PROCESSES
        return statistics.median(
            first_call_seconds(mode, self.folder.name) for _ in range(processes)
        )

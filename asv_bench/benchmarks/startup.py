"""What a process pays before it trains at full speed: imports, then compiling or loading."""

import os
import subprocess
import sys
import tempfile

from .workloads import BATCH_SIZES

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


def timeraw_import_numba() -> str:
    return "import numba"


def first_call_seconds(mode: str, cache: str) -> float:
    """Time the first `train` of a new process that keeps its compiled kernels in a folder."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST_CALL.format(batch_size=BATCH_SIZES[mode])],
        env={**os.environ, "MLP_FAST_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(run.stdout)


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
        return first_call_seconds(mode, self.folder.name)

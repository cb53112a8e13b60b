"""What a process pays before it trains at full speed: an import, then compiling or loading."""

import os
import subprocess
import sys
import tempfile

import numpy as np

PROCESSES = 5
CODE = """
import time
import numba
import numpy as np
started = time.perf_counter()
from mlp_fast import MLP
imported = time.perf_counter()
MLP(layer_sizes=2, epochs=1, batch_size={batch_size}).train(np.zeros((2, 2)), np.zeros((2, 1)))
print(imported - started, time.perf_counter() - imported)
"""


class Startup:
    """The median of new processes, their compiled kernels kept in a folder or not yet."""

    params = (("cold", "warm"), (1, None))
    param_names = ("cache", "batch_size")
    unit = "s"

    def setup(self, cache: str, batch_size: int | None) -> None:
        self.folder = tempfile.TemporaryDirectory()
        if cache == "warm":
            self._seconds(batch_size, 1)

    def track_import_beyond_numba(self, cache: str, batch_size: int | None) -> float:
        return self._seconds(batch_size, PROCESSES if cache == "warm" else 1)[0]

    def track_first_train(self, cache: str, batch_size: int | None) -> float:
        return self._seconds(batch_size, PROCESSES if cache == "warm" else 1)[1]

    def _seconds(self, batch_size: int | None, processes: int) -> np.ndarray:
        """Return those of the import and of the first `train`."""
        command = [sys.executable, "-c", CODE.format(batch_size=batch_size)]
        environment = {**os.environ, "MLP_FAST_CACHE_DIR": self.folder.name}
        printed = [subprocess.check_output(command, env=environment) for _ in range(processes)]
        return np.median([[float(number) for number in text.split()] for text in printed], axis=0)

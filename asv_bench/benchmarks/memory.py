"""Peak memory of training beside what is promised."""

import ctypes
import sys
from pathlib import Path

import numpy as np
from workloads import DTYPES

from mlp_fast import MLP

NETWORKS = {  # and the number of rows
    "784-1024-1024-10": ((784, 1024, 1024, 10), 1000),
    "8-50-1": ((8, 50, 1), 200_000),
}
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PEAK = Path("/proc/self/clear_refs")


class BeyondTheData:
    """What `train` needs beside X and T, of what it may: at most 1.

    That is five times the weights, one batch of inputs and activations, and 16 bytes a sample.
    """

    params = (tuple(NETWORKS), (1, 32, None), DTYPES)
    param_names = ("network", "batch_size", "dtype")
    unit = "of what is promised"

    def setup(self, network: str, batch_size: int | None, dtype: str) -> None:
        if not (PEAK.exists() and hasattr(LIBC, "malloc_trim")):
            raise NotImplementedError("only Linux forgets a peak, and only its usual libc is neat")
        self.sizes, self.rows = NETWORKS[network]
        draw = np.random.default_rng(0)
        self.X = draw.random((self.rows, self.sizes[0]), dtype)
        self.T = draw.random((self.rows, self.sizes[-1]), dtype)
        self.options = {"dtype": dtype, "batch_size": batch_size, "learning_rate": 0.001}
        self.options["layer_sizes"] = self.sizes[1:-1]  # as these are, so is the kernel
        MLP(epochs=1, **self.options).train(self.X[:64], self.T[:64])  # compiled

    def track_of_the_promise(self, network: str, batch_size: int | None, dtype: str) -> float:
        net = MLP(epochs=2, **self.options)
        needed = peak_beyond(lambda: net.train(self.X, self.T))
        weights = sum(W.nbytes for W in net.weights)
        batch = (batch_size or self.rows) * sum(self.sizes) * self.X.itemsize
        return needed / (5 * weights + batch + 16 * self.rows)


def peak_beyond(call) -> int:
    """Return by how many bytes a call raises the memory of the process at its peak."""
    LIBC.malloc_trim(0)  # or what was freed before would be used again, and not be seen
    PEAK.write_text("5")  # forget it
    before = _status("VmRSS")
    call()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

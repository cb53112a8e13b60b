"""Peak memory of training and predicting, by itself and beside what is promised."""

import ctypes
import sys
from pathlib import Path

import numpy as np

from mlp_fast import MLP

from .workloads import BATCH_SIZES, DTYPES, data, predictor, trainer

SHAPE, DTYPE = "784-100-10", "float64"
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PEAK = Path("/proc/self/clear_refs")


class Memory:
    def setup_cache(self) -> None:
        """Compile in another process: the compiler's memory is no part of what is measured."""
        for run in self._runs():
            run()

    def setup(self) -> None:
        data(SHAPE, DTYPE)
        self.train_online, self.train_batch, self.predict = self._runs()

    def peakmem_data(self) -> None:
        pass

    def peakmem_online(self) -> None:
        self.train_online()

    def peakmem_batch(self) -> None:
        self.train_batch()

    def peakmem_predict(self) -> None:
        self.predict()

    def _runs(self):
        return (
            trainer("mlp_fast", "online", SHAPE, DTYPE, epochs=1),
            trainer("mlp_fast", "full_batch", SHAPE, DTYPE, epochs=1),
            predictor("mlp_fast", 1000, SHAPE, DTYPE),
        )


class BeyondTheData:
    """What `train` needs beside X and T, of what it may: at most 1.

    That is five times the weights, padded, one batch of inputs and activations, and 16 bytes a
    sample.
    """

    params = (
        ("784-1024-1024-10, 1000 rows", "8-50-1, 200000 rows"),
        tuple(BATCH_SIZES),
        DTYPES,
    )
    param_names = ("network", "mode", "dtype")
    unit = "of what is promised"

    def setup(self, network: str, mode: str, dtype: str) -> None:
        if not (PEAK.exists() and hasattr(LIBC, "malloc_trim")):
            raise NotImplementedError("only Linux forgets a peak, and only its usual libc is neat")
        shape, rows = network.removesuffix(" rows").split(", ")
        self.sizes, self.rows = [int(n) for n in shape.split("-")], int(rows)
        draw = np.random.default_rng(0)
        self.X = draw.random((self.rows, self.sizes[0]), dtype)
        self.T = draw.random((self.rows, self.sizes[-1]), dtype)
        self.options = {"dtype": dtype, "batch_size": BATCH_SIZES[mode], "learning_rate": 0.001}
        self.options["layer_sizes"] = self.sizes[1:-1]  # as these are, so is the kernel
        MLP(epochs=1, **self.options).train(self.X[:64], self.T[:64])  # compiled

    def track_of_the_promise(self, network: str, mode: str, dtype: str) -> float:
        net = MLP(epochs=2, **self.options)
        needed = peak_beyond(lambda: net.train(self.X, self.T))
        weights = net._net.theta.nbytes
        batch = (BATCH_SIZES[mode] or self.rows) * sum(self.sizes) * self.X.itemsize
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

"""Plain C, compiled when first used; see c_online.c."""

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from peers.peer import Array, Job, Network, PlainBias

SOURCE = Path(__file__).with_name("c_online.c")
COMPILER = os.environ.get("CC", "cc")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC")
FLAGS += ("-fno-loop-unroll-and-jam",)  # which makes GCC's code for listed inputs half as fast
LINE, PAGE = 64, 4096  # bytes
MANY = 0.3  # zeros, so that listing the other inputs pays

if shutil.which(COMPILER) is None:
    raise ImportError(f"there is no C compiler {COMPILER!r}")


class Compiled(PlainBias):
    """Code for one network.

    Rows of weights fill whole cache lines, unless those of the first layer are shorter: among the
    ways to lay them out this was the fastest, or nearly so, in each row of the table.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        network = job.network
        lanes = LINE // self.dtype.itemsize
        lanes = lanes if network.sizes[1] >= lanes else 1
        many_zeros = float(np.mean(job.X == 0)) > MANY
        self.function = _compiled(network, self.dtype.name, many_zeros, lanes)
        self.layers = []
        for l, (n_in, n_out) in enumerate(pairwise(network.sizes)):
            if l == 0:  # a row of weights for each input
                W = _padded(n_in, n_out, lanes, self.dtype)
            else:  # for each output
                W = _padded(n_out, n_in, lanes, self.dtype).T
            self.layers.append((W, _padded(1, n_out, lanes, self.dtype)[0]))
        pointers, columns = ctypes.c_void_p * len(self.layers), zip(*self.layers, strict=True)
        self.pointers = [pointers(*(array.ctypes.data for array in some)) for some in columns]

    def train(self) -> None:
        job = self.job
        data = job.X.ctypes.data, job.T.ctypes.data, len(job.X)
        self.function(*self.pointers, *data, job.epochs, job.network.learning_rate)


def _padded(rows: int, width: int, lanes: int, dtype: np.dtype) -> Array:
    """Return zeros that begin at a cache line, each row filled up to a multiple of some lanes."""
    stride = -(-width // lanes) * lanes
    raw = np.zeros(rows * stride * dtype.itemsize + PAGE, np.uint8)
    start = -raw.ctypes.data % PAGE
    aligned = raw[start : start + rows * stride * dtype.itemsize]
    return aligned.view(dtype).reshape(rows, stride)[:, :width]


@functools.cache
def _compiled(network: Network, dtype: str, listed: bool, lanes: int) -> ctypes._CFuncPtr:
    macros = {
        "SIZES": ",".join(map(str, network.sizes)),
        "REAL": {"float32": "float", "float64": "double"}[dtype],
        "HIDDEN": network.hidden.upper(),
        "OUTPUT": network.output.upper(),
        "LIST_INPUTS": int(listed),
        "LANES": lanes,
    }
    defined = [f"-D{name}={value}" for name, value in macros.items()]
    with tempfile.TemporaryDirectory(prefix="c_online") as folder:
        code, library = Path(folder, "online.o"), Path(folder, "online.so")
        subprocess.run([COMPILER, *FLAGS, *defined, "-c", SOURCE, "-o", code], check=True)
        # linked without -ffast-math, which would flush denormals to zero in the whole process
        subprocess.run([COMPILER, "-shared", code, "-o", library, "-lm"], check=True)
        train = ctypes.CDLL(str(library)).train
    train.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_long, ctypes.c_long, ctypes.c_double]
    train.restype = None
    return train

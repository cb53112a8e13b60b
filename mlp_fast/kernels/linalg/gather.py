"""Gather rows of a matrix, padded with zeros, and prefetch them."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inner_kernel
from mlp_fast.kernels.simd.arrays import flat
from mlp_fast.kernels.simd.memory import load, load_first, prefetch, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes


@inner_kernel
def gather(X: Floats, samples: NDArray[np.int64], rows: Floats, width: int) -> None:
    """Gather the rows of some samples, each padded with zeros to a whole vector."""
    x, n = flat(X), X.shape[1]
    V = lanes(x)
    whole = n - n % V
    for i in range(samples.size):
        begin, to = samples[i] * n, i * width
        for p in range(0, whole, V):
            store(rows, to + p, load(x, begin + p))
        if whole < n:
            store(rows, to + whole, load_first(x, begin + whole, n - whole))


@inner_kernel
def prefetch_row(X: Floats, sample: int) -> None:
    """Prefetch a row: memory takes longer to deliver it than the work on it takes."""
    x, n = flat(X), X.shape[1]
    for p in range(sample * n, sample * n + n, lanes(x)):
        prefetch(x, p)

"""Rows of a matrix gathered, where they must lie end to end or end in zeros."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.simd.arrays import flat
from mlp_fast.kernels.simd.memory import expect, load, load_first, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes


@kernel
def gather(X: Floats, samples: NDArray[np.int64], rows: Floats, width: int) -> None:
    """Copy the rows of some samples; each then ends in zeros, up to a whole vector."""
    x, n = flat(X), X.shape[1]
    V = lanes(x)
    whole = n - n % V
    for i in range(samples.size):
        begin, to = samples[i] * n, i * width
        for p in range(0, whole, V):
            store(rows, to + p, load(x, begin + p))
        if whole < n:
            store(rows, to + whole, load_first(x, begin + whole, n - whole))


@kernel
def expect_row(X: Floats, sample: int) -> None:
    """Have a row on its way early: memory takes longer than what is done with it."""
    x, n = flat(X), X.shape[1]
    for p in range(sample * n, sample * n + n, lanes(x)):
        expect(x, p)

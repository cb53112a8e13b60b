"""Which inputs are not zero, listed without a branch: the others need no visit to their weights."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.arguments import Floats, Matrix
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.simd import bits, lanes, load, load_first

MANY = 0.2  # of the inputs: where a batch's lists pay


@kernel
def zeros_are_many(X: Floats) -> bool:
    """Count the zeros of a matrix."""
    zeros = 0
    for i in range(X.shape[0]):
        for p in range(X.shape[1]):
            zeros += X[i, p] == 0
    return zeros > MANY * X.size


@kernel
def list_inputs(x: Floats, listed: NDArray[np.int64]) -> int:
    """List the inputs of one sample that are not 0; return how many."""
    m = 0
    for p in range(x.size):
        listed[m] = p
        m += x[p] != 0
    return m


@kernel
def list_columns(X: Matrix, k: int, n: int, listed: NDArray[np.int64]) -> int:
    """List the columns of k rows that are not 0 in all of them; return how many."""
    V = lanes(X.values)
    m = 0
    for p in range(0, n, V):
        some = 0
        for i in range(p, p + k * X.row, X.row):
            # memory behind the last row may be nobody's
            some |= bits((load(X.values, i) if p + V <= n else load_first(X.values, i, n - p)) != 0)
        if some == 0:
            continue
        for q in range(p, min(p + V, n)):
            listed[m] = q
            m += some & 1
            some >>= 1
    return m


@kernel
def list_rows(X: Matrix, k: int, p: int, listed: NDArray[np.int64]) -> int:
    """List the rows whose eight columns from p on are not all 0; return how many."""
    m = 0
    for i in range(k):
        listed[m] = i
        m += bits(load(X.values, i * X.row + p, 8) != 0) != 0
    return m

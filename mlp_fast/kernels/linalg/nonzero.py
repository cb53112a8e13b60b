"""Which inputs are not zero, listed without a branch: the others need no visit to their weights."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.matrix import Matrix, Rows
from mlp_fast.kernels.simd.compress import append, either
from mlp_fast.kernels.simd.memory import load, load_first
from mlp_fast.kernels.simd.types import Floats, Vector
from mlp_fast.kernels.simd.vector import bits, lanes

MANY_INPUTS = 64  # of a row: fewer are not worth looking for zeros
MANY_ZEROS = 0.2  # of the inputs: where a batch's lists pay


def skips_zeros(rows: Rows) -> bool:
    """Whether rows are so long, and so many inputs 0, that listing the others pays in batches."""
    return rows.n >= MANY_INPUTS and bool(zeros_are_many(rows.X))


@kernel
def zeros_are_many(X: Floats) -> bool:
    """Count the zeros of a matrix."""
    zeros = 0
    for i in range(X.shape[0]):
        for p in range(X.shape[1]):
            zeros += X[i, p] == 0
    return zeros > MANY_ZEROS * X.size


@kernel
def list_inputs(x: Floats, listed: NDArray[np.int64]) -> int:
    """List the inputs of one sample that are not 0; return how many."""
    V = lanes(x)
    whole = x.size - x.size % V
    m = 0
    for p in range(0, whole, V):
        m = append(listed, m, p, load(x, p) != 0)
    if whole < x.size:
        m = append(listed, m, whole, load_first(x, whole, x.size - whole) != 0)
    return m


@kernel
def list_columns(X: Matrix, k: int, n: int, listed: NDArray[np.int64]) -> int:
    """List the columns of k rows that are not 0 in all of them; return how many."""
    V = lanes(X.values)
    whole = n - n % V
    m = 0
    for p in range(0, whole, V):
        m = append(listed, m, p, some_of(X, k, p, V, True) != 0)
    if whole < n:
        m = append(listed, m, whole, some_of(X, k, whole, n - whole, False) != 0)
    return m


@inlined
def some_of(X: Matrix, k: int, p: int, n: int, full: bool) -> Vector:
    """Return n columns from p on, each 0 where it is 0 in all of k rows."""
    some = load_part(X.values, p, n, full)
    for i in range(p + X.row, p + k * X.row, X.row):
        some = either(some, load_part(X.values, i, n, full))
    return some


@inlined
def load_part(x: Floats, i: int, n: int, full: bool) -> Vector:
    """Return n numbers, a full vector or less; memory behind them may be nobody's."""
    return load(x, i) if full else load_first(x, i, n)


@kernel
def list_rows(X: Matrix, k: int, p: int, listed: NDArray[np.int64]) -> int:
    """List the rows whose eight columns from p on are not all 0; return how many."""
    m = 0
    for i in range(k):
        listed[m] = i
        m += bits(load(X.values, i * X.row + p, 8) != 0) != 0
    return m

"""List non-zero inputs without branches, so that the weights of zeros need not be visited."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.matrix import Matrix, Rows
from mlp_fast.kernels.simd.compress import append, bitwise_or
from mlp_fast.kernels.simd.memory import load, load_first
from mlp_fast.kernels.simd.types import Floats, Vector
from mlp_fast.kernels.simd.vector import bits, lanes

MANY_INPUTS = 64  # per row: with fewer, looking for zeros does not pay
MANY_ZEROS = 0.2  # as a fraction of the inputs: with more, lists pay in batches


def skips_zeros(rows: Rows) -> bool:
    """Return whether rows are long and sparse enough for lists of non-zeros to pay in batches."""
    return rows.n >= MANY_INPUTS and bool(zeros_are_many(rows.X))


@kernel
def zeros_are_many(X: Floats) -> bool:
    """Return whether more than MANY_ZEROS of a matrix is zero, as soon as that is certain."""
    zeros, enough, left = 0, MANY_ZEROS * X.size, X.size
    for i in range(X.shape[0]):
        for p in range(X.shape[1]):
            zeros += X[i, p] == 0
        left -= X.shape[1]
        if zeros > enough:
            return True
        if zeros + left <= enough:
            return False
    return False


@inner_kernel
def list_inputs(x: Floats, listed: NDArray[np.int64]) -> int:
    """List the non-zero inputs of one sample; return how many."""
    V = lanes(x)
    whole = x.size - x.size % V
    m = 0
    for p in range(0, whole, V):
        m = append(listed, m, p, load(x, p) != 0)
    if whole < x.size:
        m = append(listed, m, whole, load_first(x, whole, x.size - whole) != 0)
    return m


@inner_kernel
def list_columns(X: Matrix, k: int, n: int, listed: NDArray[np.int64]) -> int:
    """List the columns that are non-zero in at least one of k rows; return how many."""
    V = lanes(X.values)
    whole = n - n % V
    m = 0
    for p in range(0, whole, V):
        m = append(listed, m, p, or_rows(X, k, p, V, True) != 0)
    if whole < n:
        m = append(listed, m, whole, or_rows(X, k, whole, n - whole, False) != 0)
    return m


@inlined
def or_rows(X: Matrix, k: int, p: int, n: int, full: bool) -> Vector:
    """Return a vector of n columns from p on: a lane is 0 only where all k rows are 0."""
    some = load_up_to(X.values, p, n, full)
    for i in range(p + X.row, p + k * X.row, X.row):
        some = bitwise_or(some, load_up_to(X.values, i, n, full))
    return some


@inlined
def load_up_to(x: Floats, i: int, n: int, full: bool) -> Vector:
    """Load n numbers, a full vector or fewer, without touching the memory behind them."""
    return load(x, i) if full else load_first(x, i, n)


@inner_kernel
def list_rows(X: Matrix, k: int, p: int, listed: NDArray[np.int64]) -> int:
    """List the rows with a non-zero among the eight columns from p on; return how many."""
    m = 0
    for i in range(k):
        listed[m] = i
        m += bits(load(X.values, i * X.row + p, 8) != 0) != 0
    return m

"""Which inputs are not zero, listed without a branch: the others need no visit to their weights."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.arguments import Floats, Matrix
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.simd import bits, load, load_first

MANY = 0.2  # of the inputs: where a batch's lists pay


TRANSPOSITION = tuple(
    (np.uint64(shift), np.uint64(mask))
    for shift, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))
)


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
def list_columns(
    X: Matrix, k: int, n: int, listed: NDArray[np.int64], seen: NDArray[np.int64]
) -> int:
    """List the columns of up to eight rows that are not 0 in all of them; return how many.

    Bit i of what is seen of a column tells whether row i is not 0 there.
    """
    m = 0
    for p in range(0, n, 8):
        square = np.uint64(0)
        for i in range(k):
            at = i * X.row + p
            # memory behind the last row may be nobody's
            x = load(X.values, at, 8) if p + 8 <= n else load_first(X.values, at, n - p, 8)
            square |= np.uint64(bits(x != 0)) << np.uint64(8 * i)
        if square == 0:
            continue
        square = transposed(square)
        for q in range(p, min(p + 8, n)):
            listed[m] = q
            seen[m] = np.int64(square & np.uint64(255))
            m += seen[m] != 0
            square >>= np.uint64(8)
    return m


@kernel
def transposed(square: np.uint64) -> np.uint64:
    """Exchange rows and columns of 8 x 8 bits (Warren, Hacker's Delight, section 7-3)."""
    for shift, mask in TRANSPOSITION:
        other = (square ^ (square >> shift)) & mask
        square ^= other ^ (other << shift)
    return square


@kernel
def list_rows(X: Matrix, k: int, p: int, listed: NDArray[np.int64]) -> int:
    """List the rows whose eight columns from p on are not all 0; return how many."""
    m = 0
    for i in range(k):
        listed[m] = i
        m += bits(load(X.values, i * X.row + p, 8) != 0) != 0
    return m

"""Which inputs are not zero, listed without a branch: the others need no visit to their weights."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.cpu import WIDE
from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.network.arguments import Block, Floats, Matrix, Vector
from mlp_fast.kernels.simd.compress import append, compress, either
from mlp_fast.kernels.simd.vector import bits, expect, lanes, load, load_first, splat, store

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


@kernel
def pack_columns(source: Floats, n: int, count: int, block: Block) -> int:
    """List the columns that are not 0 in all of the block's samples; return how many.

    Their rows of n columns begin at `block.places`. In `block.x` each has only what is listed, end
    to end, and behind it a vector of zeros.
    """
    V = lanes(source)
    whole = n - n % V
    m = 0
    for p in range(0, whole, V):
        m = pack_part(source, p, V, True, m, count, block)
    if whole < n:
        m = pack_part(source, whole, n - whole, False, m, count, block)
    for t in range(count):
        store(block.x, t * block.width + m, splat(source.dtype.type(0.0)))
    return m


@inlined
def pack_part(source: Floats, p: int, n: int, full: bool, m: int, count: int, block: Block) -> int:
    """Do so for n columns, a full vector or less, from p on; return how many are listed now."""
    ahead = 8 * lanes(source)  # so many rows side by side are more than a CPU looks ahead in
    some = load_part(source, block.places[0] + p, n, full)
    for t in range(count):
        begin = block.places[t] + p
        expect(source, begin + ahead)
        some = either(some, load_part(source, begin, n, full))
    following: int = append(block.listed, m, p, some != 0)
    if following == m:
        return m
    for t in range(count):
        begin, to = block.places[t], t * block.width
        if WIDE:
            x = load_part(source, begin + p, n, full)
            store(block.x, to + m, compress(x, some != 0))
        else:  # there is no such instruction
            for q in range(m, following):
                block.x[to + q] = source[begin + block.listed[q]]
    return following


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

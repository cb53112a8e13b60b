"""Pack a block of rows: drop the columns that are 0 in all of them.

Dense rows and the same rows in CSR are packed to the same bits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.cpu import WIDE
from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.buffers import aligned, lanes_of, padded_stride
from mlp_fast.kernels.linalg.csr import clear, scatter
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.linalg.nonzero import load_up_to
from mlp_fast.kernels.simd.arrays import flat
from mlp_fast.kernels.simd.compress import SLACK, append, bitwise_or, compress
from mlp_fast.kernels.simd.memory import prefetch, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes, splat

COLUMNS_AS_DENSE = 8  # columns per stored number: with fewer, packing as dense is faster


class Packed(NamedTuple):
    """Buffers for a block of packed rows."""

    x: Floats  # (rows, width), each row's packed columns, padded with a vector of zeros
    width: int
    listed: NDArray[np.int64]  # (n + SLACK,), indices of the columns that are kept
    places: NDArray[np.int64]  # (rows,), where each row begins in its source
    dense: Floats  # (rows, n) or empty: zeros, into which sparse rows are scattered
    heads: NDArray[np.int64]  # (3, rows), the k-way merge's place, end and next column in each row


def packed_buffers(n_rows: int, n: int, dtype: np.dtype, stored: int) -> Packed:
    """Return buffers for rows of n columns of at most `stored` stored numbers; 0 if dense."""
    most = min(n, n_rows * stored) if stored else n  # columns that may be listed
    width = padded_stride(most + lanes_of(dtype), dtype)
    # rows that are sparser are always merged, and need no dense copy
    n_dense = n if stored and n <= COLUMNS_AS_DENSE * n_rows * stored else 0
    return Packed(
        x=aligned(n_rows * width, dtype),
        width=width,
        listed=np.zeros(n + SLACK, np.int64),
        places=np.zeros(n_rows, np.int64),
        dense=aligned(n_rows * n_dense, dtype),
        heads=np.zeros((3, n_rows), np.int64),
    )


@inlined
def pack(rows: Rows, samples: NDArray[np.int64], packed: Packed, sparse: bool) -> int:
    """Pack some rows, dense or sparse; return how many columns are listed."""
    return pack_sparse(rows, samples, packed) if sparse else pack_dense(rows.X, samples, packed)


@inner_kernel
def pack_dense(X: Floats, samples: NDArray[np.int64], packed: Packed) -> int:
    """Pack some rows of a dense matrix; return how many columns are listed."""
    n = X.shape[1]
    for t in range(samples.size):
        packed.places[t] = samples[t] * n
    return pack_columns(flat(X), n, samples.size, packed)


@inner_kernel
def pack_columns(source: Floats, n: int, count: int, packed: Packed) -> int:
    """Pack rows of n columns that begin at `packed.places`; return how many columns are listed."""
    V = lanes(source)
    whole = n - n % V
    m = 0
    for p in range(0, whole, V):
        m = pack_part(source, p, V, True, m, count, packed)
    if whole < n:
        m = pack_part(source, whole, n - whole, False, m, count, packed)
    for t in range(count):
        store(packed.x, t * packed.width + m, splat(source.dtype.type(0.0)))
    return m


@inlined
def pack_part(
    source: Floats, p: int, n: int, full: bool, m: int, count: int, packed: Packed
) -> int:
    """Pack n columns from p on, a full vector or fewer, after the m listed; return the new m."""
    ahead = 8 * lanes(source)  # a CPU does not prefetch so many rows side by side by itself
    some = load_up_to(source, packed.places[0] + p, n, full)
    for t in range(count):
        begin = packed.places[t] + p
        prefetch(source, begin + ahead)
        some = bitwise_or(some, load_up_to(source, begin, n, full))
    following: int = append(packed.listed, m, p, some != 0)
    if following == m:
        return m
    for t in range(count):
        begin, to = packed.places[t], t * packed.width
        if WIDE:
            x = load_up_to(source, begin + p, n, full)
            store(packed.x, to + m, compress(x, some != 0))
        else:  # without a compress instruction
            for q in range(m, following):
                packed.x[to + q] = source[begin + packed.listed[q]]
    return following


@inner_kernel
def pack_sparse(rows: Rows, samples: NDArray[np.int64], packed: Packed) -> int:
    """Pack some sparse rows: by a k-way merge, or as dense rows if they store much."""
    stored = 0
    for t in range(samples.size):
        stored += rows.starts[samples[t] + 1] - rows.starts[samples[t]]
    if rows.n > COLUMNS_AS_DENSE * stored:
        return merge_columns(rows, samples, packed)
    scatter(rows, samples, packed.dense, rows.n)
    for t in range(samples.size):
        packed.places[t] = t * rows.n
    m = pack_columns(packed.dense, rows.n, samples.size, packed)
    clear(rows, samples, packed.dense, rows.n)
    return m


@inner_kernel
def merge_columns(rows: Rows, samples: NDArray[np.int64], packed: Packed) -> int:
    """Pack sparse rows by a k-way merge of their columns; return how many are listed."""
    count, n, columns = samples.size, rows.n, rows.columns
    place, end, head = packed.heads[0], packed.heads[1], packed.heads[2]
    p = n
    for t in range(count):
        place[t], end[t] = rows.starts[samples[t]], rows.starts[samples[t] + 1]
        head[t] = columns[place[t]] if place[t] < end[t] else n
        p = min(p, head[t])
    m = 0
    while p < n:
        following, some = n, 0
        for t in range(count):
            x = packed.x.dtype.type(0.0)
            if head[t] == p:
                x = rows.values[place[t]]
                some |= x != 0
                place[t] += 1
                head[t] = columns[place[t]] if place[t] < end[t] else n
            packed.x[t * packed.width + m] = x
            following = min(following, head[t])
        packed.listed[m] = p
        m += some
        p = following
    for t in range(count):
        store(packed.x, t * packed.width + m, splat(packed.x.dtype.type(0.0)))
    return m
